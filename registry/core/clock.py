"""The clock: the current time in UTC and local dates of Asia/Almaty (UTC+5 in all Kazakhstan since 1 March 2024)."""

from __future__ import annotations

import os
import zoneinfo
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, time, timedelta

ZONE_NAME = "Asia/Almaty"
CUTOFF_OFFSET = timedelta(hours=5)
_fixed_now: ContextVar[datetime | None] = ContextVar("fixed_now", default=None)


class TimeZoneDataStale(RuntimeError):
    """The time-zone data is older than 2024a: every local date, including the cutoff, would be an hour off."""


def _zone() -> zoneinfo.ZoneInfo:
    # The system's copy takes precedence over the pinned tzdata package unless the search path is empty. An operator
    # who sets PYTHONTZPATH has chosen a copy, which require_current_zone then checks.
    if not os.environ.get("PYTHONTZPATH"):
        zoneinfo.reset_tzpath(to=())
    return zoneinfo.ZoneInfo(ZONE_NAME)


ALMATY = _zone()


def require_current_zone() -> None:
    """Raise TimeZoneDataStale unless Asia/Almaty is UTC+5 on 2026-01-01."""
    offset = datetime(2026, 1, 1, tzinfo=ALMATY).utcoffset()
    if offset != CUTOFF_OFFSET:
        raise TimeZoneDataStale(
            f"{ZONE_NAME} is UTC{offset} on 2026-01-01 in this machine's time-zone data, and must be UTC+5: it is "
            "older than 2024a. Unset PYTHONTZPATH or update the system's tzdata, then start again."
        )


def now() -> datetime:
    """Return the current time as an aware datetime in UTC, to the microsecond."""
    return _fixed_now.get() or datetime.now(UTC)


@contextmanager
def clock_set_to(instant: datetime) -> Iterator[None]:
    """Set the clock to an instant for the duration of the block; only the demo data may use it.

    A register whose clock can be set back could not be trusted; ``tests/core/test_clock.py`` checks the callers.
    """
    token = _fixed_now.set(instant)
    try:
        yield
    finally:
        _fixed_now.reset(token)


def today() -> date:
    """Return the current date in Asia/Almaty."""
    return local_date(now())


def local_date(instant: datetime) -> date:
    """Return the date in Asia/Almaty at an aware instant."""
    return instant.astimezone(ALMATY).date()


def local_instant(day: date, at: time) -> datetime:
    """Return the instant, in UTC, of a local time of Asia/Almaty."""
    return datetime.combine(day, at, tzinfo=ALMATY).astimezone(UTC)


def rfc3339(instant: datetime) -> str:
    """Return an aware instant as RFC 3339 in UTC with ``Z`` and microseconds."""
    # A quarter of the time of strftime: a page of a list has fifty instants.
    return instant.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
