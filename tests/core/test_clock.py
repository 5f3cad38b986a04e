"""The clock: local dates of Almaty, UTC instants, and rejection of stale time-zone data."""

from __future__ import annotations

import struct
import subprocess
import sys
from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from registry.agencies.models import Agency
from registry.core.clock import clock_set_to, local_date, local_instant, now, require_current_zone, rfc3339, today
from registry.core.database import db
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
