"""Tokens that wait for a second person: the list, the errors and the journal entry."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from registry.accounts.account_changes import disable_account
from registry.accounts.confirmations import TokenNotPending, confirm_token, pending_tokens
from registry.accounts.models import account_named
from registry.accounts.roles import Role
from registry.accounts.tokens import Token, issue
from registry.core.clock import now
from registry.core.database import db
from registry.journal.service import JournalEntry
from tests.accounts.test_accounts import ADIL, BOTA, DAY, SAULE
from tests.factories import ADMINISTRATOR, an_agency
from tests.present import Present


@pytest.fixture
def robot(app: Flask, present: Present) -> int:
    """The id of a service account that decides."""
    present.set(date(2026, 3, 2))
    issue(ADMINISTRATOR, "robot", Role.SUPERVISOR, None, None)
    account = account_named("robot")
    assert account is not None
    return account.id


def test_pending_tokens_are_listed_oldest_first_with_their_account(robot: int, present: Present) -> None:
    issue(ADMINISTRATOR, "second", Role.REVIEWER, None, None)
    start = now()
    first, same_time = issue(ADIL, "robot", None, None, DAY), issue(BOTA, "second", None, None, None)
    present.move(timedelta(minutes=1))
    last = issue(ADIL, "robot", Role.OPERATOR, None, DAY)
    # The times decide before the order of the rows.
    db.session.get_one(Token, _row_id(first.key_id)).pending_since = start + timedelta(minutes=2)
    db.session.commit()

    rows = pending_tokens(ADIL)

    assert [(row["key_id"], row["name"], row["role"], row["asked_by"], row["can_confirm"]) for row in rows] == [
        (same_time.key_id, "second", "reviewer", "bota", True),
        (last.key_id, "robot", "operator", "adil", False),
        (first.key_id, "robot", "supervisor", "adil", False),
    ]
    assert [row["pending_since"] - start for row in rows] == [timedelta(minutes=each) for each in (0, 1, 2)]


def _row_id(key_id: str) -> int:
    return db.session.scalars(select(Token.id).where(Token.key_id == key_id)).one()


def test_pending_token_of_a_disabled_account_is_not_listed(robot: int) -> None:
    issue(ADIL, "robot", None, None, DAY)
    disable_account(BOTA, robot)
    assert pending_tokens(SAULE) == []


def test_pending_token_ends_at_the_second_of_its_expiry(robot: int, present: Present) -> None:
    first, second = (issue(ADIL, "robot", None, None, DAY) for _ in range(2))
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
    token = issue(ADIL, "robot", None, None, DAY)
    # An agency's token waits for no confirmation today; what is journalled must not depend on that.
    row = db.session.get_one(Token, _row_id(token.key_id))
    row.pending_since, row.asked_by = now(), "adil"
    db.session.commit()

    confirm_token(BOTA, token.key_id)

    subject = f"token:{token.key_id}"
    entry = select(JournalEntry).where(JournalEntry.subject == subject, JournalEntry.action == "token.confirmed")
    assert json.loads(db.session.scalars(entry).one().details) == {
        "account": "robot",
        "role": "agency_editor",
        "agency": agency.bin,
        "asked_by": "adil",
    }
