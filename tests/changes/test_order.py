"""Numbers of the change feed follow the order of commits: whoever sees one has seen all before it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from sqlalchemy import text

from registry.changes.service import newest_seq, number_changes
from registry.core.database import db, transaction
from registry.feed.queries import read_changes
from tests.factories import a_project, an_agency

WRITERS = 4
CHANGES_EACH = 8
NAMED = text("UPDATE agencies SET name_en = 'Ministry' WHERE id = :id")


def test_a_reader_that_follows_concurrent_writers_misses_nothing(own_app: Flask) -> None:
    with own_app.app_context():
        agency = an_agency()
        first = newest_seq()
    writing = threading.Event()
    seen: list[int] = []

    def write(_writer: int) -> None:
        with own_app.app_context():
            for _ in range(CHANGES_EACH):
                a_project(agency)

    def follow() -> None:
        with own_app.app_context():
            after = first
            while True:
                ended = not writing.is_set()
                read = read_changes(None, after, 3)
                seen.extend(change.seq for change in read.changes)
                after = read.read_up_to
                db.session.rollback()
                if ended and not read.has_more:
                    return

    writing.set()
    reader = threading.Thread(target=follow)
    reader.start()
    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))
    writing.clear()
    reader.join(120)

    assert seen == list(range(first + 1, first + 1 + 2 * WRITERS * CHANGES_EACH, 2))


@pytest.mark.postgres_only
def test_a_number_that_is_taken_and_not_committed_holds_up_later_ones(own_app: Flask) -> None:
    with own_app.app_context():
        slow, fast = an_agency(), an_agency()
        first = newest_seq()

    def write_fast() -> None:
        with own_app.app_context(), transaction() as session:
            session.execute(NAMED, {"id": fast.id})

    with own_app.app_context():
        with transaction() as session:
            # Without an entry of the journal, whose head would hold up the other one too.
            session.execute(NAMED, {"id": slow.id})
            number_changes(session)
            other = threading.Thread(target=write_fast)
            other.start()
            wait_for_a_blocked_backend(own_app)
            with ThreadPoolExecutor(1) as pool:
                before = pool.submit(_newest, own_app).result(60)
        other.join(60)
        read = read_changes(None, first, 10).changes

    assert before == first
    assert [(change.seq, change.subject) for change in read] == [
        (first + 1, f"agency:{slow.bin}"),
        (first + 2, f"agency:{fast.bin}"),
    ]


def _newest(app: Flask) -> int:
    with app.app_context():
        return newest_seq()


def wait_for_a_blocked_backend(app: Flask) -> None:
    """Return when a transaction of this database waits for a lock."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with app.app_context():
        engine = db.engine
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while not connection.execute(text(waiting)).scalar_one():
            pass
