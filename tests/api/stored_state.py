"""What the database holds, to tell whether a request has changed anything; and how to take a request back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Final

from sqlalchemy import Connection, Engine, event, inspect

from registry.core.database import db

State = dict[str, list[str]]
# When a token was last used is written before anything is asked of it.
NOT_COMPARED: Final = {("tokens", "last_used_at"), ("tokens", "last_used_from")}


def stored_state(connection: Connection) -> State:
    """All rows of all tables, in an order that does not depend on how they are stored."""
    # SQLite counts the rows that a connection has written: most refused requests write none, and hundreds are compared.
    driver = connection.connection.driver_connection
    key = (id(driver), getattr(driver, "total_changes", None))
    if key[1] is None or key not in _known:
        _known.clear()
        _known[key] = {
            name: sorted(map(repr, connection.exec_driver_sql(sql))) for name, sql in _statements(connection.engine.url)
        }
    return _known[key]


_known: dict[tuple[int, int | None], State] = {}


@event.listens_for(Engine, "rollback_savepoint")
@event.listens_for(Engine, "rollback")
def _forget(*_of_event: object) -> None:
    """What is rolled back is not counted."""
    _known.clear()


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
        _known.clear()
        connection.exec_driver_sql("RELEASE taken_back")
