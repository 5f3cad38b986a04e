"""The journal: one chain in the order of commits, and entries that cannot be changed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import DBAPIError

from registry.accounts.roles import Actor, Role
from registry.core.database import db, transaction
from registry.core.errors import Invalid, invalid
from registry.journal import service as journal
from registry.journal.service import COLUMNS, FIRST_HASH, JournalEntry, JournalHead, canonical, entry_hash
from registry.journal.verification import verify_stored
from tests.factories import ADMINISTRATOR, an_account
from tests.present import Present

WRITERS = 6
CHANGES_EACH = 10


def entries() -> list[JournalEntry]:
    return list(db.session.scalars(select(JournalEntry).order_by(JournalEntry.seq)))


def test_entry_contains_actor_action_time_and_source(app: Flask, present: Present) -> None:
    present.set(datetime(2026, 3, 1, 4, 5, 6, 7, tzinfo=UTC))
    actor = Actor(
        "Әсел Құдайберген",
        Role.REVIEWER,
        None,
        "10.1.2.3",
        "request-1",
        credential="token:0123456789",
        client_request_id="of-the-caller",
    )
    with transaction():
        journal.record(actor, "placement.verified", "project:QT-2026-0000001-1", {"b": "ә", "a": None})
    (entry,) = entries()
    assert {name: getattr(entry, name) for name in COLUMNS} == {
        "seq": 1,
        "at": "2026-03-01T04:05:06.000007Z",
        "principal": "Әсел Құдайберген",
        "role": "reviewer",
        "action": "placement.verified",
        "subject": "project:QT-2026-0000001-1",
        "details": '{"a":null,"b":"ә"}',
        "source": "10.1.2.3",
        "request_id": "request-1",
        "credential": "token:0123456789",
        "client_request_id": "of-the-caller",
        "previous_hash": FIRST_HASH,
    }


def test_entrys_hash_covers_every_column(app: Flask) -> None:
    with transaction():
        journal.record(ADMINISTRATOR, "act", "thing:1")
    (entry,) = entries()
    row: dict[str, Any] = {name: getattr(entry, name) for name in COLUMNS}
    assert entry.hash == entry_hash(row)
    for name in COLUMNS:
        assert entry_hash({**row, name: f"{row[name]}0"}) != entry.hash


def test_moving_letters_between_columns_changes_the_hash() -> None:
    row = dict.fromkeys(COLUMNS, "")
    assert entry_hash({**row, "action": "ab", "subject": "c"}) != entry_hash({**row, "action": "a", "subject": "bc"})
    assert entry_hash({**row, "action": '","', "subject": ""}) != entry_hash({**row, "action": "", "subject": '","'})


def test_entries_of_one_transaction_keep_their_order(app: Flask) -> None:
    with transaction():
        for number in range(5):
            journal.record(ADMINISTRATOR, f"act-{number}", "thing:1")
    written = entries()
    assert [entry.action for entry in written] == [f"act-{number}" for number in range(5)]
    assert [entry.seq for entry in written] == [1, 2, 3, 4, 5]
    assert [entry.previous_hash for entry in written[1:]] == [entry.hash for entry in written[:-1]]
    head = db.session.execute(select(JournalHead.seq, JournalHead.hash)).one()
    assert tuple(head) == (5, written[-1].hash)


def test_change_without_an_entry_does_not_change_the_chain(app: Flask) -> None:
    with transaction():
        an_account("somebody")
    assert entries() == []
    assert db.session.scalar(select(JournalHead.seq)) == 0


def test_canonical_json_is_equal_for_equal_details() -> None:
    assert canonical({"b": 1, "a": ["₸", None]}) == canonical({"a": ["₸", None], "b": 1}) == '{"a":["₸",null],"b":1}'


def test_details_that_are_not_json_roll_back_the_change(app: Flask) -> None:
    with pytest.raises(TypeError), transaction():
        an_account("somebody")
        journal.record(ADMINISTRATOR, "act", "thing:1", {"what": object()})
    assert entries() == []


def test_concurrent_changes_form_one_chain_without_gaps(own_app: Flask) -> None:
    start = threading.Barrier(WRITERS)

    def write(writer: int) -> int:
        refused = 0
        start.wait()
        for number in range(CHANGES_EACH):
            with own_app.app_context():
                try:
                    with transaction():
                        an_account(f"principal {writer}-{number}")
                        journal.record(ADMINISTRATOR, "act", f"writer:{writer}", {"number": number})
                        journal.record(ADMINISTRATOR, "act", f"writer:{writer}", {"number": number})
                        if number % 5 == 4:
                            raise invalid("/x", "required")
                except Invalid:
                    refused += 1
        return refused

    with ThreadPoolExecutor(WRITERS) as pool:
        assert list(pool.map(write, range(WRITERS))) == [CHANGES_EACH // 5] * WRITERS
    with own_app.app_context():
        written = entries()
        assert [entry.seq for entry in written] == list(range(1, len(written) + 1))
        assert len(written) == 2 * WRITERS * (CHANGES_EACH - CHANGES_EACH // 5)
        assert verify_stored() == []
        # Both entries of a change stand side by side, and each writer's changes in the writer's order.
        assert [entry.subject for entry in written[::2]] == [entry.subject for entry in written[1::2]]
        for writer in range(WRITERS):
            own = [entry.details for entry in written if entry.subject == f"writer:{writer}"]
            assert own == [canonical({"number": n}) for n in range(CHANGES_EACH) if n % 5 != 4 for _ in range(2)]
        assert db.session.scalar(select(func.count()).select_from(JournalHead)) == 1


@pytest.mark.on_both
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal SET principal = 'nobody'",
        "UPDATE journal SET hash = hash",
        "DELETE FROM journal",
        "DELETE FROM journal WHERE seq = 1",
    ],
)
def test_entry_can_be_neither_changed_nor_deleted(app: Flask, connection: Connection, statement: str) -> None:
    with transaction():
        journal.record(ADMINISTRATOR, "act", "thing:1")
    refused_as_append_only(connection, statement)


@pytest.mark.sqlite_only
@pytest.mark.parametrize("verb", ["INSERT OR REPLACE", "REPLACE"])
def test_entry_cannot_be_replaced_on_sqlite(app: Flask, connection: Connection, verb: str) -> None:
    with transaction():
        journal.record(ADMINISTRATOR, "act", "thing:1")
    refused_as_append_only(connection, f"{verb} INTO journal SELECT * FROM journal WHERE seq = 1")


@pytest.mark.postgres_only
@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE journal",
        "INSERT INTO journal SELECT * FROM journal ON CONFLICT (seq) DO UPDATE SET principal = 'nobody'",
    ],
)
def test_journal_cannot_be_emptied_or_upserted_on_postgresql(
    app: Flask, connection: Connection, statement: str
) -> None:
    with transaction():
        journal.record(ADMINISTRATOR, "act", "thing:1")
    refused_as_append_only(connection, statement)


def refused_as_append_only(connection: Connection, statement: str) -> None:
    db.session.remove()
    nested = connection.begin_nested()
    # The trigger's words, or PostgreSQL's: the service's role has no right to it either.
    with pytest.raises(DBAPIError, match=r"the journal is append-only|permission denied for table journal"):
        connection.exec_driver_sql(statement)
    nested.rollback()
    assert [entry.principal for entry in entries()] == [ADMINISTRATOR.principal]
