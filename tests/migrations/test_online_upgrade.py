"""Upgrades on PostgreSQL that are interrupted, or that others write during."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date

import psycopg
import pytest
from flask import Flask
from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError

from registry.core import online_migrations
from registry.core.database import db, init_database
from registry.core.postgresql import libpq_address
from registry.core.schema import (
    MIGRATION_LOCK_ID,
    UpgradeRunning,
    downgrade_schema,
    schema_is_current,
    upgrade_schema,
)
from registry.core.settings import DatabaseLimits
from tests.audits.steps import audit
from tests.factories import a_project, an_agency
from tests.present import Present

pytestmark = pytest.mark.postgres_only

BEFORE = "2026_11_26_4"
DAY = date(2026, 10, 5)
BATCH = "WITH batch AS "
STATUSES = "SELECT freeze_status FROM projects ORDER BY id"
INDEXES = "SELECT relname FROM pg_index JOIN pg_class ON oid = indexrelid WHERE NOT indisvalid"
Act = Callable[[Connection], None]


@pytest.fixture
def other(own_database: str) -> Iterator[psycopg.Connection]:
    """Somebody else's connection, which waits for no lock."""
    with psycopg.connect(libpq_address(own_database), autocommit=True) as connection:
        connection.execute("SET lock_timeout = '100ms'")
        yield connection


@pytest.fixture
def three_flagged(own_app: Flask, present: Present, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Three flagged projects in the schema before the stored freeze status; a batch fills one."""
    present.set(DAY)
    monkeypatch.setattr(online_migrations, "BATCH_ROWS", 1)
    with own_app.app_context():
        agency = an_agency()
        for _ in range(3):
            a_project(agency)
        audit()
        db.session.remove()
        downgrade_schema(BEFORE)
        yield


def before(beginning: str, act: Act, *, number: int = 1) -> None:
    """Do something right before the upgrade sends the ``number``-th statement that begins so."""
    seen = 0

    @event.listens_for(db.engine, "before_cursor_execute")
    def look(conn: Connection, _cursor: object, statement: str, *_rest: object) -> None:
        nonlocal seen
        if statement.startswith(beginning):
            seen += 1
            if seen == number:
                act(conn)


def rows(connection: psycopg.Connection, statement: str) -> list[str]:
    return [str(row[0]) for row in connection.execute(statement)]  # type: ignore[call-overload]


def test_interrupted_fill_keeps_its_batches_and_the_next_upgrade_completes_it(
    three_flagged: None, other: psycopg.Connection
) -> None:
    def kill(connection: Connection) -> None:
        pid = connection.connection.dbapi_connection.info.backend_pid  # type: ignore[union-attr]
        other.execute("SELECT pg_terminate_backend(%s, 10000)", (pid,))

    before(BATCH, kill, number=2)
    with pytest.raises(DBAPIError, match="terminating connection"):
        upgrade_schema()
    assert rows(other, STATUSES) == ["flagged", "unaudited", "unaudited"]
    assert not schema_is_current()
    upgrade_schema()
    assert rows(other, STATUSES) == ["flagged", "flagged", "flagged"]
    assert schema_is_current()


def test_index_that_an_interrupted_upgrade_left_invalid_is_built_again(
    three_flagged: None, other: psycopg.Connection
) -> None:
    def limit(connection: Connection) -> None:
        # An open transaction that wrote to the table: the build waits for it, but not for long.
        other.execute("BEGIN; LOCK TABLE projects IN ROW EXCLUSIVE MODE")
        connection.connection.dbapi_connection.execute("SET statement_timeout = '100ms'")  # type: ignore[union-attr]

    before("CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_projects_rare_status", limit)
    with pytest.raises(DBAPIError, match="statement timeout"):
        upgrade_schema()
    other.execute("ROLLBACK")
    assert rows(other, INDEXES) == ["ix_projects_rare_status"]
    upgrade_schema()
    assert rows(other, INDEXES) == []
    assert schema_is_current()


def test_others_read_and_write_between_batches_and_what_they_change_is_filled(
    three_flagged: None, other: psycopg.Connection
) -> None:
    def clear_the_first(_connection: Connection) -> None:
        other.execute("UPDATE flags SET status = 'cleared' WHERE project_id = (SELECT min(id) FROM projects)")
        other.execute("UPDATE projects SET budget_kzt = budget_kzt + 1")
        assert rows(other, "SELECT count(*) FROM projects") == ["3"]

    before(BATCH, clear_the_first, number=2)
    upgrade_schema()
    assert rows(other, STATUSES) == ["clear", "flagged", "flagged"]


def test_upgrade_waits_for_another_and_gives_up_at_the_long_timeout(
    own_database: str, other: psycopg.Connection
) -> None:
    app = Flask("tests")
    init_database(app, own_database, DatabaseLimits(long_timeout=1))
    other.execute(f"SELECT pg_advisory_lock({MIGRATION_LOCK_ID})")
    with app.app_context():
        with pytest.raises(UpgradeRunning):
            upgrade_schema()
        other.execute(f"SELECT pg_advisory_unlock({MIGRATION_LOCK_ID})")
        upgrade_schema()
        db.engine.dispose()


def test_upgrade_leaves_no_session_settings_and_no_lock_behind(own_app: Flask) -> None:
    with own_app.app_context():
        upgrade_schema()
        with db.engine.connect() as connection:
            usual = connection.exec_driver_sql("SHOW lock_timeout").scalar()
            held = connection.exec_driver_sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").scalar()
        assert (usual, held) == ("30s", 0)
