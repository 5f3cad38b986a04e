"""Each test in one transaction that is rolled back: sessions work on a single connection, in savepoints.

``transaction()`` works unchanged: what it commits is a released savepoint, what it rejects is rolled back.
Threads and second connections do not see such work; their tests take a database of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask, appcontext_pushed
from flask_sqlalchemy.session import Session
from sqlalchemy import Connection

from registry.core.database import SQLITE_BEGIN, TRANSACTION_OPEN, db


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
        factory = db.session.session_factory
        patch.setattr(factory, "class_", OnOneConnection)
        patch.setitem(factory.kw, "join_transaction_mode", "create_savepoint")
        with appcontext_pushed.connected_to(_end_reads, app):
            try:
                yield connection
            finally:
                outer.rollback()


def _end_reads(sender: Flask, **extra: Any) -> None:
    """A request inside a test: end the test's own reading, whose savepoint would swallow what the request commits."""
    for session in list(db.session.registry.registry.values()):
        if session.in_transaction() and not session.info.get(TRANSACTION_OPEN):
            session.commit()
            session.expire_all()
