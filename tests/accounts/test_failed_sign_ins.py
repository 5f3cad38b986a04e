"""Failed sign-ins: what is recorded, for how long, and the alert when they surge."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import Connection, select

from registry.accounts.account_changes import disable_account
from registry.accounts.attempts import FailedSignIn, TooManyAttempts, delete_old_failures, name_hash_of, record_failure
from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person
from registry.accounts.sign_in import AccountNotConfirmed, PasswordNotAccepted, sign_in
from registry.core.database import db
from registry.core.errors import RegistryError
from registry.core.outbox import OutboxMessage
from registry.journal.service import JournalEntry
from tests.factories import ADMINISTRATOR, PASSWORD, an_actor
from tests.present import Present
from tests.statements import statements

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
FAILED = "password-not-accepted"


def fail(name: str, password: str = "wrong", source: str = "10.0.0.1", request_id: str = "r1") -> None:
    with pytest.raises(RegistryError):
        sign_in(name, password, source, request_id)


def recorded() -> list[FailedSignIn]:
    return list(db.session.scalars(select(FailedSignIn).order_by(FailedSignIn.id)))


def surges() -> list[int]:
    entries = db.session.scalars(select(JournalEntry).where(JournalEntry.action == "sign-in.surged"))
    return [json.loads(entry.details)["failures"] for entry in entries]


def test_wrong_password_is_recorded_with_account_address_and_request(app: Flask, present: Present) -> None:
    at = present.set(START)
    add_person(ADMINISTRATOR, NewPerson("saule", Role.SUPERVISOR), PASSWORD)
    fail(" saule ")
    (row,) = recorded()
    assert (row.name, row.name_hash, row.source, row.reason) == ("saule", None, "10.0.0.1", FAILED)
    assert (row.request_id, row.at, row.last_at, row.count) == ("r1", at, at, 1)


def test_unknown_name_is_stored_as_a_keyed_hash_only(app: Flask) -> None:
    fail("my secret password")
    (row,) = recorded()
    assert row.name is None and row.name_hash == name_hash_of("My Secret Password")
    app.secret_key = "another key of the service"
    assert row.name_hash != name_hash_of("my secret password")
    stored = " ".join(str(getattr(row, column.key)) for column in FailedSignIn.__mapper__.column_attrs)
    journalled = " ".join(entry.details + entry.subject for entry in db.session.scalars(select(JournalEntry)))
    assert "secret password" not in (stored + journalled).casefold()


@pytest.mark.parametrize("name", ["", "\x00", "\ud800", "x" * 100_000, "a\u202eb"])
def test_unusable_name_is_recorded_too(app: Flask, name: str) -> None:
    fail(name)
    assert [(row.name, row.reason) for row in recorded()] == [(None, FAILED)]


def test_disabled_and_pending_accounts_and_the_throttle_are_recorded_by_reason(app: Flask) -> None:
    person = add_person(ADMINISTRATOR, NewPerson("disabled", Role.OPERATOR), PASSWORD)
    disable_account(ADMINISTRATOR, person.account_id)
    add_person(an_actor(Role.ADMINISTRATOR), NewPerson("pending", Role.OPERATOR), PASSWORD)
    with pytest.raises(PasswordNotAccepted):
        sign_in("disabled", PASSWORD, "10.0.0.1", "r")
    with pytest.raises(AccountNotConfirmed):
        sign_in("pending", PASSWORD, "10.0.0.1", "r")
    for name in ("somebody", "disabled"):
        for _ in range(5):
            fail(name, source="10.0.0.2")
        for _ in range(2):
            with pytest.raises(TooManyAttempts):
                sign_in(name, PASSWORD, "10.0.0.2", "r")
    assert [(row.name, row.reason, row.count) for row in recorded()] == [
        ("disabled", FAILED, 1),
        ("pending", "account-not-confirmed", 1),
        (None, FAILED, 5),
        (None, "too-many-attempts", 2),
        ("disabled", FAILED, 5),
        ("disabled", "too-many-attempts", 2),
    ]


def test_successful_sign_in_is_not_recorded(app: Flask) -> None:
    add_person(ADMINISTRATOR, NewPerson("saule", Role.SUPERVISOR), PASSWORD)
    sign_in("saule", PASSWORD, "10.0.0.1", "r")
    assert recorded() == []


def test_repetition_within_15_minutes_is_one_row_with_a_count(app: Flask, present: Present) -> None:
    present.set(START)
    for minutes in (0, 10, 20, 36):
        present.set(START + timedelta(minutes=minutes))
        record_failure("nobody", "10.0.0.1", "r", FAILED)
    assert [(row.at, row.last_at, row.count) for row in recorded()] == [
        (START, START + timedelta(minutes=20), 3),
        (START + timedelta(minutes=36), START + timedelta(minutes=36), 1),
    ]


def test_records_are_deleted_after_90_days(app: Flask, present: Present) -> None:
    present.set(START)
    record_failure("nobody", "10.0.0.1", "r", FAILED)
    present.set(START + timedelta(days=90))
    delete_old_failures()
    assert len(recorded()) == 1
    present.set(START + timedelta(days=90, seconds=1))
    delete_old_failures()
    assert recorded() == []


def test_surge_of_50_failures_in_15_minutes_is_reported_once_an_hour(app: Flask, present: Present) -> None:
    present.set(START)
    for number in range(49):
        record_failure(f"name {number}", f"10.0.0.{number}", "r", FAILED)
    assert surges() == []
    record_failure("name 49", "10.0.1.1", "r", FAILED)
    record_failure("name 50", "10.0.1.1", "r", FAILED)
    assert surges() == [50]
    present.set(START + timedelta(minutes=59))
    for number in range(60):
        record_failure(f"name {number}", "10.0.0.1", "r", FAILED)
    assert surges() == [50]
    present.set(START + timedelta(minutes=60))
    record_failure("one more", "10.0.0.1", "r", FAILED)
    assert surges() == [50, 61]
    messages = db.session.scalars(select(OutboxMessage).where(OutboxMessage.topic == "sign-in.surged"))
    assert len(messages.all()) == 2


def test_failures_of_more_than_15_minutes_ago_are_no_surge(app: Flask, present: Present) -> None:
    # At most 45 in any 15 minutes.
    for number in range(90):
        present.set(START + timedelta(seconds=20 * number))
        record_failure(f"name {number}", "10.0.0.1", "r", FAILED)
    assert surges() == []


@pytest.mark.parametrize("name", ["adil", " ADIL", "adil  x", "nobody at all"])
def test_failed_sign_in_sends_the_same_statements_with_and_without_an_account(
    app: Flask, connection: Connection, name: str
) -> None:
    add_person(ADMINISTRATOR, NewPerson("adil", Role.OPERATOR), PASSWORD)
    sent = []
    for each in ("somebody else", name):
        with statements(connection) as of_attempt:
            fail(each)
        sent.append([sql.split()[0] for sql in of_attempt])
    assert sent[0] == sent[1]
    assert len(sent[0]) > 8
