"""Confirmed requests that cannot take effect on their day: they stay due, and people get a notice once a day."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.core.database import db, transaction
from registry.journal.service import JournalEntry
from registry.requests.kinds import agency_succeeded
from registry.requests.models import Request, RequestKind
from registry.requests.service import cancel, carry_out_due_requests
from tests.api.callers import caller
from tests.factories import an_agency, with_account
from tests.fixtures.cli import CommandLine
from tests.fixtures.web import SignedIn
from tests.notifications.readers import create_reader, delete_emails, queued_emails
from tests.present import Present
from tests.requests.test_succession import ASKER, a_succession

DAY = date(2026, 9, 30)
NEXT = DAY + timedelta(days=1)


@pytest.fixture
def failing(app: Flask, present: Present, monkeypatch: pytest.MonkeyPatch) -> Request:
    """A succession of tomorrow that something above it will prevent."""
    present.set(DAY)
    create_reader(Role.ADMINISTRATOR, name="first")
    request = a_succession(an_agency(), an_agency(), NEXT, with_account(ASKER))
    failing_id = request.agency_id

    def fail(former_id: int, _successor_id: int) -> None:
        if former_id == failing_id:
            raise RuntimeError("the disk is full")

    monkeypatch.setattr(agency_succeeded, "_handlers", [*agency_succeeded.handlers, fail])
    return request


def failures() -> int:
    db.session.rollback()
    entries = select(JournalEntry.subject).where(JournalEntry.action == "request.failed")
    return len(db.session.scalars(entries).all())


def test_a_request_that_fails_stays_due_and_keeps_no_other_from_its_day(
    failing: Request, present: Present, caplog: pytest.LogCaptureFixture
) -> None:
    former = an_agency()
    other = a_succession(former, an_agency(), NEXT)
    present.set(NEXT)

    assert carry_out_due_requests() == [other.id]

    assert f"request {failing.id} could not be carried out" in caplog.text
    rows = db.session.execute(select(Request.id, Request.carried_out_at))
    assert {row.id: row.carried_out_at is not None for row in rows} == {other.id: True, failing.id: False}
    assert set(db.session.scalars(select(Agency.bin).where(Agency.closed_on.is_not(None)))) == {former.bin}


def test_operators_and_deciders_get_one_notice_a_day(failing: Request, present: Present) -> None:
    create_reader(Role.OPERATOR, name="operator")
    create_reader(Role.REVIEWER, name="reviewer")
    expected = [
        ("first@readers.kz", "request-failed", [failing.id]),
        ("operator@readers.kz", "request-failed", [failing.id]),
    ]
    queued_emails()
    delete_emails()
    present.set(NEXT)

    for _minute in range(3):
        assert carry_out_due_requests() == []
        present.move(timedelta(minutes=1))
    assert (queued_emails(), failures()) == (expected, 1)

    present.move(timedelta(days=1))
    delete_emails()
    carry_out_due_requests()
    assert (queued_emails(), failures()) == (expected, 2)


def test_the_request_shows_the_failure_until_it_takes_effect(
    failing: Request, present: Present, client: FlaskClient, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"/successions/{failing.id}"
    before = caller(client, Role.ADMINISTRATOR).get(address)
    assert before.get_json()["failed_at"] is None
    present.set(NEXT)
    carry_out_due_requests()
    failed = caller(client, Role.ADMINISTRATOR).get(address)

    assert failed.get_json()["failed_at"].startswith(NEXT.isoformat())
    assert failed.headers["ETag"] != before.headers["ETag"]
    supervisor = signed_in(Role.SUPERVISOR)
    assert "The request could not take effect" in supervisor.get(f"/requests/{failing.id}").text

    monkeypatch.undo()
    present.set(NEXT)
    assert carry_out_due_requests() == [failing.id]
    assert caller(client, Role.ADMINISTRATOR).get(address).get_json()["failed_at"] is None
    assert "could not take effect" not in supervisor.get(f"/requests/{failing.id}").text


def test_one_that_failed_can_be_cancelled(failing: Request, present: Present) -> None:
    present.set(NEXT)
    carry_out_due_requests()

    cancel(ASKER, RequestKind.SUCCESSION, failing.id)

    assert carry_out_due_requests() == []
    assert failures() == 1


def test_the_command_lists_what_failed_and_ends_with_1(own_app: Flask, registry: CommandLine) -> None:
    with own_app.app_context():
        request = a_succession(an_agency(), an_agency(), date(2100, 1, 1))
        request_id = request.id
        with transaction() as session:
            session.execute(update(Request).values(on=date(2026, 1, 1), details={}))
        db.session.remove()

    failed = registry("requests", "carry-out", "--json")

    assert failed.code == 1
    assert failed.json == {"carried_out": [], "failed": [request_id]}
    assert f"could not be carried out: {request_id}." in failed.err
