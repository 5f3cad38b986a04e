"""Steps of migrations that hold no lock for long on PostgreSQL: indexes built concurrently.

Each of them commits what the migration did before it, and is committed itself, so a migration that uses them must be
able to run again after an interruption: ``if_not_exists`` where it adds. On SQLite, where all migrations are one
transaction, they are plain statements.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.exc import DBAPIError, PendingRollbackError


def on_postgresql() -> bool:
    """Return True when the migration runs on PostgreSQL."""
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


def partial_index(name: str | None, *columns: str, only: str, unique: bool = False) -> sa.Index:
    """Return an index of the rows that meet a condition, for ``op.create_table``; without a name, that of the
    convention.
    """
    where = sa.text(only)
    return sa.Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)
