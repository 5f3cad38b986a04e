"""Invitations: a link by e-mail, used once within 72 hours, with which a person sets the first password."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from registry.accounts.account_changes import AccountChanged, confirm_account, disable_account, enable_account
from registry.accounts.invitations import Invitation, InvitationNotFound, invitation_key
from registry.accounts.models import Person, account_named
from registry.accounts.roles import Actor, Role
from registry.accounts.service import (
    AccountNotInvited,
    NewPerson,
    NoMailServer,
    accept_invitation,
    invite_again,
    invite_person,
    person_named,
    set_password,
)
from registry.accounts.sign_in import PasswordNotAccepted, sign_in
from registry.core.database import db, transaction
from registry.core.errors import Invalid
from registry.core.outbox import OutboxMessage
from registry.journal.service import JournalEntry
from registry.notifications.email import render_email
from registry.notifications.models import OutboundEmail
from registry.notifications.recipients import recipient_now
from tests.factories import PASSWORD, an_actor, an_agency
from tests.fixtures.web import Visit
from tests.notifications.readers import queued_emails
from tests.notifications.test_email_texts import MAIL, text_of
from tests.present import Present

NEW_PASSWORD = "the password of her own choice"


@pytest.fixture(autouse=True)
def _with_mail_server(app: Flask, present: Present, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "INVITATIONS_BY_EMAIL", True)
    present.set(date(2026, 11, 26))


@pytest.fixture
def administrator() -> Actor:
    return an_actor(Role.ADMINISTRATOR)


def invite(administrator: Actor, role: Role = Role.AGENCY_EDITOR, name: str = "zhanna") -> Person:
    agency = an_agency().id if role is Role.AGENCY_EDITOR else None
    return invite_person(administrator, NewPerson(name, role, agency, f"{name}@readers.kz", "en"))


def key() -> str:
    return invitation_key(db.session.scalars(select(Invitation.id)).one())


def status(name: str = "zhanna") -> str:
    account = account_named(name)
    assert account is not None
    return account.status


def test_invited_person_sets_the_password_and_signs_in(administrator: Actor) -> None:
    invite(administrator)
    assert status() == "invited"
    assert accept_invitation(key(), NEW_PASSWORD, "10.0.0.1", "r") == "zhanna"
    assert status() == "active" and sign_in("zhanna", NEW_PASSWORD, "10.0.0.1", "r").secret
    person = person_named("zhanna")
    assert person is not None and person.password_must_change is False


def test_invited_person_cannot_sign_in_before_the_password_is_set(administrator: Actor) -> None:
    invite(administrator)
    for password in ("", NEW_PASSWORD):
        with pytest.raises(PasswordNotAccepted):
            sign_in("zhanna", password, "10.0.0.1", "r")


def test_invitation_works_once(administrator: Actor) -> None:
    invite(administrator)
    used = key()
    accept_invitation(used, NEW_PASSWORD, "10.0.0.1", "r")
    with pytest.raises(InvitationNotFound):
        accept_invitation(used, "another password of mine", "10.0.0.1", "r")


@pytest.mark.parametrize(("age", "works"), [(timedelta(hours=72, seconds=-1), True), (timedelta(hours=72), False)])
def test_invitation_expires_after_72_hours(
    administrator: Actor, present: Present, age: timedelta, *, works: bool
) -> None:
    invite(administrator)
    used = key()
    present.move(age)
    if works:
        accept_invitation(used, NEW_PASSWORD, "10.0.0.1", "r")
    else:
        with pytest.raises(InvitationNotFound):
            accept_invitation(used, NEW_PASSWORD, "10.0.0.1", "r")
    assert status() == ("active" if works else "invited")


def test_another_invitation_replaces_the_first(administrator: Actor) -> None:
    person = invite(administrator)
    first = key()
    invite_again(administrator, person.account_id)
    assert key() != first
    with pytest.raises(InvitationNotFound):
        accept_invitation(first, NEW_PASSWORD, "10.0.0.1", "r")
    accept_invitation(key(), NEW_PASSWORD, "10.0.0.1", "r")
    with pytest.raises(AccountNotInvited):
        invite_again(administrator, person.account_id)


def test_invitation_ends_when_the_address_changes(administrator: Actor) -> None:
    person = invite(administrator)
    with transaction():
        person.email = "another@readers.kz"
    with pytest.raises(InvitationNotFound):
        accept_invitation(key(), NEW_PASSWORD, "10.0.0.1", "r")


def test_disabling_ends_the_invitation_for_good(administrator: Actor) -> None:
    person = invite(administrator)
    used = key()
    disable_account(administrator, person.account_id)
    enable_account(administrator, person.account_id)
    assert status() == "invited"
    with pytest.raises(InvitationNotFound):
        accept_invitation(used, NEW_PASSWORD, "10.0.0.1", "r")


def test_unusable_password_is_refused_and_the_invitation_stays(administrator: Actor) -> None:
    invite(administrator)
    with pytest.raises(Invalid) as error:
        accept_invitation(key(), "short", "10.0.0.1", "r")
    assert error.value.problems[0].code == "password-length" and status() == "invited"


def test_account_for_two_people_is_invited_when_it_is_confirmed(administrator: Actor) -> None:
    person = invite(administrator, Role.REVIEWER)
    assert status() == "pending" and queued_emails() == []
    second = replace(administrator, principal="second")
    assert confirm_account(second, person.account_id, Role.REVIEWER, "zhanna@readers.kz") is None
    assert status() == "invited" and [kind for _, kind, _ in queued_emails()] == ["invitation"]
    accept_invitation(key(), NEW_PASSWORD, "10.0.0.1", "r")
    assert status() == "active"


def test_account_is_not_confirmed_with_another_address_than_displayed(administrator: Actor) -> None:
    person = invite(administrator, Role.REVIEWER)
    second = replace(administrator, principal="second")
    with pytest.raises(AccountChanged):
        confirm_account(second, person.account_id, Role.REVIEWER, "before@readers.kz")
    assert status() == "pending"


def test_without_a_mail_server_the_confirming_person_gets_a_password(app: Flask, administrator: Actor) -> None:
    person = invite(administrator, Role.REVIEWER)
    app.config["INVITATIONS_BY_EMAIL"] = False
    password = confirm_account(replace(administrator, principal="second"), person.account_id, Role.REVIEWER)
    assert password is not None and status() == "active"
    with pytest.raises(NoMailServer):
        invite(administrator, name="bota")


def test_email_leads_to_the_page_and_no_table_holds_the_key(administrator: Actor) -> None:
    invite(administrator)
    [(address, kind, references)] = queued_emails()
    assert (address, kind) == ("zhanna@readers.kz", "invitation")
    letter = db.session.scalars(select(OutboundEmail)).one()
    to = recipient_now(letter.person_id, None)
    assert to is not None
    text = text_of(render_email(MAIL, "k", to, letter.events, letter.created_at, is_digest=False))
    assert f"https://registry.tests/invitation?key={key()}" in text and "Hello zhanna," in text
    row = db.session.scalars(select(Invitation)).one()
    assert row.key_hash == hashlib.sha256(key().encode()).hexdigest() and references == [row.id]
    kept = [str(message.payload) for message in db.session.scalars(select(OutboxMessage))]
    kept += [entry.details for entry in db.session.scalars(select(JournalEntry))] + [str(letter.events), row.salt]
    assert not any(key() in each for each in kept)


def test_page_of_the_link_sets_the_password(app: Flask, administrator: Actor, visit: Visit) -> None:
    invite(administrator)
    path = f"/invitation?key={key()}"
    assert "Choose a password" in visit.get(path).text
    differing = visit.send(path, password=NEW_PASSWORD, password_again="another password")
    assert differing.status_code == 422 and "The two passwords differ" in differing.text
    assert visit.send(path, password="short", password_again="short").status_code == 422
    page = visit.send(path, password=NEW_PASSWORD, password_again=NEW_PASSWORD)
    assert page.request.path == "/sign-in" and "Your password is set. Sign in with the name zhanna." in page.text
    assert visit.sign_in("zhanna", NEW_PASSWORD).request.path == "/home"
    assert Visit(app.test_client()).get(path).status_code == 404


def test_password_of_an_administrator_ends_the_invitation(administrator: Actor) -> None:
    person = invite(administrator)
    used = key()
    set_password(administrator, person.id, PASSWORD)
    assert status() == "active"
    with pytest.raises(InvitationNotFound):
        accept_invitation(used, NEW_PASSWORD, "10.0.0.1", "r")
