"""Several schedulers at once, and clocks that are wrong."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from threading import Barrier

import pytest
from flask import Flask

from registry.audits.jobs import run_due_audit
from registry.audits.schedule import AuditRunning
from registry.core.clock import local_instant, today
from registry.flags.models import AuditRun, Flag
from registry.journal.service import JournalEntry
from tests.audits.steps import audit, create_projects, installed, table
from tests.faults.entrance import AUDIT_AT
from tests.faults.processes import ALL, AT_THE_COMMIT, Process, next_start

RIVALS, DATES = (8, 100) if ALL else (3, 5)
A_DAY = timedelta(days=1)


def due(number: int) -> datetime:
    """Return the instant at which the nightly audit of a day from tomorrow on is due."""
    return local_instant(today() + number * A_DAY, AUDIT_AT)


def several_projects(app: Flask) -> int:
    """Install just before the first nightly audit, with 200 projects to flag."""
    with app.app_context():
        installed(due(1) - timedelta(hours=1))
        return len(create_projects(200))


@pytest.fixture
def rivals(own_app: Flask, own_database: str, tmp_path: Path) -> Iterator[list[Process]]:
    """Start processes on one database and wait until they are ready."""
    with ExitStack() as stack:
        ready = [stack.enter_context(Process(own_database, tmp_path)) for _ in range(RIVALS)]
        for each in ready:
            # A tick of a distant past, at which nothing is due, wakes the process up.
            each.order(f"tick {local_instant(date(2026, 1, 1), AUDIT_AT).isoformat()}")
        assert [each.answer() for each in ready] == ["none"] * RIVALS
        yield ready


def test_concurrent_schedulers_audit_each_date_once(own_app: Flask, rivals: list[Process]) -> None:
    flagged = several_projects(own_app)
    dates = [today() + number * A_DAY for number in range(1, DATES + 1)]
    for number in range(1, DATES + 1):
        for rival in rivals:
            rival.order(f"tick {due(number).isoformat()}")
        answers = Counter(rival.answer() for rival in rivals)
        assert answers == {"ran succeeded": 1, "none": RIVALS - 1}
    with own_app.app_context():
        runs = table(AuditRun)
        assert [(row["on"], row["status"], row["trigger"]) for row in runs] == [
            (on, "succeeded", "schedule") for on in dates
        ]
        assert [row["flags_opened"] for row in runs] == [flagged] + [0] * (DATES - 1)
        assert len(table(Flag)) == flagged
        audits = Counter(row["subject"] for row in table(JournalEntry) if row["action"].startswith("audit."))
        assert set(audits.values()) == {1}
        assert len(audits) == DATES


def test_concurrent_manual_audits_run_one_at_a_time(own_app: Flask, rivals: list[Process]) -> None:
    flagged = several_projects(own_app)
    for rival in rivals:
        rival.order("audit")
    answers = Counter(rival.answer() for rival in rivals)
    assert set(answers) <= {"ran succeeded", "AuditRunning"}
    assert answers["ran succeeded"] >= 1
    with own_app.app_context():
        # A request after another audit has ended is an audit of its own, which changes nothing.
        opened = [row["flags_opened"] for row in table(AuditRun)]
        assert opened == [flagged] + [0] * (answers["ran succeeded"] - 1)
        assert len(table(Flag)) == flagged


def test_concurrent_manual_audit_is_a_conflict_and_leaves_nothing(
    own_app: Flask, own_database: str, tmp_path: Path
) -> None:
    flagged = several_projects(own_app)
    with Process(own_database, tmp_path) as other, own_app.app_context():
        other.order(f"stop {due(1).isoformat()} {AT_THE_COMMIT}")
        word, child, phase = other.answer().split()
        assert word == "stopped"
        assert "w" in phase
        with pytest.raises(AuditRunning):
            audit()
        with pytest.raises(AuditRunning):
            audit(dry_run=True)
        assert run_due_audit(AUDIT_AT, due(1)) is None
        assert table(AuditRun) == []
        os.kill(int(child), signal.SIGKILL)
        assert other.answer() == f"dead {child}"
        run = next_start(due(1))
        assert (run.status, run.flags_opened) == ("succeeded", flagged)


def test_two_schedulers_in_threads_audit_date_once(own_app: Flask) -> None:
    flagged = several_projects(own_app)
    start = Barrier(4)

    def tick(number: int) -> str:
        with own_app.app_context():
            start.wait()
            run = run_due_audit(AUDIT_AT, due(number))
            return "none" if run is None else run.status

    with ThreadPoolExecutor(4) as threads:
        for number in range(1, 6):
            assert Counter(threads.map(tick, [number] * 4)) == {"succeeded": 1, "none": 3}
    with own_app.app_context():
        assert [row["flags_opened"] for row in table(AuditRun)] == [flagged, 0, 0, 0, 0]


def test_concurrent_manual_audits_in_threads_never_overlap(own_app: Flask) -> None:
    flagged = several_projects(own_app)
    start = Barrier(4)

    def trigger(_: int) -> str:
        with own_app.app_context():
            start.wait()
            try:
                return audit().status
            except AuditRunning:
                return "AuditRunning"

    with ThreadPoolExecutor(4) as threads:
        answers = Counter(threads.map(trigger, range(4)))
    assert set(answers) <= {"succeeded", "AuditRunning"}
    with own_app.app_context():
        assert [row["flags_opened"] for row in table(AuditRun)] == [flagged] + [0] * (answers["succeeded"] - 1)


SCHEDULERS, DAYS = (3, 60) if ALL else (2, 3)


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
