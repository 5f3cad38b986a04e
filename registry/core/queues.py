"""Queues: rows that workers lease, work on outside of transactions, and end, try again later or give up.

A lease is the instant until which other workers leave a row alone. It outlives a worker that is killed: after it, the
row is due again. A worker that has lost its lease writes nothing more.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar, cast

from sqlalchemy import ColumnElement, CursorResult, String, and_, func, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Mapped, mapped_column

from registry.core.clock import now
from registry.core.database import Instant, Model, db, require_transaction, table_of, transaction

Row = TypeVar("Row", bound=Model)
IN_SQL: Final[dict[str, Any]] = {"synchronize_session": False}


class LeaseLost(Exception):
    """The lease has ended, and another worker may have the row."""


@dataclass(slots=True)
class Lease:
    """The row of a worker, until when others leave it alone, and for how long it is renewed."""

    id: int
    until: datetime
    length: timedelta


class Backlog(NamedTuple):
    """How many wait, and since when the oldest does; None when none does."""

    waiting: int
    oldest_at: datetime | None


class Retried:
    """The columns of a row that is tried until it succeeds or is given up. ``error``: of the last try."""

    state: Mapped[str] = mapped_column(String(10))
    tries: Mapped[int]
    next_try_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    if TYPE_CHECKING:
        error: Mapped[str | None]

    def set(self, **values: Any) -> None:
        """Set columns."""
        for name, value in values.items():
            setattr(self, name, value)

    def end(self, state: str) -> None:
        """Let it wait no longer."""
        self.state, self.ended_at = state, now()

    def fail(
        self, error: str | None, waits: Sequence[timedelta], given_up: str, asked: timedelta = timedelta(0)
    ) -> None:
        """Let it be tried again after the wait for its number of tries; after the last try it is given up."""
        self.error = error
        wait = wait_after(waits, self.tries, asked)
        if wait is None:
            self.end(given_up)
        else:
            self.next_try_at = now() + wait


def wait_after(waits: Sequence[timedelta], tries: int, asked: timedelta = timedelta(0)) -> timedelta | None:
    """Return the delay after a number of failed tries; None when there is no further one.

    ``asked``: what the other side asked for; never less than the schedule has, nor more than its longest delay.
    """
    return max(waits[tries - 1], min(asked, waits[-1])) if tries <= len(waits) else None


class Queue(Generic[Row]):
    """The rows of a table for which a condition holds, each leased in one of its columns."""

    def __init__(
        self,
        model: type[Row],
        leased_until: InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None],
        length: timedelta,
        waits: ColumnElement[bool],
    ) -> None:
        """``length``: longer than a worker that lives can take for a row."""
        self._id = table_of(model).c.id
        self._model, self._until, self._length, self._waits = model, leased_until, length, waits

    @property
    def is_due(self) -> ColumnElement[bool]:
        """Condition: the row waits, and no worker has a lease."""
        is_free = self._until <= now()
        if self._until.property.columns[0].nullable:
            is_free = or_(self._until.is_(None), is_free)
        return and_(self._waits, is_free)

    def has(self, *conditions: ColumnElement[bool]) -> bool:
        """Return True when a waiting row meets the conditions; asked outside of a transaction."""
        db.session.rollback()
        return db.session.scalar(select(self._id).where(self._waits, *conditions).limit(1)) is not None

    def next_due(self, *conditions: ColumnElement[bool], order_by: Any = ()) -> Row | None:
        """Return the first row that is free and meets the conditions, locked in the open transaction."""
        due = select(self._model).where(self.is_due, *conditions).order_by(*order_by).limit(1)
        return self._locked(due.with_for_update(skip_locked=True))

    def lease(self, row: Row, length: timedelta | None = None) -> Lease:
        """Lease a locked row in the open transaction."""
        length = self._length if length is None else length
        lease = Lease(cast("Any", row).id, now() + length, length)
        setattr(row, self._until.key, lease.until)
        return lease

    @contextmanager
    def leased(self, lease: Lease) -> Iterator[Row]:
        """Write the row of a lease, locked in a transaction. Raises LeaseLost."""
        own = (self._id == lease.id, self._until == lease.until, self._waits)
        with transaction():
            row = self._locked(select(self._model).where(*own).with_for_update())
            if row is None:
                raise LeaseLost
            yield row

    def change(self, *conditions: ColumnElement[bool], **values: Any) -> int:
        """Change the waiting rows that meet the conditions, if any: on SQLite a transaction locks out all writers."""
        if not self.has(*conditions):
            return 0
        statement = update(self._model).where(self._waits, *conditions).values(**values)
        with transaction() as session:
            return cast("CursorResult[Any]", session.execute(statement, execution_options=IN_SQL)).rowcount

    def _locked(self, statement: Any) -> Row | None:
        row: Row | None = require_transaction().scalar(statement.execution_options(populate_existing=True))
        return row


def backlog(since: Any, *conditions: ColumnElement[bool]) -> Backlog:
    """Return how many rows meet the conditions, and the earliest of these instants."""
    return Backlog(*db.session.execute(select(func.count(), func.min(since)).where(*conditions)).one())
