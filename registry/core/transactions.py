"""The transaction manager, the only code that commits: a change, its journal entries and its outbox rows are atomic."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Final, Generic, ParamSpec, TypeVar

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from registry.core.database import AUTOCOMMIT_READS, REPLICA, SQLITE_BEGIN, TRANSACTION_OPEN, Base, db

# Events: a slice publishes what happened, slices above it subscribe, so that imports point down.
#
# Handlers run at once, in the publisher's transaction and in the order in which they were connected, so that rows
# are always locked in one order. An exception in a handler rolls all of it back. ``registry/hooks.py`` connects
# them.

P = ParamSpec("P")


class Event(Generic[P]):
    """Something that happens, and who handles it. The type parameter states the handlers' arguments."""

    def __init__(self, name: str) -> None:
        """``name``: what happened, for messages."""
        self.name = name
        self._handlers: list[Callable[P, None]] = []

    @property
    def handlers(self) -> tuple[Callable[P, None], ...]:
        """Those connected, in the order in which they run."""
        return tuple(self._handlers)

    def connect(self, handler: Callable[P, None]) -> Callable[P, None]:
        """Let the handler run whenever the event is published; usable as a decorator."""
        self._handlers.append(handler)
        return handler

    def publish(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Run every handler."""
        for handler in self._handlers:
            handler(*args, **kwargs)


# Which constraint refused a row: an IntegrityError is a known conflict only when it is of that constraint.


def violates(error: IntegrityError, *names: str) -> bool:
    """True when a unique constraint or unique index of one of these names refused the row."""
    diagnosis = getattr(error.orig, "diag", None)
    if diagnosis is not None:
        return diagnosis.constraint_name in names
    # SQLite names the columns instead.
    return str(error.orig) in {f"UNIQUE constraint failed: {_columns()[name]}" for name in names}


@cache
def _columns() -> dict[str, str]:
    """The columns of each unique constraint and index by its name, as SQLite lists them."""
    unique: list[UniqueConstraint | Index] = []
    for table in Base.metadata.tables.values():
        unique += [each for each in table.constraints if isinstance(each, UniqueConstraint)]
        unique += [index for index in table.indexes if index.unique]
    return {
        str(each.name): ", ".join(f"{column.table.name}.{column.name}" for column in each.columns) for each in unique
    }


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
