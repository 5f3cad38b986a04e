"""The clock: local dates of Almaty, UTC instants, working days computed by hand from the calendars of 2026 and 2027."""

from __future__ import annotations

import struct
import subprocess
import sys
from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import given, strategies as st
from sqlalchemy import select

from registry.agencies.models import Agency
from registry.core.clock import (
    CALENDAR_FILE,
    Calendar,
    clock_set_to,
    load_calendar,
    local_date,
    local_instant,
    now,
    require_current_zone,
    rfc3339,
    today,
)
from registry.core.database import db
from registry.core.errors import CalendarInvalid
from registry.settings import CHECKOUT
from tests.factories import an_agency
from tests.present import Present

ASK = "from registry.core.clock import require_current_zone; require_current_zone(); print('started')"


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        (datetime(2025, 12, 31, 18, 59, 59, 999999, tzinfo=UTC), date(2025, 12, 31)),
        (datetime(2025, 12, 31, 19, 0, tzinfo=UTC), date(2026, 1, 1)),
        (datetime(2026, 1, 1, 18, 59, tzinfo=UTC), date(2026, 1, 1)),
    ],
)
def test_day_begins_at_midnight_in_almaty(present: Present, instant: datetime, day: date) -> None:
    present.set(instant)
    assert now() == instant
    assert today() == local_date(instant) == day


def test_local_time_is_five_hours_before_in_utc() -> None:
    assert local_instant(date(2026, 1, 1), time(2)) == datetime(2025, 12, 31, 21, tzinfo=UTC)


def test_rfc3339_has_z_and_microseconds() -> None:
    assert rfc3339(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) == "2026-01-02T03:04:05.000000Z"


def test_instant_column_round_trips(app: Flask, present: Present) -> None:
    instant = present.set(datetime(2026, 2, 28, 23, 59, 59, 999999, tzinfo=UTC))
    an_agency()
    db.session.expire_all()
    kept = db.session.scalars(select(Agency)).one().created_at
    assert kept == instant
    assert kept.tzinfo is UTC


def test_only_the_demo_sets_the_clock() -> None:
    instant = datetime(2026, 3, 2, 4, tzinfo=UTC)
    with clock_set_to(instant):
        assert now() == instant
    assert now() > instant
    named = {
        path.relative_to(CHECKOUT).as_posix()
        for path in (CHECKOUT / "registry").rglob("*.py")
        if "clock_set_to" in path.read_text(encoding="utf-8")
    }
    assert named == {"registry/core/clock.py", "registry/demo/story.py"}


def test_pinned_time_zone_data_is_current() -> None:
    require_current_zone()
    assert started(None) == (0, "started\n", "")


def test_stale_time_zone_data_prevents_the_start(tmp_path: Path) -> None:
    a_zone(tmp_path, hours=6)
    code, printed, complaint = started(tmp_path)
    assert (code, printed) == (1, "")
    assert "TimeZoneDataStale" in complaint
    assert "UTC6:00:00" in complaint
    assert "PYTHONTZPATH" in complaint


def test_current_time_zone_data_in_pythontzpath_is_accepted(tmp_path: Path) -> None:
    a_zone(tmp_path, hours=5)
    assert started(tmp_path)[:2] == (0, "started\n")


def a_zone(folder: Path, hours: int) -> None:
    """Write a time-zone folder in which Almaty has always had one offset (TZif version 1, RFC 9636)."""
    file = folder / "Asia" / "Almaty"
    file.parent.mkdir()
    counts = struct.pack(">6l", 0, 0, 0, 0, 1, 4)
    file.write_bytes(b"TZif" + bytes(16) + counts + struct.pack(">lbb", hours * 3600, 0, 0) + b"+0X\x00")


def started(zones: Path | None) -> tuple[int, str, str]:
    environment = {"PYTHONPATH": str(CHECKOUT), "PYTHONDONTWRITEBYTECODE": "1"}
    if zones is not None:
        environment["PYTHONTZPATH"] = str(zones)
    ran = subprocess.run(
        [sys.executable, "-c", ASK], capture_output=True, text=True, env=environment, cwd="/", check=False
    )
    return ran.returncode, ran.stdout, ran.stderr


CALENDAR = load_calendar(CALENDAR_FILE)
DAYS = st.dates(date(2025, 12, 1), date(2028, 12, 31))


@pytest.mark.parametrize(
    ("day", "works", "why"),
    [
        (date(2026, 8, 30), False, "a Sunday, and since 2026 nothing more"),
        (date(2026, 8, 31), True, "30 August is no holiday any more, so no Monday stands in for it"),
        (date(2025, 9, 1), False, "in 2025 30 August was a Saturday and a holiday: the Monday stood in for it"),
        (date(2026, 3, 16), True, "15 March is a holiday from 2027 on: in 2026 it is a plain Sunday"),
        (date(2027, 3, 15), False, "Constitution Day, the first time"),
        (date(2027, 8, 30), True, "a plain Monday"),
        (date(2026, 3, 9), False, "8 March is a Sunday"),
        (date(2026, 3, 24), False, "21 March is a Saturday"),
        (date(2026, 3, 25), False, "22 March is a Sunday"),
        (date(2026, 3, 26), True, "after Nauryz"),
        (date(2026, 5, 11), False, "9 May is a Saturday"),
        (date(2026, 5, 27), False, "Kurban ait"),
        (date(2026, 10, 26), False, "25 October is a Sunday"),
        (date(2027, 1, 4), False, "2 January is a Saturday"),
        (date(2027, 1, 5), True, "a Tuesday between New Year and Christmas"),
        (date(2027, 1, 7), False, "Orthodox Christmas"),
    ],
)
def test_working_days_follow_the_national_calendar(day: date, works: bool, why: str) -> None:
    assert CALENDAR.is_working(day) is works, why


@pytest.mark.parametrize(
    ("day", "count", "expected", "how"),
    [
        (date(2026, 2, 27), 10, date(2026, 3, 16), "2-6 March 5; 10-13 March 9 (9 March rests); 16 March 10"),
        (date(2026, 3, 20), 1, date(2026, 3, 26), "21-25 March rest"),
        (date(2026, 4, 30), 5, date(2026, 5, 12), "1 May rests; 4, 5, 6, 8 May 4; 7, 9-11 rest; 12 May 5"),
        (date(2026, 8, 28), 20, date(2026, 9, 25), "31 August and September's first weeks without a holiday"),
        (date(2026, 12, 14), 15, date(2027, 1, 8), "15, 17, 18: 3; 21-25: 8; 28-31: 12; 5, 6, 8 January 15"),
        (date(2026, 12, 31), 1, date(2027, 1, 5), "1-4 January rest"),
        (date(2027, 3, 12), 5, date(2027, 3, 25), "15 rests; 16-19 4; 20-24 rest; 25 March 5"),
        (date(2027, 3, 6), 0, date(2027, 3, 9), "a Saturday, and 8 March is a Monday"),
        (date(2026, 3, 26), -1, date(2026, 3, 20), "backwards over Nauryz"),
    ],
)
def test_working_days_are_counted_over_holidays_and_year_ends(day: date, count: int, expected: date, how: str) -> None:
    assert CALENDAR.after(day, count) == expected, how


@given(DAYS, st.integers(0, 60))
def test_term_never_ends_on_a_day_off(day: date, count: int) -> None:
    assert CALENDAR.is_working(CALENDAR.after(day, count))


def test_calendar_file_can_move_days_in_both_directions(tmp_path: Path) -> None:
    path = tmp_path / "calendar.toml"
    path.write_text("days_off = [2026-12-15]\nworking_days = [2026-12-19]\n", encoding="utf-8")
    moved = load_calendar(path)
    assert not moved.is_working(date(2026, 12, 15))
    assert moved.is_working(date(2026, 12, 19))
    # 17, 18 and the worked Saturday: 15 and 16 December rest.
    assert moved.after(date(2026, 12, 14), 3) == date(2026, 12, 19)


def test_announced_kurban_ait_replaces_the_estimate() -> None:
    announced = Calendar(days_off=frozenset({date(2026, 5, 28)}), working_days=frozenset({date(2026, 5, 27)}))
    assert announced.is_working(date(2026, 5, 27))
    assert not announced.is_working(date(2026, 5, 28))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("days_off = ['2026-12-15']", "days_off: expected dates"),
        ("days_off = [2026-12-15T10:00:00]", "days_off: expected dates"),
        ("days_off = [2026-12-15]\nworking_days = [2026-12-15]", "2026-12-15 is among days_off too"),
        ("holidays = []", "holidays: unknown"),
        ("days_off = [", "not valid TOML"),
    ],
)
def test_invalid_calendar_file_is_rejected_with_file_name_and_key(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "calendar.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CalendarInvalid) as refused:
        load_calendar(path)
    assert expected in str(refused.value)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize(
    ("first", "last", "days"),
    [
        (date(2027, 5, 15), date(2027, 5, 16), [date(2027, 5, 16)]),
        (date(2027, 5, 16), date(2027, 12, 31), []),
        (date(2026, 12, 1), date(2027, 5, 15), []),
        (date(2026, 12, 1), date(2027, 5, 31), [date(2027, 5, 16)]),
    ],
)
def test_estimated_days_off_are_those_after_the_first_day_up_to_the_last(
    first: date, last: date, days: list[date]
) -> None:
    assert Calendar().estimated_between(first, last) == days
