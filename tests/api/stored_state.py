"""What the database holds, to tell whether a request has changed anything; and how to take a request back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Final

from sqlalchemy import Connection, inspect

from registry.core.database import db

State = dict[str, list[str]]
# When a token was last used is written before anything is asked of it.
NOT_COMPARED: Final = {("tokens", "last_used_at"), ("tokens", "last_used_from")}


def stored_state(connection: Connection) -> State:
    """All rows of all tables, in an order that does not depend on how they are stored."""
    # Through the driver: hundreds of states are compared.
    return {
        name: sorted(map(repr, connection.exec_driver_sql(sql))) for name, sql in _statements(connection.engine.url)
    }


@lru_cache(maxsize=1)
def _statements(_url: object) -> list[tuple[str, str]]:
    with db.engine.connect() as connection:
        tables = set(inspect(connection).get_table_names())
    quote = db.engine.dialect.identifier_preparer.quote
    statements = []
    for table in db.metadata.sorted_tables:
        columns = [quote(column.name) for column in table.columns if (table.name, column.name) not in NOT_COMPARED]
        if table.name in tables:
            statements.append((table.name, f"SELECT {', '.join(columns)} FROM {quote(table.name)}"))
    return statements


def changed_tables(before: State, after: State) -> list[str]:
    """The names of the tables that differ."""
    return [name for name in after if before[name] != after[name]]


@contextmanager
def taken_back(connection: Connection) -> Iterator[None]:
    """A part of a test whose changes are undone at its end, so that the next one begins as it did."""
    db.session.commit()
    connection.exec_driver_sql("SAVEPOINT taken_back")
    try:
        yield
    finally:
        db.session.commit()
        db.session.expire_all()
        connection.exec_driver_sql("ROLLBACK TO taken_back")
        connection.exec_driver_sql("RELEASE taken_back")
