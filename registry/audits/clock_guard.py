"""The clock guard: is the system clock plausible enough to run the nightly audit by it?

A clock that jumped ahead would audit a date in the future, and no later night is due before that date is reached.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from sqlalchemy import func, select, text

from registry.core.clock import rfc3339
from registry.core.database import db, is_sqlite
from registry.core.errors import Conflict
from registry.core.installation import installed_at
from registry.flags.audit_runs import AuditRun
from registry.journal.service import JournalEntry

log = logging.getLogger(__name__)

FURTHEST_AHEAD: Final = timedelta(days=2)
LOGGED_EVERY_S: Final = 3600
# Unlike the monotonic clock it goes on while the machine is suspended; only Linux has it.
_BOOT_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class ClockNotConfirmed(Conflict):
    """The system clock is more than two days ahead of what is known of the time, so no nightly audit is run by it."""


class ClockGuard:
    """Compares the system clock with what else tells the time. One for each process that runs nightly audits.

    The clock may be at most two days ahead of each of these: the database server's clock (PostgreSQL), the last
    record (``last_recorded_at``), and, from the second check on, the time that passed in this process. An audit that
    a person ran by hand confirms the clock for the last two: a person has looked at the date.
    """

    def __init__(
        self,
        elapsed: Callable[[], float] | None = None,
        database_now: Callable[[], datetime | None] | None = None,
    ) -> None:
        """``elapsed``: seconds on a clock that nobody can set. ``database_now``: None when there is no other clock."""
        self._elapsed = elapsed or seconds_since_boot
        self._database_now = database_now or database_clock
        self._lock = Lock()
        self._expected: datetime | None = None
        self._checked_at = 0.0
        self._logged_at: float | None = None

    def require_plausible(self, moment: datetime) -> None:
        """Raise ClockNotConfirmed when the system clock, which says ``moment``, is too far ahead."""
        with self._lock:
            self._require_near_database(moment)
            recorded = last_recorded_at(moment)
            confirmed = _confirmed_by_hand_at(moment)
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
            if moment - known > FURTHEST_AHEAD:
                raise ClockNotConfirmed(now=rfc3339(moment), known=rfc3339(known))
            # Not set back with the clock: once it is right again, that would look like a jump ahead.
            self._expected = max(self._expected, moment)

    def is_plausible(self, moment: datetime) -> bool:
        """False when the clock is too far ahead, which is logged once an hour."""
        refused: ClockNotConfirmed | None = None
        try:
            self.require_plausible(moment)
        except ClockNotConfirmed as error:
            refused = error
        if refused is None:
            self._logged_at = None
            return True
        if self._logged_at is None or self._checked_at - self._logged_at >= LOGGED_EVERY_S:
            self._logged_at = self._checked_at
            log.error(
                "no nightly audit: the system clock says %s, more than two days after %s, the last time that is known."
                " If the clock is wrong, correct it. If it is right (the service was down), confirm it by running an"
                " audit by hand: registry audits run",
                refused.params["now"],
                refused.params["known"],
            )
        return False

    def _require_near_database(self, moment: datetime) -> None:
        server = self._database_now()
        if server is not None and moment - server > FURTHEST_AHEAD:
            self._checked_at = self._elapsed()
            raise ClockNotConfirmed(now=rfc3339(moment), known=rfc3339(server))


def unconfirmed_since(moment: datetime) -> datetime | None:
    """The last record when ``moment`` is too far ahead of it and nobody confirmed the clock since, else None."""
    known = last_recorded_at(moment)
    if moment - known <= FURTHEST_AHEAD:
        return None
    confirmed = _confirmed_by_hand_at(moment)
    return known if confirmed is None or moment - confirmed > FURTHEST_AHEAD else None


def last_recorded_at(moment: datetime) -> datetime:
    """The time of the last journal entry, or of the last run that failed by ``moment``, or of the installation."""
    written = db.session.scalar(select(JournalEntry.at).order_by(JournalEntry.seq.desc()).limit(1))
    # A failed run writes no journal entry, and is tried again every ten minutes.
    failed = db.session.scalar(
        select(func.max(AuditRun.finished_at)).where(AuditRun.status == "failed", AuditRun.finished_at <= moment)
    )
    instants = [installed_at(), failed, None if written is None else datetime.fromisoformat(written)]
    return max(instant for instant in instants if instant is not None)


def seconds_since_boot() -> float:
    """A clock that only runs forward and that nobody can set."""
    return time.clock_gettime(_BOOT_CLOCK)


def database_clock() -> datetime | None:
    """The clock of PostgreSQL's server, which may be another machine's; SQLite has none of its own."""
    if is_sqlite():
        return None
    found: datetime | None = db.session.scalar(text("SELECT clock_timestamp()"))
    return found


def _confirmed_by_hand_at(moment: datetime) -> datetime | None:
    """When a person last ran an audit for good by hand, by the clock of then."""
    found: datetime | None = db.session.scalar(
        select(func.max(AuditRun.started_at)).where(
            AuditRun.trigger == "manual",
            AuditRun.dry_run.is_(False),
            AuditRun.status.in_(("succeeded", "held")),
            AuditRun.started_at <= moment,
        )
    )
    return found
