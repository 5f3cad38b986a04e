"""A registry of release 0.1, filled by its own demo, upgrades with all its records."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, func, inspect, select

from registry.core.database import Base, db
from registry.core.record_guards import switch_journal_clock
from registry.core.schema import downgrade_schema, schema_is_current, upgrade_schema
from registry.flags.freeze_status import computed_freeze_status, computed_severity
from registry.flags.models import FLAGS, IS_ACTIVE
from registry.freeze.current import policy_in_force
from registry.journal.verification import verify_stored
from registry.projects.change_times import PROJECT
from tests.audits.steps import audit
from tests.migrations.rows import SEEDED
from tests.present import Present

DATA = Path(__file__).parents[1] / "data"
RELEASE = "2026_11_25_1"
LAST_AUDIT = date(2026, 11, 26)
RECORDS = {
    "projects": 79,
    "revisions": 145,
    "agencies": 14,
    "confirmations": 58,
    "exemptions": 2,
    "flags": 102,
    "cases": 35,
    "case_events": 99,
    "case_decisions": 9,
    "audits": 35,
    "audit_changes": 137,
    "journal": 282,
    "people": 12,
}
STATUSES = {"flagged": 40, "clear": 31, "accepted": 3, "exempt": 2, "out_of_scope": 3}


@pytest.fixture
def release_0_1(own_app: Flask) -> Iterator[Flask]:
    """The schema of that release with the rows of its demo registry, table by table, columns first."""
    tables = json.loads(gzip.decompress((DATA / "release-0.1.json.gz").read_bytes()))
    with own_app.app_context():
        downgrade_schema("base")
        upgrade_schema(RELEASE)
        with db.engine.begin() as connection:
            for name in set(SEEDED) & set(inspect(connection).get_table_names()):
                connection.exec_driver_sql(f"DELETE FROM {name}")
            order = [name for name, _ in inspect(connection).get_sorted_table_and_fkc_names() if name in tables]
            assert set(order) == set(tables)
            for name in order:
                columns, *rows = tables[name]
                _insert(connection, name, columns, rows)
        yield own_app


def _insert(connection: Connection, table: str, columns: list[str], rows: list[list[Any]]) -> None:
    names = ", ".join(f'"{column}"' for column in columns)
    raw: Any = connection.connection.driver_connection
    if connection.dialect.name == "sqlite":
        raw.executemany(f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(columns))})", rows)
        return
    # As text, which PostgreSQL reads for every type.
    with raw.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row([None if value is None else str(value) for value in row])
    if "id" in columns and connection.exec_driver_sql(f"SELECT pg_get_serial_sequence('{table}', 'id')").scalar():
        last = f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"
        connection.exec_driver_sql(last)


def records() -> dict[str, int]:
    with db.engine.connect() as connection:
        tables = (Base.metadata.tables[name] for name in RECORDS)
        return {table.name: connection.scalar(select(func.count()).select_from(table)) or 0 for table in tables}


def test_registry_of_release_0_1_upgrades_with_all_records(release_0_1: Flask, present: Present) -> None:
    upgrade_schema()
    assert schema_is_current()
    assert records() == RECORDS
    assert verify_stored() == []
    columns = (PROJECT.c.freeze_status, PROJECT.c.severity)
    rows = db.session.execute(
        select(*columns, computed_freeze_status(policy_in_force()), computed_severity()).order_by(PROJECT.c.id)
    ).all()
    assert [tuple(row[:2]) for row in rows] == [tuple(row[2:]) for row in rows]
    assert Counter(row[0] for row in rows) == STATUSES
    db.session.rollback()
    with db.engine.begin() as connection:
        switch_journal_clock(connection, on=False)
    present.set(LAST_AUDIT)
    run = audit()
    assert (run.status, run.flags_kept, run.flags_opened, run.flags_cleared) == ("succeeded", 67, 0, 0)
    assert db.session.scalar(select(func.count()).where(IS_ACTIVE).select_from(FLAGS)) == 67
    assert verify_stored() == []


def test_upgraded_registry_of_release_0_1_goes_back_with_all_records(release_0_1: Flask) -> None:
    upgrade_schema()
    downgrade_schema(RELEASE)
    assert records() == RECORDS
    upgrade_schema()
    assert records() == RECORDS
    assert verify_stored() == []
