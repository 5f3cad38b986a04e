"""A migration while the service runs: it holds nobody up for long, and gives up rather than keep people waiting."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import event, select
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
    # An index that is replaced is one of a table that the same transaction has locked by adding a column.
    "require-concurrent-index-deletion",
    "prefer-bigint-over-int",
    "prefer-identity",
    "prefer-text-field",
    "require-statement-timeout",
)
LATER_TABLE = "2026_11_24_2"
BEFORE_ACCOUNTS = "2026_11_25_1"
# Tables with a row or more for each project, of which an installation may have a million.
LARGE_TABLE_REWRITTEN = re.compile(r"UPDATE (projects|revisions|flags|cases|case_events|case_flags|journal)\b")
FOLLOWED = [db.metadata.tables[name] for name in ("projects", "flags", "cases")]


def test_squawk_finds_no_statement_that_would_hold_up_running_code(empty_database: str, tmp_path: Path) -> None:
    statements: list[str] = []
    with bare_app(empty_database).app_context():

        @event.listens_for(db.engine, "before_cursor_execute")
        def collect(conn: object, cursor: object, statement: str, parameters: object, *rest: object) -> None:
            if not parameters:
                statements.append(statement.strip().rstrip(";") + ";")

        upgrade_schema()
        db.engine.dispose()
    written = tmp_path / "migrations.sql"
    written.write_text("\n".join(each for each in statements if not each.startswith(("SELECT", "INSERT", "UPDATE"))))
    assert written.read_text().count("CREATE TABLE") > 10
    squawk = [Path(sys.executable).with_name("squawk"), "--assume-in-transaction", "--pg-version=15.0"]
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
    statements: list[str] = []
    with bare_app(empty_database).app_context():
        upgrade_schema(BEFORE_ACCOUNTS)

        @event.listens_for(db.engine, "before_cursor_execute")
        def collect(conn: object, cursor: object, statement: str, *rest: object) -> None:
            statements.append(statement)

        # The migration after it fills the stored freeze status, and needs a maintenance window (docs/operations.md).
        upgrade_schema("2026_11_26_4")
        db.engine.dispose()
    assert sum(statement.startswith("ALTER TABLE projects ADD COLUMN") for statement in statements) == 1
    assert [statement for statement in statements if LARGE_TABLE_REWRITTEN.match(statement)] == []


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
