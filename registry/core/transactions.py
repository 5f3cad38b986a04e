"""The one place that commits. A change, its journal entries and its outbox rows go in together or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy.orm import Session

from registry.core.database import EACH_ALONE, OPEN, SQLITE_BEGIN, db
from registry.core.events import Event

# The journal connects to both.
before_commit: Final[Event[[Session]]] = Event("before_commit")
after_rollback: Final[Event[[Session]]] = Event("after_rollback")


@contextmanager
def transaction() -> Iterator[Session]:
    """Write inside it; it flushes, runs ``before_commit`` and commits at its end. A nested call joins the outer one.

    Any exception rolls the whole of it back and goes on up. What was read before is read anew, because on SQLite a
    reader's snapshot cannot become a writer's.
    """
    session = db.session()
    if session.info.get(OPEN):
        yield session
        return
    session.rollback()
    session.info[OPEN] = True
    try:
        session.connection(execution_options={SQLITE_BEGIN: "IMMEDIATE"})
        yield session
        session.flush()
        before_commit.publish(session)
        session.commit()
    except BaseException:
        try:
            session.rollback()
        finally:
            after_rollback.publish(session)
        raise
    finally:
        session.info.pop(OPEN, None)


def require_transaction() -> Session:
    """The session of the transaction that is open. Raises RuntimeError outside of one."""
    session = db.session()
    if not session.info.get(OPEN):
        raise RuntimeError("write inside transaction() only")
    return session


def autocommit_reads() -> None:
    """From now on, on PostgreSQL, each statement that this request reads by outside of ``transaction()`` is its own."""
    db.session().info[EACH_ALONE] = True


def read_in_transaction() -> None:
    """What follows is read in one transaction again: for cursors, COPY and settings that last as long as it."""
    session = db.session()
    if not session.info.get(OPEN) and session.info.pop(EACH_ALONE, False):
        session.rollback()
