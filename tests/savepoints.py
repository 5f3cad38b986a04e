"""Each test in one transaction that is rolled back: sessions work on a single connection, in savepoints.

``transaction()`` works unchanged: what it commits is a released savepoint, what it refuses is rolled back.
Threads and second connections do not see such work; their tests take a database of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from flask import Flask, appcontext_pushed
from flask_sqlalchemy.session import Session
from sqlalchemy import Connection

from registry.core.database import SQLITE_BEGIN, TRANSACTION_OPEN, db
from tests.one_processor import on_one_processor

# What an engine's dialect does with a savepoint, and how it is said.
SAVEPOINTS = {
    "do_savepoint": "SAVEPOINT",
    "do_rollback_to_savepoint": "ROLLBACK TO SAVEPOINT",
    "do_release_savepoint": "RELEASE SAVEPOINT",
}


@contextmanager
def rolled_back(app: Flask) -> Iterator[Connection]:
    """Every session of the app on one connection; all that they commit is gone at the end."""
    with app.app_context():
        engine = db.engine
    with engine.connect() as connection, pytest.MonkeyPatch.context() as patch:

        class OnOneConnection(Session):
            def get_bind(self, *args: Any, **kwargs: Any) -> Connection:
                return connection

        connection.execution_options(**{SQLITE_BEGIN: "IMMEDIATE"})
        outer = connection.begin()
        # psycopg begins with the first statement that it sends itself.
        connection.exec_driver_sql("SELECT 1")
        factory = db.session.session_factory
        patch.setattr(factory, "class_", OnOneConnection)
        patch.setitem(factory.kw, "join_transaction_mode", "create_savepoint")
        for name, words in SAVEPOINTS.items():
            patch.setattr(engine.dialect, name, _said_directly(words))
        with appcontext_pushed.connected_to(_let_go_of_reads, app), on_one_processor(connection):
            try:
                yield connection
            finally:
                _say(connection, "ROLLBACK")
                outer.rollback()


def _let_go_of_reads(sender: Flask, **extra: Any) -> None:
    """A request inside a test: end the test's own reading, whose savepoint would swallow what the request commits."""
    for session in list(db.session.registry.registry.values()):
        if session.in_transaction() and not session.info.get(TRANSACTION_OPEN):
            session.commit()
            session.expire_all()


def _said_directly(words: str) -> Callable[[Connection, str], None]:
    return lambda connection, name: _say(connection, f"{words} {name}")


def _say(connection: Connection, words: str) -> None:
    """To the driver, past all that is between: each request makes a savepoint for each time that it reads.

    psycopg forgets what it has prepared at every ROLLBACK, one to a savepoint too, though the server keeps it.
    """
    driver: Any = connection.connection.driver_connection
    if isinstance(driver, psycopg.Connection):
        result = driver.pgconn.exec_(words.encode())
        if result.status != psycopg.pq.ExecStatus.COMMAND_OK:
            raise psycopg.errors.error_from_result(result)
    else:
        driver.execute(words)
