"""Clock guard: no nightly audit runs while the clock is more than two days ahead of the last known time."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime, time, timedelta

import pytest
from flask import Flask

from registry.audits.jobs import run_due_audit, run_nightly_audit
from registry.audits.schedule import ClockGuard, ClockNotConfirmed
from registry.core.clock import local_instant
from registry.core.database import transaction
from registry.flags.models import AuditRun
from tests.audits.steps import audit, installed, table
from tests.factories import a_project, an_agency
from tests.present import Present

TWO = time(2)
DAY = date(2026, 10, 5)
HOURS_48 = timedelta(hours=48)


def days(number: int) -> date:
    return DAY + timedelta(days=number)


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return local_instant(day, time(hour, minute))


class Clocks:
    """The monotonic clock of a process, and the database server's clock."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.server: datetime | None = None

    def guard(self) -> ClockGuard:
        """Return the guard of a process that has just started."""
        return ClockGuard(lambda: self.seconds, lambda: self.server)

    def pass_time(self, actor: timedelta) -> None:
        """Let real time pass."""
        self.seconds += actor.total_seconds()


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


def runs() -> list[tuple[date, str, str]]:
    return [(row["on"], row["trigger"], row["status"]) for row in table(AuditRun)]


def first_night(present: Present, guard: ClockGuard) -> None:
    installed(at(DAY, 1))
    present.set(at(DAY, 2))
    run_due_audit(TWO, None, guard)


def test_clock_400_days_ahead_runs_no_audit_and_lists_nothing_as_missed(
    app: Flask, present: Present, clocks: Clocks, caplog: pytest.LogCaptureFixture
) -> None:
    guard = clocks.guard()
    first_night(present, guard)
    present.set(at(DAY, 12) + timedelta(days=400))
    clocks.pass_time(timedelta(hours=10))
    with caplog.at_level(logging.ERROR, "registry.audits.schedule"):
        for _minute in range(3):
            assert run_due_audit(TWO, None, guard) is None
            clocks.pass_time(timedelta(minutes=1))
    assert runs() == [(DAY, "schedule", "succeeded")]
    (logged,) = (record for record in caplog.records if record.levelno == logging.ERROR)
    assert "registry audits run" in logged.getMessage() and "2027-11-09" in logged.getMessage()
    # The clock is correct again, and so is the next nightly audit.
    present.set(at(days(1), 2))
    clocks.pass_time(timedelta(hours=14))
    run = run_due_audit(TWO, None, guard)
    assert (run.on, run.trigger) == (days(1), "schedule")


def test_journal_entries_written_during_jump_do_not_confirm_it(app: Flask, present: Present, clocks: Clocks) -> None:
    guard = clocks.guard()
    first_night(present, guard)
    present.set(at(DAY, 12) + timedelta(days=400))
    an_agency()
    a_project()
    assert run_due_audit(TWO, None, guard) is None
    assert runs() == [(DAY, "schedule", "succeeded")]


def test_start_more_than_two_days_after_last_entry_needs_manual_audit(
    app: Flask, present: Present, clocks: Clocks
) -> None:
    first_night(present, clocks.guard())
    present.set(at(DAY, 2) + timedelta(days=30))
    guard = clocks.guard()
    assert run_due_audit(TWO, None, guard) is None
    with pytest.raises(ClockNotConfirmed):
        run_nightly_audit(clocks.guard())
    audit()
    present.set(at(days(31), 2))
    clocks.pass_time(timedelta(days=1))
    run = run_due_audit(TWO, None, guard)
    assert (run.on, run.trigger, run.status) == (days(31), "schedule", "succeeded")
    assert [status for on, _, status in runs() if DAY < on < days(30)] == ["missed"] * 29


def test_manual_work_confirms_clock_at_start(app: Flask, present: Present, clocks: Clocks) -> None:
    first_night(present, clocks.guard())
    present.set(at(days(9), 15))
    an_agency()
    present.set(at(days(10), 9))
    run = run_due_audit(TWO, None, clocks.guard())
    assert (run.on, run.trigger) == (days(10), "catch_up")


def test_clock_may_be_exactly_two_days_ahead(app: Flask, present: Present, clocks: Clocks) -> None:
    installed(at(DAY, 1))
    clocks.guard().require_plausible(at(DAY, 1) + HOURS_48)
    with pytest.raises(ClockNotConfirmed) as refused:
        clocks.guard().require_plausible(at(DAY, 1) + HOURS_48 + timedelta(seconds=1))
    assert refused.value.params == {"now": "2026-10-06T20:00:01.000000Z", "known": "2026-10-04T20:00:00.000000Z"}


def test_clock_ahead_of_database_server_is_refused(app: Flask, present: Present, clocks: Clocks) -> None:
    clocks.server = at(DAY, 1)
    guard = clocks.guard()
    first_night(present, guard)
    present.set(at(days(3), 2))
    audit()
    with pytest.raises(ClockNotConfirmed) as refused:
        guard.require_plausible(at(days(3), 2))
    assert refused.value.params["known"] == "2026-10-04T20:00:00.000000Z"
    clocks.pass_time(timedelta(days=4))
    clocks.server = at(days(4), 2)
    present.set(at(days(4), 2))
    assert run_due_audit(TWO, None, guard) is not None


def test_failed_audits_keep_clock_confirmed(app: Flask, present: Present, clocks: Clocks) -> None:
    installed(at(DAY, 1))
    guard = clocks.guard()
    for number in range(1, 6):
        present.set(at(days(number), 2))
        with transaction() as session:
            run = audit(dry_run=True)
            failed = session.get_one(AuditRun, run.id)
            failed.dry_run, failed.status, failed.scheduled_for = False, "failed", days(number)
        clocks.pass_time(timedelta(days=1))
        guard.require_plausible(at(days(number), 2, 10))
    assert {status for _, _, status in runs()} == {"failed"}


def test_clock_corrected_from_the_past_is_accepted(app: Flask, present: Present, clocks: Clocks) -> None:
    first_night(present, clocks.guard())
    guard = clocks.guard()
    guard.require_plausible(datetime(1970, 1, 1, tzinfo=UTC))
    clocks.pass_time(timedelta(minutes=1))
    guard.require_plausible(at(DAY, 9))
