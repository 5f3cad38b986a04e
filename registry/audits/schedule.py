"""Which night is owed. Pure: the scheduler asks it every minute, so that catching up needs nothing of its own."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from registry.core.clock import ALMATY, local_date, local_instant

LATE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class ScheduledRun:
    """A business date that needs its audit. ``first``: the first date that was due since the last good audit."""

    on: date
    late: bool
    first: date


def due_on(moment: datetime, audit_at: time) -> date:
    """The latest business date whose audit was due by now: today, or yesterday before the hour."""
    local = moment.astimezone(ALMATY)
    return local.date() if local.time() >= audit_at else local.date() - timedelta(days=1)


def is_due(moment: datetime, audit_at: time, installed_at: datetime, last_good_on: date | None) -> ScheduledRun | None:
    """The night that is owed, None when there is none.

    A good audit of a date, by hand too, satisfies its night and every earlier one; a night before the installation is
    not owed. Of several due dates only the latest is owed: facts that the others had are gone.
    """
    day = due_on(moment, audit_at)
    first = first_due(installed_at, audit_at) if last_good_on is None else last_good_on + timedelta(days=1)
    if day < first:
        return None
    return ScheduledRun(day, moment - local_instant(day, audit_at) > LATE, first)


def missed(first: date, night: date, audited: Collection[date]) -> list[date]:
    """The dates from ``first`` to the eve of a night that have no good audit of their own."""
    between = (first + timedelta(days=count) for count in range((night - first).days))
    return [day for day in between if day not in audited]


def first_due(installed_at: datetime, audit_at: time) -> date:
    """The first business date whose hour comes after the installation."""
    day = local_date(installed_at)
    return day if installed_at < local_instant(day, audit_at) else day + timedelta(days=1)
