"""Bulk inserts and exports: COPY on PostgreSQL (a third of the time of INSERT and SELECT), executemany on SQLite."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import (
    ColumnElement,
    Insert,
    Integer,
    Select,
    bindparam,
    func,
    insert,
    select,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from registry.core.database import REPLICA, Model, table_of
from registry.core.dialects import has_copy, has_sequences, has_writing_ctes
from registry.core.postgresql import as_database_error, pause_replica

if TYPE_CHECKING:
    import psycopg

CHUNK_SIZE = 1 << 16


def insert_rows(session: Session, model: type[Model], rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert rows that all have the same columns, inside the open transaction. Raises the same errors as INSERT.

    Python-side column defaults are not applied: each row must contain every column that needs a value. ``rows`` may
    make each when it is asked for, without the database: PostgreSQL inserts the earlier ones meanwhile.
    """
    following = iter(rows)
    first = next(following, None)
    if first is None:
        return
    rows = chain((first,), following)
    table = table_of(model)
    if not has_copy():
        session.execute(insert(table), list(rows))
        return
    connection = session.connection()
    columns = [table.c[name] for name in first]
    processors = [
        (place, process)
        for place, column in enumerate(columns)
        if (process := column.type.dialect_impl(connection.dialect).bind_processor(connection.dialect)) is not None
    ]
    names = ", ".join(connection.dialect.identifier_preparer.format_column(column) for column in columns)
    statement = f"COPY {connection.dialect.identifier_preparer.format_table(table)} ({names}) FROM STDIN"
    with _cursor(session) as cursor, cursor.copy(statement) as copy:
        for row in rows:
            values = [row[name] for name in first]
            for place, process in processors:
                values[place] = process(values[place])
            copy.write_row(values)


def insert_related(session: Session, *rows: tuple[type[Model], Mapping[str, Any]]) -> None:
    """Insert one row into each of several tables, on PostgreSQL in one statement, inside the open transaction.

    The rows may refer to one another. Python-side column defaults are not applied. Raises the same errors as INSERT.
    """
    if not has_writing_ctes():
        for model, row in rows:
            session.execute(insert(table_of(model)), row)
        return
    values = {f"{name}_{place}": value for place, (_, row) in enumerate(rows) for name, value in row.items()}
    session.execute(_inserts(tuple((model, tuple(row)) for model, row in rows)), values)


# Cached: other registrations wait for it.
@lru_cache(maxsize=16)
def _inserts(rows: tuple[tuple[type[Model], tuple[str, ...]], ...]) -> Insert:
    *others, last = (
        insert(table_of(model)).values({name: bindparam(f"{name}_{place}") for name in names})
        for place, (model, names) in enumerate(rows)
    )
    return last.add_cte(*(other.cte(f"part_{place}") for place, other in enumerate(others)))


def reserve_ids(session: Session, model: type[Model], count: int) -> list[int]:
    """Return the next ``count`` ids of a table, in order, inside the open transaction."""
    column = table_of(model).c.id
    if not has_sequences():
        # SQLite has one writer: no other transaction can insert before the commit.
        last = session.execute(select(func.coalesce(func.max(column), 0))).scalar_one()
        return list(range(last + 1, last + 1 + count))
    series = func.generate_series(1, count).table_valued("n")
    return list(session.scalars(select(next_id(model)).select_from(series)))


def next_id(model: type[Model]) -> ColumnElement[int]:
    """Return the SQL expression for the next id of a table (PostgreSQL only)."""
    column = table_of(model).c.id
    return sql_cast(func.nextval(func.pg_get_serial_sequence(column.table.name, column.name)), Integer)


def estimated_rows(session: Session, statement: Select[Any]) -> int:
    """Return the number of rows that PostgreSQL's planner estimates for a statement."""
    connection = session.connection()
    compiled = statement.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
    plan = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {compiled}", compiled.construct_params()).scalar_one()
    return int(plan[0]["Plan"]["Plan Rows"])


def copy_csv(session: Session, statement: Select[Any]) -> Iterator[bytes]:
    """Stream the rows of a statement as CSV written by PostgreSQL, in chunks of about 64 KiB and constant memory."""
    connection = session.connection()
    compiled = statement.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
    with (
        _cursor(session) as cursor,
        cursor.copy(f"COPY ({compiled}) TO STDOUT (FORMAT csv)", compiled.construct_params()) as copy,
    ):
        piece = bytearray()
        for block in copy:
            piece += block
            if len(piece) >= CHUNK_SIZE:
                yield bytes(piece)
                piece.clear()
        if piece:
            yield bytes(piece)


@contextmanager
def _cursor(session: Session) -> Iterator[psycopg.Cursor[Any]]:
    """A psycopg cursor in the session's transaction; psycopg errors are re-raised as SQLAlchemy errors."""
    connection = session.connection()
    raw = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
    try:
        with raw.cursor() as cursor:
            yield cursor
    except connection.dialect.loaded_dbapi.Error as error:
        wrapped = as_database_error(error)
        # SQLAlchemy's handlers of errors do not see what psycopg is asked directly.
        if session.info.get(REPLICA) and isinstance(wrapped, OperationalError):
            pause_replica()
        raise wrapped from error
