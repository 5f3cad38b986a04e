"""When an audit runs: which one is due, with a plausible clock, and one at a time."""

from __future__ import annotations

import fcntl
import logging
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time as time_of_day, timedelta
from pathlib import Path
from threading import Lock
from typing import IO, Final

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from registry.core.clock import ALMATY, local_date, local_instant, rfc3339
from registry.core.database import db, in_transaction, transaction
from registry.core.dialects import database_clock, database_file
from registry.core.errors import Conflict
from registry.core.files import make_private
from registry.core.installation import installed_at
from registry.core.postgresql import extend_timeouts
from registry.flags.models import AuditRun
from registry.journal.service import JournalEntry

# Audit schedule: which nightly audit is due. Pure functions, called every minute, so that downtime is caught up.

LATE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class ScheduledRun:
    """A business date whose audit is due. ``first``: the first date due since the last successful audit."""

    on: date
    late: bool
    first: date


def due_on(current_time: datetime, audit_at: time_of_day) -> date:
    """Return the latest business date whose audit is due: today, or yesterday before the configured time."""
    local = current_time.astimezone(ALMATY)
    return local.date() if local.time() >= audit_at else local.date() - timedelta(days=1)


def is_due(
    current_time: datetime, audit_at: time_of_day, installed_at: datetime, last_good_on: date | None
) -> ScheduledRun | None:
    """Return the due run, or None.

    A successful audit of a date, also a manual one, covers that date and every earlier one. Dates before the
    installation are never due. Of several due dates only the latest is run, because the facts of the others are gone.
    """
    day = due_on(current_time, audit_at)
    first = first_due(installed_at, audit_at) if last_good_on is None else last_good_on + timedelta(days=1)
    if day < first:
        return None
    return ScheduledRun(day, current_time - local_instant(day, audit_at) > LATE, first)


def missed(first: date, due: date, audited: Collection[date]) -> list[date]:
    """Return the dates from ``first`` to the day before ``due`` that have no successful audit."""
    between = (first + timedelta(days=count) for count in range((due - first).days))
    return [day for day in between if day not in audited]


def first_due(installed_at: datetime, audit_at: time_of_day) -> date:
    """Return the first business date whose audit time is after the installation."""
    day = local_date(installed_at)
    return day if installed_at < local_instant(day, audit_at) else day + timedelta(days=1)


# Clock guard: checks that the system clock is plausible before a nightly audit runs, or a request takes effect.
#
# A clock that jumped ahead would audit a future date, and no nightly audit would be due until that date; agencies
# would close before their day.

log = logging.getLogger(__name__)

MAX_AHEAD: Final = timedelta(days=2)
LOGGED_EVERY_S: Final = 3600
# CLOCK_BOOTTIME also counts time in which the machine is suspended, unlike the monotonic clock; only Linux has it.
_BOOT_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class ClockNotConfirmed(Conflict):
    """The system clock is more than two days ahead of the last known time; nightly audits do not run."""


class ClockGuard:
    """Compares the system clock with other sources of time. Each process that runs nightly audits has one instance.

    The clock may be at most two days ahead of each of: the database server's clock (PostgreSQL), the last record
    (``last_recorded_at``), and, from the second check on, the time elapsed in this process. A manual audit confirms the
    clock for the last two, because a person has checked the date.
    """

    def __init__(
        self, elapsed: Callable[[], float] | None = None, database_now: Callable[[], datetime | None] | None = None
    ) -> None:
        """``elapsed``: seconds of a clock that nobody can set. ``database_now``: None without a database clock."""
        self._elapsed = elapsed or seconds_since_boot
        self._database_now = database_now or database_clock
        self._lock = Lock()
        self._expected: datetime | None = None
        self._checked_at = 0.0
        self._logged_at: float | None = None

    def require_plausible(self, system_time: datetime) -> None:
        """Raise ClockNotConfirmed when the system clock (``system_time``) is too far ahead."""
        with self._lock:
            self._require_near_database(system_time)
            recorded = last_recorded_at(system_time)
            confirmed = _confirmed_by_hand_at(system_time)
            elapsed = self._elapsed()
            if self._expected is None:
                self._expected = recorded
            else:
                self._expected += timedelta(seconds=elapsed - self._checked_at)
            self._checked_at = elapsed
            if confirmed is not None:
                self._expected = max(self._expected, confirmed)
                recorded = max(recorded, confirmed)
            known = min(self._expected, recorded)
            if system_time - known > MAX_AHEAD:
                raise ClockNotConfirmed(now=rfc3339(system_time), known=rfc3339(known))
            # Never moved back with the clock: otherwise correcting a clock that was slow would look like a jump ahead.
            self._expected = max(self._expected, system_time)

    def is_plausible(self, system_time: datetime) -> bool:
        """Return False, and log it once an hour, when the clock is too far ahead."""
        failure: ClockNotConfirmed | None = None
        try:
            self.require_plausible(system_time)
        except ClockNotConfirmed as error:
            failure = error
        if failure is None:
            self._logged_at = None
            return True
        if self._logged_at is None or self._checked_at - self._logged_at >= LOGGED_EVERY_S:
            self._logged_at = self._checked_at
            log.error(
                "no nightly audit, and no request takes effect: the system clock says %s, more than two days after %s,"
                " the last time that is known."
                " If the clock is wrong, correct it. If it is right (the service was down), confirm it by running an"
                " audit by hand: registry audits run",
                failure.params["now"],
                failure.params["known"],
            )
        return False

    def _require_near_database(self, system_time: datetime) -> None:
        server = self._database_now()
        if server is not None and system_time - server > MAX_AHEAD:
            self._checked_at = self._elapsed()
            raise ClockNotConfirmed(now=rfc3339(system_time), known=rfc3339(server))


def unconfirmed_since(system_time: datetime) -> datetime | None:
    """Return the time of the last record when the unconfirmed ``system_time`` is too far ahead of it, else None."""
    known = last_recorded_at(system_time)
    if system_time - known <= MAX_AHEAD:
        return None
    confirmed = _confirmed_by_hand_at(system_time)
    return known if confirmed is None or system_time - confirmed > MAX_AHEAD else None


def last_recorded_at(system_time: datetime) -> datetime:
    """Return the time of the last journal entry, of the last failed run, or of the installation."""
    written = db.session.scalar(select(JournalEntry.at).order_by(JournalEntry.seq.desc()).limit(1))
    # A failed run writes no journal entry and is retried every ten minutes.
    failed = db.session.scalar(
        select(func.max(AuditRun.finished_at)).where(AuditRun.status == "failed", AuditRun.finished_at <= system_time)
    )
    instants = [installed_at(), failed, None if written is None else datetime.fromisoformat(written)]
    return max(instant for instant in instants if instant is not None)


def seconds_since_boot() -> float:
    """Return the seconds of a clock that only moves forward and that nobody can set."""
    return time.clock_gettime(_BOOT_CLOCK)


def _confirmed_by_hand_at(system_time: datetime) -> datetime | None:
    """Return when a manual audit that was no dry run last started, by the clock of that time."""
    confirmed_at: datetime | None = db.session.scalar(
        select(func.max(AuditRun.started_at)).where(
            AuditRun.trigger == "manual",
            AuditRun.dry_run.is_(False),
            AuditRun.status.in_(("succeeded", "held")),
            AuditRun.started_at <= system_time,
        )
    )
    return confirmed_at


# Exclusive audit lock: one audit at a time, across processes and machines.

AUDIT_LOCK = 742_002


class AuditRunning(Conflict):
    """Another audit is running."""


@contextmanager
def exclusive_lock(first: Callable[[], None] | None = None) -> Iterator[Session]:
    """Open a transaction under the exclusive audit lock. Raises AuditRunning, without waiting, when an audit runs.

    ``first`` is called under this lock before anything keeps others from writing; it only reads.
    PostgreSQL uses a transaction-level advisory lock. SQLite uses a lock on a file beside the database, because a
    second writer would wait instead of failing. Both end with the process, so a killed audit blocks nothing.
    """
    database = database_file()
    if database is None:
        with transaction() as session:
            extend_timeouts(session.connection())
            if not session.scalar(text(f"SELECT pg_try_advisory_xact_lock({AUDIT_LOCK})")):
                raise AuditRunning
            if first is not None:
                first()
            yield session
        return
    path = Path(f"{database}.audit-lock")
    make_private(path)
    with path.open("a", encoding="ascii") as file:
        _lock(file)
        if first is not None:
            if not in_transaction():
                # Leave a snapshot from before the lock: an audit may have ended since.
                db.session.rollback()
            first()
        with transaction() as session:
            yield session


def _lock(file: IO[str]) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise AuditRunning from error
