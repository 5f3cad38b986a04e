"""Differences between SQLite and PostgreSQL, as functions named by purpose, and bulk inserts and exports by COPY."""

from __future__ import annotations

import json
import typing
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import Insert as PostgresInsert, insert as postgres_insert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert, insert as sqlite_insert
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from registry.core.database import REPLICA, TRANSACTION_NUMBER, Base, Model, db, table_of
from registry.core.postgresql import as_database_error, pause_replica

if TYPE_CHECKING:
    import psycopg


# No other module asks for the dialect.


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


class OfTransaction(FunctionElement[bool]):
    """Whether the open transaction has written a row; of the column with the number that the row says."""

    # A ColumnElement would keep each of its statements out of SQLAlchemy's cache: three are compiled at every commit.
    type = sa.Boolean()
    inherit_cache = True


@compiles(OfTransaction)
def _on_sqlite(element: OfTransaction, compiler: SQLCompiler, **kwargs: Any) -> str:
    return f"{compiler.process(element.clauses, **kwargs)} = {TRANSACTION_NUMBER}()"


@compiles(OfTransaction, "postgresql")
def _on_postgresql(element: OfTransaction, compiler: SQLCompiler, **kwargs: Any) -> str:
    column = compiler.process(element.clauses, **kwargs)
    own, writer = "pg_current_xact_id()::text::bigint", f"{column.rpartition('.')[0]}.xmin::text::bigint"
    # Numbers rise, so that somebody else can write a row for one to come. Who wrote it says xmin: the low half of the
    # number, of a savepoint a later one.
    written = f"{own} + ((({writer} - {own} + 2147483648) & 4294967295) - 2147483648)"
    return f"({column} = {own} AND pg_xact_status(({written})::text::xid8) = 'in progress')"


class HasEnded(FunctionElement[bool]):
    """Whether the transaction with a number has ended. On SQLite all that others see of one: nobody guesses numbers."""

    type = sa.Boolean()
    inherit_cache = True


@compiles(HasEnded)
def _ended_on_sqlite(_element: HasEnded, _compiler: object, **_kwargs: object) -> str:
    return "(1 = 1)"


@compiles(HasEnded, "postgresql")
def _ended_on_postgresql(element: HasEnded, compiler: SQLCompiler, **kwargs: Any) -> str:
    number, snapshot = compiler.process(element.clauses, **kwargs), "pg_current_snapshot()"
    running = f"SELECT running::text::bigint FROM pg_snapshot_xip({snapshot}) AS running"  # noqa: S608
    return f"({number} < pg_snapshot_xmax({snapshot})::text::bigint AND {number} NOT IN ({running}))"


class JoinedDigest(FunctionElement[str]):
    """SHA-256 in hexadecimal of a column of texts with semicolons between them; of a query that sorts them."""

    type = sa.Text()
    inherit_cache = True


@compiles(JoinedDigest)
def _joined_on_sqlite(element: JoinedDigest, compiler: SQLCompiler, **kwargs: Any) -> str:
    return f"encode(sha256(group_concat({compiler.process(element.clauses, **kwargs)}, ';')), 'hex')"


@compiles(JoinedDigest, "postgresql")
def _joined_on_postgresql(element: JoinedDigest, compiler: SQLCompiler, **kwargs: Any) -> str:
    joined = f"string_agg({compiler.process(element.clauses, **kwargs)}, ';')"
    return f"encode(sha256(convert_to({joined}, 'UTF8')), 'hex')"


def refresh_statistics(session: Session, *tables: str) -> None:
    """Run ANALYZE in the open transaction: without it, PostgreSQL plans as if tables just filled were empty."""
    if not is_sqlite():
        session.execute(sa.text(f"ANALYZE {', '.join(tables)}"))


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
    instant: datetime | None = db.session.scalar(sa.text("SELECT clock_timestamp()"))
    return instant


def sessions_waiting_for_locks() -> int | None:
    """Return how many sessions of this database wait for a lock; None for SQLite, whose waits nobody can see."""
    if is_sqlite():
        return None
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    count: int | None = db.session.scalar(sa.text(waiting))
    return count


def advisory_lock(session: Session, number: int, *, shared: bool = False) -> None:
    """Wait for a lock that the open transaction holds until it ends. SQLite has one writer at a time and needs none."""
    if not is_sqlite():
        session.execute(sa.text(f"SELECT pg_advisory_xact_lock{'_shared' if shared else ''}({number})"))


def advisory_row_locks(base: int, ids: sa.Select[tuple[int]], *, shared: bool) -> sa.Select[Any]:
    """Return the statement that waits for a lock of each of these rows, in the order of the query (PostgreSQL only).

    ``base`` is the number of all of them.
    """
    rows = ids.subquery()
    lock = sa.func.pg_advisory_xact_lock_shared if shared else sa.func.pg_advisory_xact_lock
    return sa.select(lock(sa.literal_column(str(base)) + rows.c.id))


def insert_or_ignore(table: type[Base]) -> PostgresInsert | SqliteInsert:
    """Return an INSERT that supports ON CONFLICT DO NOTHING."""
    return sqlite_insert(table) if is_sqlite() else postgres_insert(table)


def least(*columns: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Return the least of two or more values, ignoring NULL; NULL when all are."""
    if not is_sqlite():
        return sa.func.least(*columns)
    # SQLite's min() is NULL when any of its values is.
    return sa.func.coalesce(sa.func.min(*columns), *columns)


def date_literal(day: str) -> str:
    """Return an ISO date as SQL text, for an expression that an index must match."""
    return f"'{day}'" if is_sqlite() else f"'{day}'::date"


def instant_text(column: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    """Return an instant as RFC 3339 text in UTC with microseconds."""
    if is_sqlite():
        return sa.func.replace(sa.cast(column, sa.Text), " ", "T") + "Z"
    return sa.func.to_char(sa.func.timezone("UTC", column), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')


# SQLite takes 32,766 in a statement unless it was built for more.
MAX_PARAMETERS: Final = 30_000


def is_among(column: sa.ColumnElement[Any], values: Collection[Any]) -> sa.ColumnElement[bool]:
    """Condition: the column has one of many numbers or texts, on PostgreSQL as one parameter.

    A list of a thousand is a statement of its own for each length, which SQLAlchemy, psycopg and PostgreSQL parse
    again.
    """
    if is_sqlite():
        if len(values) <= MAX_PARAMETERS:
            return column.in_(list(values))
        listed = sa.func.json_each(json.dumps(list(values))).table_valued("value")
        return column.in_(sa.select(listed.c.value))
    return column == sa.any_(_array(column, list(values)))


def _array(column: sa.ColumnElement[Any], values: list[Any]) -> sa.ColumnElement[Any]:
    # A cast to varchar(12) would shorten what is longer.
    element = sa.Text() if isinstance(column.type, sa.String) else column.type
    return sa.cast(values, sa.ARRAY(element, dimensions=1))


def is_one_of(
    number: sa.ColumnElement[Any], string: sa.ColumnElement[Any], pairs: Sequence[tuple[int, str]]
) -> sa.ColumnElement[bool]:
    """Condition: the two columns have the values of one of these pairs."""
    key = sa.tuple_(number, string)
    if is_sqlite():
        return key.in_(pairs)
    # A list of pairs becomes a long OR, which PostgreSQL may test on every row of the table; two arrays are joined.
    numbers, strings = zip(*pairs, strict=True)
    arrays = sa.cast(list(numbers), sa.ARRAY(sa.Integer)), sa.cast(list(strings), sa.ARRAY(sa.Text))
    listed = sa.func.unnest(*arrays).table_valued("number", "string", name="listed").render_derived()
    return key.in_(sa.select(listed.c.number, listed.c.string))


# Bulk inserts and exports: COPY on PostgreSQL (a third of the time of INSERT and SELECT), executemany on SQLite.

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
        session.execute(sa.insert(table), list(rows))
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


def update_rows(session: Session, model: type[Model], rows: Sequence[Mapping[str, Any]], **values: Any) -> None:
    """Update rows by their ``id``, inside the open transaction. All have the same columns; ``values``: those of all.

    On PostgreSQL one statement, and so one call of each trigger.
    """
    if not rows:
        return
    table = table_of(model)
    if is_sqlite():
        new: dict[str, Any] = {each: sa.bindparam(f"new_{each}") for each in rows[0] if each != "id"}
        statement = sa.update(table).where(table.c.id == sa.bindparam("new_id")).values(**new, **values)
        session.execute(statement, [{f"new_{name}": value for name, value in row.items()} for row in rows])
        return
    arrays = [_array(table.c[name], [row[name] for row in rows]) for name in rows[0]]
    names = [sa.column(name, table.c[name].type) for name in rows[0]]
    listed = sa.func.unnest(*arrays).table_valued(*names).render_derived().c
    changed = {name: listed[name] for name in rows[0] if name != "id"}
    session.execute(sa.update(table).where(table.c.id == listed.id).values(**changed, **values))


def insert_related(session: Session, *rows: tuple[type[Model], Mapping[str, Any]]) -> None:
    """Insert one row into each of several tables, on PostgreSQL in one statement, inside the open transaction.

    The rows may refer to one another. Python-side column defaults are not applied. Raises the same errors as INSERT.
    """
    if not has_writing_ctes():
        for model, row in rows:
            session.execute(sa.insert(table_of(model)), row)
        return
    values = {f"{name}_{place}": value for place, (_, row) in enumerate(rows) for name, value in row.items()}
    session.execute(_inserts(tuple((model, tuple(row)) for model, row in rows)), values)


# Cached: other registrations wait for it.
@lru_cache(maxsize=16)
def _inserts(rows: tuple[tuple[type[Model], tuple[str, ...]], ...]) -> sa.Insert:
    *others, last = (
        sa.insert(table_of(model)).values({name: sa.bindparam(f"{name}_{place}") for name in names})
        for place, (model, names) in enumerate(rows)
    )
    return last.add_cte(*(other.cte(f"part_{place}") for place, other in enumerate(others)))


def reserve_ids(session: Session, model: type[Model], count: int) -> list[int]:
    """Return the next ``count`` ids of a table, in order, inside the open transaction."""
    column = table_of(model).c.id
    if not has_sequences():
        # SQLite has one writer: no other transaction can insert before the commit.
        last = session.execute(sa.select(sa.func.coalesce(sa.func.max(column), 0))).scalar_one()
        return list(range(last + 1, last + 1 + count))
    series = sa.func.generate_series(1, count).table_valued("n")
    return list(session.scalars(sa.select(next_id(model)).select_from(series)))


def next_id(model: type[Model]) -> sa.ColumnElement[int]:
    """Return the SQL expression for the next id of a table (PostgreSQL only)."""
    column = table_of(model).c.id
    return sa.cast(sa.func.nextval(sa.func.pg_get_serial_sequence(column.table.name, column.name)), sa.Integer)


def estimated_rows(session: Session, statement: sa.Select[Any]) -> int:
    """Return the number of rows that PostgreSQL's planner estimates for a statement."""
    connection = session.connection()
    compiled = statement.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
    plan = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {compiled}", compiled.construct_params()).scalar_one()
    return int(plan[0]["Plan"]["Plan Rows"])


def copy_csv(session: Session, statement: sa.Select[Any]) -> Iterator[bytes]:
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
def planned_for_values(session: Session) -> Iterator[None]:
    """Have PostgreSQL plan each statement of the open transaction for its own values, in the block.

    A statement that was prepared is planned once, for usual values and lists of ten: of a thousand agencies it reads
    every project.
    """
    if is_sqlite():
        yield
        return
    raw = typing.cast("psycopg.Connection[Any]", session.connection().connection.driver_connection)
    usual, raw.prepare_threshold = raw.prepare_threshold, None
    try:
        yield
    finally:
        raw.prepare_threshold = usual


@contextmanager
def _cursor(session: Session) -> Iterator[psycopg.Cursor[Any]]:
    """A psycopg cursor in the session's transaction; psycopg errors are re-raised as SQLAlchemy errors."""
    connection = session.connection()
    raw = typing.cast("psycopg.Connection[Any]", connection.connection.driver_connection)
    try:
        with raw.cursor() as cursor:
            yield cursor
    except connection.dialect.loaded_dbapi.Error as error:
        wrapped = as_database_error(error)
        # SQLAlchemy's handlers of errors do not see what psycopg is asked directly.
        if session.info.get(REPLICA) and isinstance(wrapped, OperationalError):
            pause_replica()
        raise wrapped from error
