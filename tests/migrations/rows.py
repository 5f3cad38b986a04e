"""A row for every table, made from the columns alone, so that a new table is covered the day it is added."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Date,
    Integer,
    LargeBinary,
    String,
    Table,
    inspect,
    select,
    text,
)

import registry.models  # noqa: F401 - declares every table in Base.metadata
from registry.core.clock import now, rfc3339
from registry.core.database import Base, Instant
from registry.core.fields import EntriesText, YearlyAmountsText
from registry.journal.service import FIRST_HASH

# Of these a migration makes the one row that there is.
SEEDED = ("installation", "journal_head", "journal_verification", "open_data_set")
# Of these a migration makes the first rows.
SHIPPED = ("case_templates", "change_head", "flag_writer")


def fill_every_table(connection: Connection) -> None:
    """Insert a row into each table, parents first; it is then the only one."""
    for table in Base.metadata.sorted_tables:
        if table.name in SHIPPED:
            connection.execute(table.delete())
        if table.name not in SEEDED:
            connection.execute(table.insert().values({column: _value(column) for column in table.columns}))
    # Triggers have noted the other rows.
    pending = Base.metadata.tables["pending_changes"]
    connection.execute(pending.delete().where(pending.c.xact != 1))


def contents(connection: Connection, tables: list[Table]) -> dict[str, list[dict[str, Any]]]:
    """What the tables hold, by the models."""
    return {table.name: [dict(row) for row in connection.execute(select(table)).mappings()] for table in tables}


def rows_there(connection: Connection) -> dict[str, list[str]]:
    """The rows of every table that is there, as text and sorted; of any revision."""
    names = set(inspect(connection).get_table_names()) - {"alembic_version"}
    return {
        name: sorted(str(sorted(row.items())) for row in connection.execute(text(f"SELECT * FROM {name}")).mappings())
        for name in names
    }


def _value(column: Column[Any]) -> Any:
    if column.table.name == "agencies" and column.name == "parent_id":
        return None
    # The triggers of the journal let nothing else in.
    if column.table.name == "journal" and column.name in ("at", "previous_hash"):
        return rfc3339(now()) if column.name == "at" else FIRST_HASH
    kinds: list[tuple[type, Any]] = [
        (Instant, datetime(2026, 3, 1, 4, 5, 6, 7, tzinfo=UTC)),
        (Date, date(2026, 3, 1)),
        (Boolean, True),
        (BigInteger, 10**15 if not column.primary_key else 1),
        (Integer, 1),
        (JSON, {"текст": "ә\n"}),
        (LargeBinary, b"\x00\xff"),
        (YearlyAmountsText, [{"year": 2026, "amount_kzt": 10**15}]),
        (EntriesText, ["ә", "eGov"]),
        (String, "ә" if not column.foreign_keys else None),
    ]
    for kind, value in kinds:
        if isinstance(column.type, kind):
            return value
    raise AssertionError(f"{column}: say here what a value of {column.type} is")
