"""Differences between SQLite and PostgreSQL, as functions named by purpose: no other module asks for the dialect."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    String,
    Text,
    any_,
    cast,
    func,
    literal_column,
    select,
    text,
    tuple_,
)
from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from registry.core.database import Base, db


def is_sqlite() -> bool:
    """Return True when the current app's database is SQLite."""
    return db.engine.dialect.name == "sqlite"


def has_copy() -> bool:
    """Return True when rows can be read and written with COPY: a third of the time of SELECT and INSERT."""
    return not is_sqlite()


def has_row_locks() -> bool:
    """Return True when transactions lock rows. SQLite has one writer at a time."""
    return not is_sqlite()


def has_sequences() -> bool:
    """Return True when ids are taken from sequences. SQLite takes the next one after the highest."""
    return not is_sqlite()


def has_writing_ctes() -> bool:
    """Return True when WITH can insert and update, so that several tables are written in one round trip."""
    return not is_sqlite()


def has_word_index() -> bool:
    """Return True when words are found by a full-text index. SQLite reads all rows."""
    return not is_sqlite()


def has_statistics() -> bool:
    """Return True when the planner knows how common a value is. SQLite knows nothing without ANALYZE."""
    return not is_sqlite()


# The number of the open transaction, as SQL (PostgreSQL only).
TRANSACTION_ID: Final = literal_column("pg_current_xact_id()::text::bigint", BigInteger)


def refresh_statistics(session: Session, *tables: str) -> None:
    """Run ANALYZE in the open transaction: without it, PostgreSQL plans as if tables just filled were empty."""
    if not is_sqlite():
        session.execute(text(f"ANALYZE {', '.join(tables)}"))


def database_file() -> Path | None:
    """Return the file of a SQLite database; None for PostgreSQL."""
    if not is_sqlite():
        return None
    path = db.engine.url.database
    if path is None:
        raise RuntimeError("a SQLite database needs a file")
    return Path(path)


def database_clock() -> datetime | None:
    """Return the PostgreSQL server's clock, which may be on another machine; None for SQLite."""
    if is_sqlite():
        return None
    instant: datetime | None = db.session.scalar(text("SELECT clock_timestamp()"))
    return instant


def sessions_waiting_for_locks() -> int | None:
    """Return how many sessions of this database wait for a lock; None for SQLite, whose waits nobody can see."""
    if is_sqlite():
        return None
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    count: int | None = db.session.scalar(text(waiting))
    return count


def advisory_lock(session: Session, number: int, *, shared: bool = False) -> None:
    """Wait for a lock that the open transaction holds until it ends. SQLite has one writer at a time and needs none."""
    if not is_sqlite():
        session.execute(text(f"SELECT pg_advisory_xact_lock{'_shared' if shared else ''}({number})"))


def advisory_row_locks(base: int, ids: Select[tuple[int]], *, shared: bool) -> Select[Any]:
    """Return the statement that waits for a lock of each of these rows, in the order of the query (PostgreSQL only).

    ``base`` is the number of all of them.
    """
    rows = ids.subquery()
    lock = func.pg_advisory_xact_lock_shared if shared else func.pg_advisory_xact_lock
    return select(lock(literal_column(str(base)) + rows.c.id))


def insert_or_ignore(table: type[Base]) -> PostgresInsert | SqliteInsert:
    """Return an INSERT that supports ON CONFLICT DO NOTHING."""
    return sqlite_insert(table) if is_sqlite() else postgres_insert(table)


def least(*columns: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the least of two or more values, ignoring NULL; NULL when all are."""
    if not is_sqlite():
        return func.least(*columns)
    # SQLite's min() is NULL when any of its values is.
    return func.coalesce(func.min(*columns), *columns)


def date_literal(day: str) -> str:
    """Return an ISO date as SQL text, for an expression that an index must match."""
    return f"'{day}'" if is_sqlite() else f"'{day}'::date"


def instant_text(column: ColumnElement[Any]) -> ColumnElement[str]:
    """Return an instant as RFC 3339 text in UTC with microseconds."""
    if is_sqlite():
        return func.replace(cast(column, Text), " ", "T") + "Z"
    return func.to_char(func.timezone("UTC", column), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')


def is_among(column: ColumnElement[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """Condition: the column has one of many values, on PostgreSQL as one parameter.

    A list of a thousand is a statement of its own for each length, which SQLAlchemy, psycopg and PostgreSQL parse
    again.
    """
    if is_sqlite():
        return column.in_(values)
    # A cast to varchar(12) would shorten what is longer.
    element = Text() if isinstance(column.type, String) else column.type
    return column == any_(cast(list(values), ARRAY(element)))


def is_one_of(
    number: ColumnElement[Any], string: ColumnElement[Any], pairs: Sequence[tuple[int, str]]
) -> ColumnElement[bool]:
    """Condition: the two columns have the values of one of these pairs."""
    key = tuple_(number, string)
    if is_sqlite():
        return key.in_(pairs)
    # A list of pairs becomes a long OR, which PostgreSQL may test on every row of the table; two arrays are joined.
    numbers, strings = zip(*pairs, strict=True)
    arrays = cast(list(numbers), ARRAY(Integer)), cast(list(strings), ARRAY(Text))
    listed = func.unnest(*arrays).table_valued("number", "string", name="listed").render_derived()
    return key.in_(select(listed.c.number, listed.c.string))
