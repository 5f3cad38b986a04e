"""Upgrades on PostgreSQL that are interrupted, or that others write during."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest
from flask import Flask
from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError, OperationalError

from registry.core.database import db, init_database
from registry.core.postgresql import libpq_address
from registry.core.schema import MIGRATION_LOCK_ID, UpgradeRunning, downgrade_schema, schema_is_current, upgrade_schema
from registry.core.settings import DatabaseLimits
from tests.factories import a_project, an_agency

pytestmark = pytest.mark.postgres_only

BEFORE = "2026_11_26_15"
INDEXES = "SELECT relname FROM pg_index JOIN pg_class ON oid = indexrelid WHERE NOT indisvalid"
Act = Callable[[Connection], None]


@pytest.fixture
def other(own_database: str) -> Iterator[psycopg.Connection]:
    """Somebody else's connection, which waits for no lock."""
    with psycopg.connect(libpq_address(own_database), autocommit=True) as connection:
        connection.execute("SET lock_timeout = '100ms'")
        yield connection


@pytest.fixture
def release_0_2(own_app: Flask) -> Iterator[Flask]:
    """The schema of release 0.2 with a project."""
    with own_app.app_context():
        a_project(an_agency())
        db.session.remove()
        downgrade_schema(BEFORE)
        yield own_app


def before(beginning: str, act: Act) -> None:
    """Do something once, right before the upgrade sends a statement that begins so."""
    waiting = [act]

    @event.listens_for(db.engine, "before_cursor_execute")
    def look(conn: Connection, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith(beginning) and waiting:
            waiting.pop()(conn)


def rows(connection: psycopg.Connection, statement: str) -> list[str]:
    return [str(row[0]) for row in connection.execute(statement)]  # type: ignore[call-overload]


def test_upgrade_that_was_killed_goes_on_when_it_runs_again(release_0_2: Flask, other: psycopg.Connection) -> None:
    def kill(connection: Connection) -> None:
        pid = connection.connection.dbapi_connection.info.backend_pid  # type: ignore[union-attr]
        other.execute("SELECT pg_terminate_backend(%s, 10000)", (pid,))

    before("CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_cases_status_closed_at_id", kill)
    with pytest.raises(DBAPIError, match="terminating connection"):
        upgrade_schema()
    assert not schema_is_current()
    upgrade_schema()
    assert schema_is_current()


def test_index_that_an_interrupted_upgrade_left_invalid_is_built_again(
    release_0_2: Flask, other: psycopg.Connection
) -> None:
    def limit(connection: Connection) -> None:
        # An open transaction that wrote to the table: the build waits for it, but not for long.
        other.execute("BEGIN; LOCK TABLE projects IN ROW EXCLUSIVE MODE")
        connection.connection.dbapi_connection.execute("SET statement_timeout = '100ms'")  # type: ignore[union-attr]

    before("CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_projects_withdrawn", limit)
    with pytest.raises(DBAPIError, match="statement timeout"):
        upgrade_schema()
    other.execute("ROLLBACK")
    assert rows(other, INDEXES) == ["ix_projects_withdrawn"]
    upgrade_schema()
    assert rows(other, INDEXES) == []
    assert schema_is_current()


def test_upgrade_that_would_have_to_wait_gives_up_and_can_run_again(
    release_0_2: Flask, other: psycopg.Connection
) -> None:
    other.execute("BEGIN; LOCK TABLE agencies IN ROW EXCLUSIVE MODE")
    with pytest.raises(OperationalError, match="lock timeout"):
        upgrade_schema()
    assert not schema_is_current()
    other.execute("ROLLBACK")
    upgrade_schema()
    assert schema_is_current()


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
