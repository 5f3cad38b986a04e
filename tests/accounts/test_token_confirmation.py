"""Tokens that wait for a second person, those of service accounts with a role of oversight among them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from registry.accounts.account_changes import (
    ConfirmationNeedsAnotherPerson,
    TokenNotPending,
    confirm_account,
    confirm_token,
    disable_account,
    pending_tokens,
)
from registry.accounts.models import AccountsNeedAPerson, account_named
from registry.accounts.roles import Actor, Role, RoleNotAllowed
from registry.accounts.tokens import (
    PeopleMakeTheirOwnTokens,
    Token,
    TokenNotAccepted,
    TokenNotFound,
    authenticate_token,
    issue,
    revoke,
)
from registry.core.clock import now
from registry.core.database import db
from registry.journal.service import JournalEntry
from tests.accounts.test_accounts import ADIL, BOTA, DAY, OVERSIGHT, SAULE, a_person
from tests.factories import ADMINISTRATOR, an_actor, an_agency, with_account
from tests.present import Present


@pytest.fixture
def robot(app: Flask, present: Present) -> int:
    """The id of a service account that decides."""
    present.set(date(2026, 3, 2))
    issue(ADMINISTRATOR, "robot", Role.SUPERVISOR, None, None)
    account = account_named("robot")
    return account.id


def test_pending_tokens_are_listed_oldest_first_with_their_account(robot: int, present: Present) -> None:
    issue(ADMINISTRATOR, "second", Role.REVIEWER, None, None)
    start = now()
    first, same_time = (
        issue(with_account(ADIL), "robot", None, None, DAY),
        issue(with_account(BOTA), "second", None, None, None),
    )
    present.move(timedelta(minutes=1))
    last = issue(with_account(ADIL), "robot", Role.OPERATOR, None, DAY)
    # The times decide before the order of the rows.
    db.session.get_one(Token, _row_id(first.key_id)).pending_since = start + timedelta(minutes=2)
    db.session.commit()

    rows = pending_tokens(with_account(ADIL))

    assert [(row["key_id"], row["name"], row["role"], row["asked_by"], row["can_confirm"]) for row in rows] == [
        (same_time.key_id, "second", "reviewer", "bota", True),
        (last.key_id, "robot", "operator", "adil", False),
        (first.key_id, "robot", "supervisor", "adil", False),
    ]
    assert [row["pending_since"] - start for row in rows] == [timedelta(minutes=each) for each in (0, 1, 2)]


def _row_id(key_id: str) -> int:
    return db.session.scalars(select(Token.id).where(Token.key_id == key_id)).one()


def test_pending_token_of_a_disabled_account_is_not_listed(robot: int) -> None:
    issue(with_account(ADIL), "robot", None, None, DAY)
    disable_account(BOTA, robot)
    assert pending_tokens(SAULE) == []


def test_pending_token_ends_at_the_second_of_its_expiry(robot: int, present: Present) -> None:
    first, second = (issue(with_account(ADIL), "robot", None, None, DAY) for _ in range(2))
    present.move(DAY - timedelta(seconds=1))
    assert len(pending_tokens(SAULE)) == 2
    confirm_token(SAULE, first.key_id)
    present.move(timedelta(seconds=1))
    assert pending_tokens(SAULE) == []
    with pytest.raises(TokenNotPending):
        confirm_token(SAULE, second.key_id)


def test_confirmation_is_journalled_with_the_agency(app: Flask) -> None:
    agency = an_agency()
    issue(ADMINISTRATOR, "robot", Role.AGENCY_EDITOR, agency.id, None)
    token = issue(with_account(ADIL), "robot", None, None, DAY)
    # An agency's token waits for no confirmation today; what is journalled must not depend on that.
    row = db.session.get_one(Token, _row_id(token.key_id))
    row.pending_since, row.asked_account_id = now(), with_account(ADIL).account_id
    db.session.commit()

    confirm_token(with_account(BOTA), token.key_id)

    subject = f"token:{token.key_id}"
    entry = select(JournalEntry).where(JournalEntry.subject == subject, JournalEntry.action == "token.confirmed")
    assert json.loads(db.session.scalars(entry).one().details) == {
        "account": "robot",
        "role": "agency_editor",
        "agency": agency.bin,
        "asked_by": "adil",
    }


def test_administrator_cannot_issue_a_token_for_a_person(app: Flask) -> None:
    a_person("saule", Role.SUPERVISOR)
    with pytest.raises(PeopleMakeTheirOwnTokens):
        issue(with_account(ADIL), "saule", None, None, DAY)


def test_token_of_a_pending_service_account_is_rejected_until_confirmed(app: Flask) -> None:
    token = issue(with_account(ADIL), "robot", Role.SUPERVISOR, None, DAY)
    with pytest.raises(TokenNotAccepted):
        authenticate_token(token.text, "", "")
    account = account_named("robot")
    assert confirm_account(BOTA, account.id, Role.SUPERVISOR) is None
    # The token is the account's password, and is confirmed by itself.
    with pytest.raises(TokenNotAccepted):
        authenticate_token(token.text, "", "")
    confirm_token(with_account(BOTA), token.key_id)
    assert not authenticate_token(token.text, "", "").is_person


@pytest.mark.parametrize("role", OVERSIGHT)
@pytest.mark.parametrize("confirming", [BOTA, SAULE, ADMINISTRATOR])
def test_token_for_an_oversight_service_account_is_out_until_a_second_person_confirms(
    app: Flask, role: Role, confirming: Actor
) -> None:
    running = issue(ADMINISTRATOR, "robot", role, None, None)
    token = issue(with_account(ADIL), "robot", None, None, DAY)
    assert token.pending and not running.pending
    with pytest.raises(TokenNotAccepted):
        authenticate_token(token.text, "", "")
    # What runs already goes on.
    assert authenticate_token(running.text, "", "").role is role
    assert [(row["key_id"], row["can_confirm"]) for row in pending_tokens(with_account(ADIL))] == [
        (token.key_id, False)
    ]
    with pytest.raises(ConfirmationNeedsAnotherPerson):
        confirm_token(with_account(ADIL), token.key_id)
    confirm_token(confirming, token.key_id)
    assert authenticate_token(token.text, "", "").role is role
    assert pending_tokens(with_account(BOTA)) == []
    with pytest.raises(TokenNotPending):
        confirm_token(with_account(BOTA), token.key_id)
    entries = db.session.execute(
        select(JournalEntry.action, JournalEntry.principal, JournalEntry.details)
        .where(JournalEntry.subject == f"token:{token.key_id}")
        .order_by(JournalEntry.seq)
    ).all()
    assert [(row.action, row.principal) for row in entries] == [
        ("token.issued", "adil"),
        ("token.confirmed", confirming.principal),
    ]
    assert json.loads(entries[0].details)["pending"] is True
    assert json.loads(entries[1].details) == {
        "account": "robot", "role": role.value, "agency": None, "asked_by": "adil",
    }  # fmt: skip


def test_narrower_token_of_an_oversight_service_account_waits_too(app: Flask) -> None:
    issue(ADMINISTRATOR, "robot", Role.SUPERVISOR, None, None)
    assert issue(with_account(ADIL), "robot", Role.OPERATOR, None, DAY).pending


def test_token_of_an_agency_service_account_works_at_once(app: Flask) -> None:
    token = issue(with_account(ADIL), "robot", Role.AGENCY_EDITOR, an_agency().id, DAY)
    assert authenticate_token(token.text, "", "").role is Role.AGENCY_EDITOR
    with pytest.raises(TokenNotPending):
        confirm_token(with_account(BOTA), token.key_id)


def test_token_that_ended_while_it_waited_is_not_confirmed(app: Flask, present: Present) -> None:
    issue(ADMINISTRATOR, "robot", Role.SUPERVISOR, None, None)
    revoked, expired = (issue(with_account(ADIL), "robot", None, None, DAY) for _ in range(2))
    revoke(BOTA, revoked.key_id)
    present.move(DAY)
    assert pending_tokens(with_account(BOTA)) == []
    for token in (revoked, expired):
        with pytest.raises(TokenNotPending):
            confirm_token(with_account(BOTA), token.key_id)
    with pytest.raises(TokenNotFound):
        confirm_token(with_account(BOTA), "0000000000")


def test_token_is_confirmed_by_people_of_two_roles_only(app: Flask) -> None:
    issue(ADMINISTRATOR, "robot", Role.SUPERVISOR, None, None)
    token = issue(with_account(ADIL), "robot", None, None, DAY)
    for role in (Role.REVIEWER, Role.OPERATOR, Role.AUDITOR):
        with pytest.raises(RoleNotAllowed):
            confirm_token(an_actor(role), token.key_id)
    with pytest.raises(AccountsNeedAPerson):
        confirm_token(replace(BOTA, is_person=False), token.key_id)
