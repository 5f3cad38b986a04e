"""Counting what is sent to the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, event


@contextmanager
def statements(connection: Connection) -> Iterator[list[str]]:
    """The statements that are sent while the block runs."""
    sent: list[str] = []

    def count(conn: Connection, cursor: object, sql: str, *rest: object) -> None:
        # The tests' own savepoints do not count.
        if "SAVEPOINT" not in sql:
            sent.append(sql)

    event.listen(connection.engine, "before_cursor_execute", count)
    try:
        yield sent
    finally:
        event.remove(connection.engine, "before_cursor_execute", count)
