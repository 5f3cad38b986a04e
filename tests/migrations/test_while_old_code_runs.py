"""A migration while the service runs: it holds nobody up for long, and gives up rather than keep people waiting."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, event, select
from sqlalchemy.exc import OperationalError

from registry.core.clock import now
from registry.core.database import db
from registry.core.postgresql import libpq_address
from registry.core.schema import downgrade_schema, schema_is_current, upgrade_schema
from tests.databases import bare_app
from tests.migrations.rows import fill_every_table

pytestmark = pytest.mark.postgres_only

# Matters of taste, which hold nobody up. The statement's time is limited by REGISTRY_LONG_TIMEOUT.
TASTE = (
    "prefer-bigint-over-int",
    "prefer-bigint-over-smallint",
    "prefer-identity",
    "prefer-text-field",
    "require-statement-timeout",
)
LATER_TABLE = "2026_11_24_2"
BEFORE_ACCOUNTS = "2026_11_25_1"
# Statements of data, and those on tables with a row for each agency, account or open session: they take long nowhere.
# Foreign keys of ``agency_counts`` are dropped, which holds nobody up: earlier code relies on none of them.
# ``import_columns`` and ``webhooks`` were in no release.
# The last migration renames what a process of the version before reads: that has stopped.
NOT_CHECKED = re.compile(
    r"^(SELECT|INSERT|UPDATE|SHOW)\b|\bRENAME\b"
    r"|\b(TABLE|ON) (accounts|agencies|drafts|imports|pending_uploads|principals|web_sessions|webhooks)\b"
    r"|^ALTER TABLE agency_counts DROP CONSTRAINT\b|^\s*DROP TABLE import_columns\b"
)
# Tables with a row or more for each project, of which an installation may have a million.
LARGE = ("projects", "revisions", "flags", "cases", "case_events", "case_flags", "journal")
LARGE_TABLE_REWRITTEN = re.compile(rf"\bUPDATE ({'|'.join(LARGE)})\b")
LARGE_TABLE_INDEXED = re.compile(rf"CREATE (UNIQUE )?INDEX .*\bON ({'|'.join(LARGE)})\b")
# Share locks keep writers waiting, exclusive ones readers too.
KEEPS_OTHERS_WAITING = ("ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock")
LOCKED = """SELECT relation::regclass::text FROM pg_locks JOIN pg_class ON pg_class.oid = relation
    WHERE pid = %s AND granted AND mode = ANY(%s) AND relkind = 'r' ORDER BY 1"""
FOLLOWED = [db.metadata.tables[name] for name in ("projects", "flags", "cases")]


def raw_connection(connection: Connection) -> Any:
    return connection.connection.dbapi_connection


def test_squawk_finds_no_statement_that_would_hold_up_running_code(empty_database: str, tmp_path: Path) -> None:
    transactions: list[list[str]] = [[]]
    alone: list[bool] = [False]
    with bare_app(empty_database).app_context():

        @event.listens_for(db.engine, "before_cursor_execute")
        def collect(conn: Connection, cursor: object, statement: str, parameters: object, *rest: object) -> None:
            if parameters or NOT_CHECKED.search(statement):
                return
            if raw_connection(conn).autocommit:
                transactions.append([])
                alone.append(True)
            transactions[-1].append(statement.strip().rstrip(";") + ";")

        def commit(_conn: object) -> None:
            transactions.append([])
            alone.append(False)

        # The schema of the first release is one transaction here: nobody has rows in an older one.
        upgrade_schema(BEFORE_ACCOUNTS)
        commit(None)
        event.listen(db.engine, "commit", commit)
        upgrade_schema()
        db.engine.dispose()
    lines: list[str] = []
    for statements, by_itself in zip(transactions, alone, strict=True):
        lines += statements if by_itself else ["BEGIN;", *statements, "COMMIT;"]
    written = tmp_path / "migrations.sql"
    written.write_text("\n".join(lines))
    assert written.read_text().count("CREATE TABLE") > 10
    assert written.read_text().count("CREATE INDEX CONCURRENTLY") == 21
    squawk = [Path(sys.executable).with_name("squawk"), "--pg-version=15.0"]
    checked = subprocess.run(
        [*squawk, *(f"--exclude={rule}" for rule in TASTE), written], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_an_upgrade_that_would_have_to_wait_gives_up_and_changes_nothing(own_database: str) -> None:
    with bare_app(own_database).app_context():
        downgrade_schema(LATER_TABLE)
        # Somebody registers an agency and takes long over it; the next tables refer to agencies.
        with psycopg.connect(libpq_address(own_database)) as other:
            other.execute("LOCK TABLE agencies IN ROW EXCLUSIVE MODE; LOCK TABLE projects IN ROW EXCLUSIVE MODE")
            with pytest.raises(OperationalError, match="lock timeout"):
                upgrade_schema()
            assert not schema_is_current()
        upgrade_schema()
        assert schema_is_current()
        db.engine.dispose()


def test_upgrade_rewrites_no_large_table_while_readers_wait(empty_database: str) -> None:
    rewritten: list[list[str]] = []
    indexed: list[list[str]] = []
    added: list[str] = []
    address = libpq_address(empty_database)
    with bare_app(empty_database).app_context(), psycopg.connect(address, autocommit=True) as other:
        upgrade_schema()
        with db.engine.begin() as connection:
            fill_every_table(connection)
        downgrade_schema(BEFORE_ACCOUNTS)

        @event.listens_for(db.engine, "before_cursor_execute")
        def collect(conn: Connection, cursor: object, statement: str, *rest: object) -> None:
            pid = raw_connection(conn).info.backend_pid
            locked = [name for (name,) in other.execute(LOCKED, (pid, list(KEEPS_OTHERS_WAITING)))]
            if LARGE_TABLE_REWRITTEN.search(statement):
                rewritten.append(locked)
            if LARGE_TABLE_INDEXED.match(statement):
                assert " CONCURRENTLY " in statement
                indexed.append(locked)
            if statement.startswith("ALTER TABLE projects ADD COLUMN"):
                added.append(statement)

        upgrade_schema()
        db.engine.dispose()
    assert len(added) == 14
    assert rewritten == [[], []]
    assert indexed == [[]] * 18


def test_changed_at_of_rows_from_before_is_the_time_of_the_upgrade(empty_database: str) -> None:
    with bare_app(empty_database).app_context():
        upgrade_schema()
        with db.engine.begin() as connection:
            fill_every_table(connection)
        downgrade_schema(BEFORE_ACCOUNTS)
        began = now()
        upgrade_schema()
        with db.engine.connect() as connection:
            changed = [connection.scalar(select(table.c.changed_at)) for table in FOLLOWED]
        db.engine.dispose()
    assert len(set(changed)) == 1
    assert changed[0] is not None
    assert began <= changed[0] <= now()
