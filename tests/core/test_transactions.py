"""``transaction()``, bulk inserts and events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from registry.accounts.models import Account
from registry.agencies.models import Agency
from registry.core import outbox
from registry.core.clock import now
from registry.core.database import Event, autocommit_reads, db, read_in_transaction, table_of, transaction
from registry.core.dialects import insert_rows
from registry.core.errors import Invalid, invalid
from registry.core.outbox import OutboxMessage
from registry.journal import service as journal
from registry.journal.service import JournalEntry
from tests.factories import ADMINISTRATOR, an_account, an_agency


def counts() -> dict[str, int]:
    tables = {"accounts": Account, "journal": JournalEntry, "agencies": Agency, "outbox": outbox.OutboxMessage}
    return {name: db.session.scalar(select(func.count()).select_from(table)) for name, table in tables.items()}


def test_change_journal_entry_and_outbox_row_are_committed_together(app: Flask) -> None:
    with transaction():
        an_agency()
        outbox.enqueue("topic", {})
    assert counts() == {"accounts": 0, "journal": 1, "agencies": 1, "outbox": 1}


def test_failed_change_is_rolled_back_completely(app: Flask) -> None:
    an_agency()
    before = counts()
    with pytest.raises(Invalid), transaction():
        an_account("somebody")
        outbox.enqueue("topic", {})
        journal.record(ADMINISTRATOR, "act", "thing:1")
        db.session.flush()
        raise invalid("/x", "required")
    assert counts() == before


def test_change_after_a_failure_does_not_include_the_failed_journal_entry(app: Flask) -> None:
    with pytest.raises(Invalid), transaction():
        journal.record(ADMINISTRATOR, "refused", "thing:1")
        raise invalid("/x", "required")
    with transaction():
        journal.record(ADMINISTRATOR, "accepted", "thing:1")
    assert db.session.scalars(select(JournalEntry.action)).all() == ["accepted"]


def test_nested_transaction_joins_the_outer_one_and_is_rolled_back_with_it(app: Flask) -> None:
    with pytest.raises(Invalid), transaction():
        an_agency()
        raise invalid("/x", "required")
    assert counts() == {"accounts": 0, "journal": 0, "agencies": 0, "outbox": 0}


def test_constraint_violation_on_flush_rolls_back_the_whole_change(app: Flask) -> None:
    with transaction():
        an_account("somebody")
    taken = db.session.scalars(select(Account)).one()
    with pytest.raises(IntegrityError), transaction() as session:
        journal.record(ADMINISTRATOR, "act", "thing:1")
        values = {"name_skeleton": "another", "kind": "service", "role": "operator", "created_at": taken.created_at}
        session.add(Account(name="somebody", **values))
    assert counts() == {"accounts": 1, "journal": 0, "agencies": 0, "outbox": 0}


def test_writing_outside_a_transaction_raises_runtime_error(app: Flask) -> None:
    with pytest.raises(RuntimeError, match="transaction"):
        outbox.enqueue("topic", {})
    with pytest.raises(RuntimeError, match="transaction"):
        journal.record(ADMINISTRATOR, "act", "thing:1")
    with pytest.raises(RuntimeError, match="transaction"):
        an_account("somebody")
    assert counts() == {"accounts": 0, "journal": 0, "agencies": 0, "outbox": 0}


def test_real_commits_behave_the_same(own_app: Flask) -> None:
    with own_app.app_context():
        with pytest.raises(Invalid), transaction():
            an_agency()
            raise invalid("/x", "required")
        an_agency()
    with own_app.app_context():
        assert counts() == {"accounts": 0, "journal": 1, "agencies": 1, "outbox": 0}


def test_commits_of_a_request_survive_reads_of_the_test(app: Flask) -> None:
    # A promise of the test suite itself: tests read, call the service through a client, and write again.
    agency = an_agency()
    assert db.session.scalar(select(func.count()).select_from(Agency)) == 1
    with app.app_context():
        an_agency()
    assert agency.kind == "central_body"
    an_agency()
    assert db.session.scalar(select(func.count()).select_from(Agency)) == 3


@pytest.mark.postgres_only
def test_autocommit_reads_are_not_in_a_transaction_until_read_in_transaction(own_app: Flask) -> None:
    def moments() -> set[object]:
        # PostgreSQL's now() is when the transaction began.
        return {db.session.scalar(select(func.now())) for _ in range(3)}

    with own_app.app_context():
        autocommit_reads()
        assert len(moments()) == 3
        with transaction():
            assert len(moments()) == 1
        assert len(moments()) == 3
        read_in_transaction()
        assert len(moments()) == 1


STRANGE = ("NULL", "null", "", " ", "{a,b}", '"', "\\", '\\"', "a,b", "Әділет\nқұқық", "%s", ":x")


@pytest.mark.usefixtures("app")
def test_bulk_insert_stores_any_text_unchanged() -> None:
    payloads = [{"text": text, text: [None, 1, True]} for text in STRANGE]
    with transaction() as session:
        messages = zip(STRANGE, payloads, strict=True)
        rows = [{"topic": topic, "payload": payload, "created_at": now()} for topic, payload in messages]
        insert_rows(session, OutboxMessage, rows)
        outbox = table_of(OutboxMessage).c
        kept = session.execute(select(outbox.topic, outbox.payload).order_by(outbox.id)).all()
    assert [tuple(row) for row in kept] == list(zip(STRANGE, payloads, strict=True))


def made(topics: str) -> Iterator[dict[str, Any]]:
    """Rows that are made while they are inserted; "!" cannot be made."""
    for topic in topics:
        if topic == "!":
            raise ValueError(topic)
        yield {"topic": topic, "payload": {}, "created_at": now()}


@pytest.mark.usefixtures("app")
def test_bulk_insert_takes_rows_that_are_made_meanwhile() -> None:
    with transaction() as session:
        insert_rows(session, OutboxMessage, made(""))
        insert_rows(session, OutboxMessage, made("abc"))
    assert db.session.scalars(select(OutboxMessage.topic).order_by(OutboxMessage.id)).all() == ["a", "b", "c"]


@pytest.mark.usefixtures("app")
def test_row_that_cannot_be_made_leaves_none_of_the_others() -> None:
    with pytest.raises(ValueError, match="!"), transaction() as session:
        insert_rows(session, OutboxMessage, made("ab!c"))
    assert db.session.scalar(select(func.count()).select_from(OutboxMessage)) == 0


def test_publish_runs_handlers_in_the_order_of_connection() -> None:
    calls: list[tuple[str, int]] = []
    event: Event[[int]] = Event("happened")

    @event.connect
    def first(number: int) -> None:
        calls.append(("first", number))

    @event.connect
    def second(number: int) -> None:
        calls.append(("second", number))

    event.publish(7)
    assert calls == [("first", 7), ("second", 7)]
    assert event.handlers == (first, second)


def test_exception_of_a_handler_reaches_the_publisher() -> None:
    event: Event[[]] = Event("happened")

    @event.connect
    def refuse() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        event.publish()
