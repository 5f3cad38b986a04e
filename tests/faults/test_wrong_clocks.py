"""Clocks wrong by a day: no business date is audited twice, and none is skipped without being listed."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from random import Random

from flask import Flask

from registry.core.clock import local_instant, today
from registry.flags.models import AuditRun
from tests.audits.steps import create_projects, installed, table
from tests.faults.entrance import AUDIT_AT
from tests.faults.processes import ALL, Process

SCHEDULERS, DAYS = (3, 60) if ALL else (2, 3)
A_DAY = timedelta(days=1)


def test_clock_jumps_of_a_day_neither_repeat_nor_silently_skip_audits(
    own_app: Flask, own_database: str, tmp_path: Path
) -> None:
    first, rng = today(), Random(24)
    with own_app.app_context():
        installed(local_instant(first, AUDIT_AT) - timedelta(hours=1))
        create_projects(10)
    with ExitStack() as stack:
        schedulers = [stack.enter_context(Process(own_database, tmp_path)) for _ in range(SCHEDULERS)]
        for hours in range(0, DAYS * 24, 8):
            for scheduler in schedulers:
                off = rng.choice([-1, 0, 1]) * A_DAY
                scheduler.order(f"clock {(local_instant(first, AUDIT_AT) + timedelta(hours=hours) + off).isoformat()}")
            assert {scheduler.answer() for scheduler in schedulers} <= {"none", "ran succeeded"}
    with own_app.app_context():
        nights = Counter(row["scheduled_for"] for row in table(AuditRun))
        listed = {row["scheduled_for"]: row["status"] for row in table(AuditRun)}
    assert set(nights.values()) == {1}
    assert sorted(nights) == [first + number * A_DAY for number in range(len(nights))]
    assert len(nights) >= DAYS
    assert set(listed.values()) <= {"succeeded", "missed"}
