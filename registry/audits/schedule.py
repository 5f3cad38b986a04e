"""Which night is owed. Pure: the scheduler asks it every minute, so that catching up needs nothing of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from registry.store.clock import ALMATY, local_date, local_instant

LATE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Night:
    """A business date that needs its audit, and the dates before it that never had one."""

    on: date
    catch_up: bool
    missed: tuple[date, ...]


def due_on(moment: datetime, audit_at: time) -> date:
    """The latest business date whose audit was due by now: today, or yesterday before the hour."""
    local = moment.astimezone(ALMATY)
    return local.date() if local.time() >= audit_at else local.date() - timedelta(days=1)


def owed(moment: datetime, audit_at: time, installed_at: datetime, last_good_on: date | None) -> Night | None:
    """The night that is owed, None when there is none.

    A good audit of a date, by hand too, satisfies its night and every earlier one; a night before the installation is
    not owed. Dates between are missed and never replayed with facts that they did not have.
    """
    day = due_on(moment, audit_at)
    first = first_due(installed_at, audit_at) if last_good_on is None else last_good_on + timedelta(days=1)
    if day < first:
        return None
    missed = tuple(first + timedelta(days=count) for count in range((day - first).days))
    late = moment - local_instant(day, audit_at) > LATE
    return Night(day, bool(missed) or late, missed)


def first_due(installed_at: datetime, audit_at: time) -> date:
    """The first business date whose hour comes after the installation."""
    day = local_date(installed_at)
    return day if installed_at < local_instant(day, audit_at) else day + timedelta(days=1)
