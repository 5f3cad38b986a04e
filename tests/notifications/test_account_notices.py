"""Security notices to the owner of an account."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pyotp
import pytest
from flask import Flask
from sqlalchemy import select

from registry.accounts.factors import begin_totp_enrolment, finish_totp_enrolment
from registry.accounts.service import change_own_password, edit_account
from registry.accounts.sessions import find_factor_session, find_session_user
from registry.accounts.sign_in import sign_in
from registry.accounts.tokens import issue_own_token
from registry.core.clock import now
from registry.core.database import db
from registry.journal.service import JournalEntry
from registry.notifications.email import render_email
from registry.notifications.immediate import process_outbox
from registry.notifications.models import OutboundEmail
from registry.notifications.recipients import recipient_now
from tests.factories import ADMINISTRATOR, an_agency
from tests.notifications.readers import PASSWORD, create_reader, delete_emails, queued_emails
from tests.notifications.test_email_texts import MAIL, text_of
from tests.present import Present

ASKING = replace(MAIL, support_contact="help@registry.tests")
AT = "26.11.2026 12:00"


@pytest.fixture(autouse=True)
def _at_noon(app: Flask, present: Present) -> None:
    present.set(date(2026, 11, 26))


def test_owner_is_notified_of_a_sign_in_on_a_new_device_alone() -> None:
    create_reader("auditor", name="zhanna")
    create_reader("administrator", name="adil")
    sign_in("zhanna", PASSWORD, "10.0.0.1", "r", device="known")
    sign_in("zhanna", PASSWORD, "10.0.0.1", "r", device="known")
    assert queued_emails() == []
    sign_in("zhanna", PASSWORD, "10.0.0.1", "r")
    assert queued_emails() == [("zhanna@readers.kz", "account-new-device", [AT])]


def test_first_sign_in_of_a_new_account_is_no_alarm() -> None:
    create_reader("auditor", name="zhanna")
    sign_in("zhanna", PASSWORD, "10.0.0.1", "r")
    assert queued_emails() == []
    sign_in("zhanna", PASSWORD, "10.0.0.2", "r")
    assert queued_emails() == [("zhanna@readers.kz", "account-new-device", [AT])]


def test_owner_is_notified_of_password_factor_and_token() -> None:
    create_reader("auditor", name="zhanna")
    secret = sign_in("zhanna", PASSWORD, "10.0.0.1", "r", device="known").secret
    user = find_session_user(secret, "", "")
    assert user is not None
    secret = change_own_password(user.actor, PASSWORD, "quite another password")
    session = find_factor_session(secret, "", "")
    assert session is not None
    secret = finish_totp_enrolment(session, pyotp.TOTP(begin_totp_enrolment(session).secret).at(now()))
    user = find_session_user(secret, "", "")
    issue_own_token(user.actor)
    assert queued_emails() == [
        ("zhanna@readers.kz", "account-factor", [AT]),
        ("zhanna@readers.kz", "account-password", [AT]),
        ("zhanna@readers.kz", "account-token", [AT]),
    ]


@pytest.mark.parametrize("role", ["auditor", "agency_editor"])
@pytest.mark.parametrize("address", ["attacker@readers.kz", None])
def test_former_address_learns_that_an_administrator_gave_the_account_another_one(
    role: str, address: str | None
) -> None:
    person = create_reader(role, an_agency() if role == "agency_editor" else None, name="zhanna")
    edit_account(ADMINISTRATOR, person.account_id, {"email": address, "name": "Zhanna Serikova"})
    edit_account(ADMINISTRATOR, person.account_id, {"language": "ru"})
    entry = db.session.scalars(select(JournalEntry).where(JournalEntry.action == "account.changed")).first()
    assert entry is not None
    assert json.loads(entry.details)["changes"] == [{"field": "email", "old": "zhanna@readers.kz", "new": address}]
    assert queued_emails() == [("zhanna@readers.kz", "account-email", [entry.seq])]


def test_notice_names_the_time_and_leads_to_the_account() -> None:
    create_reader("auditor", name="zhanna")
    for _ in range(2):
        delete_emails()
        sign_in("zhanna", PASSWORD, "10.0.0.1", "r")
    process_outbox(with_mail=True)
    queued = db.session.scalars(select(OutboundEmail)).one()
    to = recipient_now(queued.person_id, None)
    assert to is not None
    email = render_email(ASKING, "k", to, queued.events, now(), is_digest=False)
    assert email["Subject"] == "Somebody signed in to your account on a new device"
    for sentence in (
        "If it was not you, change your password and tell an administrator of the register at once.",
        "Questions? Ask help@registry.tests",
    ):
        assert f"\n\n{sentence}\n\n" in text_of(email)
    assert f"  {AT} – https://registry.tests/account\n" in text_of(email)
    assert "10.0.0.1" not in text_of(email)
