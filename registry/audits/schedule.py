"""Audit schedule: which nightly audit is due. Pure functions, called every minute, so that downtime is caught up."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from registry.core.clock import ALMATY, local_date, local_instant

LATE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class ScheduledRun:
    """A business date whose audit is due. ``first``: the first date due since the last successful audit."""

    on: date
    late: bool
    first: date


def due_on(current_time: datetime, audit_at: time) -> date:
    """Return the latest business date whose audit is due: today, or yesterday before the configured time."""
    local = current_time.astimezone(ALMATY)
    return local.date() if local.time() >= audit_at else local.date() - timedelta(days=1)


def is_due(
    current_time: datetime, audit_at: time, installed_at: datetime, last_good_on: date | None
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


def first_due(installed_at: datetime, audit_at: time) -> date:
    """Return the first business date whose audit time is after the installation."""
    day = local_date(installed_at)
    return day if installed_at < local_instant(day, audit_at) else day + timedelta(days=1)
