"""The clock and the calendar: the current time in UTC, local dates of Asia/Almaty, and the national working days."""

import os
import tomllib
import zoneinfo
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import holidays

from registry.core.errors import CalendarInvalid
from registry.core.files import CONFIG

# Kazakhstan is in one zone, UTC+5, since 1 March 2024.

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


def json_ready(value: object) -> str:
    """Return an instant as RFC 3339, a date as ``YYYY-MM-DD``, which JSON lacks. Raises TypeError for the rest."""
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in JSON")


# The national working-day calendar: the package ``holidays``, corrected by ``config/calendar.toml``.

CALENDAR_FILE: Final = CONFIG / "calendar.toml"
COUNTRY: Final = "KZ"
SATURDAY: Final = 5
LAST_QUARTER: Final = 10
DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class Calendar:
    """A calendar whose ``days_off`` and ``working_days`` override the package's."""

    days_off: frozenset[date] = frozenset()
    working_days: frozenset[date] = frozenset()

    def is_working(self, day: date) -> bool:
        """Return True when the day is a working day."""
        if day in self.working_days:
            return True
        if day in self.days_off:
            return False
        off, worked_weekends = _base(day.year)
        return day in worked_weekends if day.weekday() >= SATURDAY else day not in off

    def after(self, day: date, count: int) -> date:
        """Return the ``count``-th working day after a day; before it if negative; for 0, the day itself or the next
        one.
        """
        step = DAY if count >= 0 else -DAY
        if count == 0:
            while not self.is_working(day):
                day += step
            return day
        remaining = abs(count)
        while remaining:
            day += step
            remaining -= self.is_working(day)
        return day

    def between(self, first: date, last: date) -> int:
        """Return the number of working days after ``first`` up to and including ``last``; negative if ``last`` is
        earlier.
        """
        if last < first:
            return -self.between(last, first)
        return sum(self.is_working(first + DAY * number) for number in range(1, (last - first).days + 1))

    def estimated(self, year: int) -> list[date]:
        """Return the days off of a year whose dates the package only estimates, and that no correction confirms or
        moves.
        """
        names = _base(year)[0]
        days = sorted(day for day, name in names.items() if "(estimated)" in name)
        return [day for day in days if day not in self.days_off | self.working_days]

    def estimated_next_year(self, today: date) -> list[date]:
        """Return those of the next year, from October on, when deadlines already run into it."""
        return self.estimated(today.year + 1) if today.month >= LAST_QUARTER else []

    def estimated_between(self, first: date, last: date) -> list[date]:
        """Return those that count for a deadline: after ``first``, up to and including ``last``."""
        years = range(first.year, last.year + 1)
        return [day for year in years for day in self.estimated(year) if first < day <= last]


# Cached: 0.3 ms a year, and a list of cases computes several deadlines a row.
@lru_cache(maxsize=64)
def _base(year: int) -> tuple[Mapping[date, str], frozenset[date]]:
    """Return the package's holidays and working weekend days of a year; never modified, so that threads can share
    them.
    """
    known = holidays.country_holidays(COUNTRY, years=year, language="en_US")
    return dict(known), frozenset(known.weekend_workdays)


def load_calendar(path: Path) -> Calendar:
    """Load the calendar with the corrections in a file. Raises CalendarInvalid."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CalendarInvalid(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise CalendarInvalid(f"{path}: not valid TOML in UTF-8: {error}") from error
    # Files of earlier versions have a table ``names``, which nothing reads.
    unknown = sorted(set(document) - {"days_off", "working_days", "names"})
    if unknown:
        raise CalendarInvalid(f"{path}: {unknown[0]}: unknown, expected only days_off, working_days")
    days_off, working_days = (_days(document, name, path) for name in ("days_off", "working_days"))
    if days_off & working_days:
        raise CalendarInvalid(f"{path}: working_days: {min(days_off & working_days)} is among days_off too")
    return Calendar(days_off, working_days)


def _days(document: Mapping[str, Any], name: str, path: Path) -> frozenset[date]:
    days = document.get(name, [])
    # isinstance() would accept a TOML date-time.
    if not isinstance(days, list) or not all(type(day) is date for day in days):
        raise CalendarInvalid(f"{path}: {name}: expected dates such as [2025-01-03], without quotes or time")
    return frozenset(days)


_current: list[Calendar] = []


def set_calendar(calendar: Calendar) -> None:
    """Set the calendar of the process."""
    _current[:] = [calendar]


def national_calendar() -> Calendar:
    """Return the calendar of the process; without one, that of the file that is shipped."""
    if not _current:
        set_calendar(load_calendar(CALENDAR_FILE))
    return _current[0]
