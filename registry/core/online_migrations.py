"""Steps of migrations that hold no lock for long on PostgreSQL: indexes built concurrently, rows filled in batches.

Each of them commits what the migration did before it, and is committed itself, so a migration that uses them must be
able to run again after an interruption: ``if_not_exists`` where it adds, and a fill that skips what is filled. On
SQLite, where all migrations are one transaction, they are plain statements.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.exc import DBAPIError, PendingRollbackError

BATCH_ROWS: Final = 2_000


def on_postgresql() -> bool:
    """True when the migration runs on PostgreSQL."""
    return op.get_bind().dialect.name == "postgresql"


@contextmanager
def autocommit() -> Iterator[None]:
    """Commit what the migration did so far, and each statement of the block by itself; PostgreSQL only."""
    try:
        with op.get_context().autocommit_block():
            yield
    except PendingRollbackError as error:
        # Alembic ends the block on a connection that is lost, which hides why.
        if isinstance(error.__context__, DBAPIError):
            raise error.__context__ from None
        raise


def create_index(name: str, table: str, columns: list[Any], **options: Any) -> None:
    """Create an index while others write to the table, in place of what an interrupted upgrade left of it."""
    if not on_postgresql():
        op.create_index(name, table, columns, **options)
        return
    drop_index(name)
    with _waiting():
        op.create_index(name, table, columns, postgresql_concurrently=True, if_not_exists=True, **options)


def drop_index(name: str) -> None:
    """Drop an index, if it is there, while others use it."""
    if not on_postgresql():
        op.execute(f"DROP INDEX IF EXISTS {name}")
        return
    with _waiting():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")


@contextmanager
def _waiting() -> Iterator[None]:
    with autocommit():
        # It waits for every older transaction, such as an audit; nobody waits for it meanwhile.
        limit = op.get_bind().scalar(sa.text("SHOW lock_timeout"))
        op.execute("SET lock_timeout = 0")
        yield
        op.execute(f"SET lock_timeout = '{limit}'")


def fill(table: str, values: dict[str, str], parameters: dict[str, Any] | None = None) -> None:
    """Set columns of all rows to SQL expressions; rows that have these values already are left alone.

    On PostgreSQL in batches of ``BATCH_ROWS`` ids, each a transaction of its own, until a pass over the table changes
    nothing: what others changed during one pass is filled by the next.
    """
    assignments = ", ".join(f"{column} = {value}" for column, value in values.items())
    differs = " OR ".join(f"{column} IS DISTINCT FROM {value}" for column, value in values.items())
    given = parameters or {}
    if not on_postgresql():
        op.execute(_bound(f"UPDATE {table} SET {assignments}", given))  # noqa: S608 - constants of migrations
        return
    # Locked by rising ids, as every writer of many rows locks them.
    batch = (
        f"WITH batch AS (SELECT id FROM {table} WHERE id > :after AND id <= :up_to AND ({differs})"  # noqa: S608
        " ORDER BY id FOR NO KEY UPDATE)"
        f" UPDATE {table} SET {assignments} FROM batch WHERE {table}.id = batch.id"
    )
    with autocommit():
        while _fill_once(table, _bound(batch, given)):
            pass


def _fill_once(table: str, batch: sa.TextClause) -> int:
    """Fill every batch; returns how many rows had other values."""
    bind = op.get_bind()
    last = bind.scalar(sa.text(f"SELECT max(id) FROM {table}")) or 0  # noqa: S608
    changed = 0
    for after in range(0, last, BATCH_ROWS):
        changed += bind.execute(batch, {"after": after, "up_to": after + BATCH_ROWS}).rowcount
    return changed


def _bound(statement: str, parameters: dict[str, Any]) -> sa.TextClause:
    bound: list[sa.BindParameter[Any]] = [
        sa.bindparam(name, value, expanding=isinstance(value, list)) for name, value in parameters.items()
    ]
    return sa.text(statement).bindparams(*bound)


def add_reference(table: str, column: str, target: str) -> None:
    """Add a nullable foreign key to ``id`` of the target; its index is ``create_index``'s.

    SQLite adds it without rebuilding the table, which would drop its triggers.
    """
    name = f"fk_{table}_{column}"
    if not on_postgresql():
        op.execute(f"ALTER TABLE {table} ADD COLUMN {column} INTEGER CONSTRAINT {name} REFERENCES {target} (id)")
        return
    op.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {column} INTEGER")
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}")
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY ({column}) REFERENCES {target} (id) NOT VALID")
    with autocommit():
        op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")


def drop_column(table: str, column: str) -> None:
    """Drop a column without an index; SQLite keeps the table and its triggers."""
    op.execute(f"ALTER TABLE {table} DROP COLUMN {column}")


def partial_index(name: str | None, *columns: str, only: str, unique: bool = False) -> sa.Index:
    """An index of the rows that meet a condition, for ``op.create_table``; without a name, that of the convention."""
    where = sa.text(only)
    return sa.Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)
