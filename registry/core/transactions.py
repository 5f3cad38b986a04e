"""The transaction manager, the only code that commits: a change, its journal entries and its outbox rows are atomic."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from sqlalchemy.orm import Session

from registry.core.database import AUTOCOMMIT_READS, REPLICA, SQLITE_BEGIN, TRANSACTION_OPEN, db
from registry.core.events import Event

T = TypeVar("T")
REPETITIONS: Final = 2
# Runs before ``before_commit``: series of numbers without gaps, which lock out others until the commit.
before_journal: Final[Event[[Session]]] = Event("before_journal")
# The journal connects to both.
before_commit: Final[Event[[Session]]] = Event("before_commit")
after_rollback: Final[Event[[Session]]] = Event("after_rollback")


@contextmanager
def transaction() -> Iterator[Session]:
    """A write transaction: flushes, runs ``before_journal`` and ``before_commit``, and commits at the end.

    A nested call joins the outer one. Any exception rolls everything back and propagates. Objects read before are
    reloaded, because SQLite cannot upgrade a reader's snapshot to a write transaction.
    """
    session = db.session()
    if session.info.get(TRANSACTION_OPEN):
        yield session
        return
    session.rollback()
    # What follows must see this transaction's changes.
    session.info.pop(REPLICA, None)
    session.info[TRANSACTION_OPEN] = True
    try:
        session.connection(execution_options={SQLITE_BEGIN: "IMMEDIATE"})
        yield session
        session.flush()
        before_journal.publish(session)
        before_commit.publish(session)
        session.commit()
    except BaseException:
        try:
            session.rollback()
        finally:
            after_rollback.publish(session)
        raise
    finally:
        session.info.pop(TRANSACTION_OPEN, None)


def repeated(act: Callable[[], T], collision: type[Exception] | tuple[()]) -> T:
    """What ``act`` returns, run again when it raises ``collision``: three times at most.

    Each run must be a transaction of its own, so that the next one sees what the other request has committed.
    """
    for _ in range(REPETITIONS):
        try:
            return act()
        except collision:
            continue
    return act()


def in_transaction() -> bool:
    """True while ``transaction()`` is open."""
    return bool(db.session().info.get(TRANSACTION_OPEN))


def require_transaction() -> Session:
    """The session of the open transaction. Raises RuntimeError when none is open."""
    session = db.session()
    if not session.info.get(TRANSACTION_OPEN):
        raise RuntimeError("write inside transaction() only")
    return session


def autocommit_reads() -> None:
    """Read in autocommit mode outside of ``transaction()`` for the rest of this request (PostgreSQL only)."""
    db.session().info[AUTOCOMMIT_READS] = True


def read_in_transaction() -> None:
    """End autocommit mode: server-side cursors, COPY and transaction-local settings need a transaction."""
    session = db.session()
    if not session.info.get(TRANSACTION_OPEN) and session.info.pop(AUTOCOMMIT_READS, False):
        session.rollback()
