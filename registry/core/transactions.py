"""The one place that commits. A change, its journal entries and its outbox rows go in together or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from registry.core.database import EACH_ALONE, OPEN, SQLITE_BEGIN, db
from registry.journal import service as journal


@contextmanager
def transaction() -> Iterator[Session]:
    """Write inside it; it flushes, journals and commits at its end. A nested call joins the outer one.

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
        journal.append_pending(session)
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session.info.pop(OPEN, None)
        journal.discard_recorded(session)


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
