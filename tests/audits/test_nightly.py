"""Nightly audits by scheduler and cron: run once, caught up once, retried, with missed dates listed."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import text

from registry.accounts.roles import SCHEDULE
from registry.audits.jobs import run_due_audit, run_nightly_audit
from registry.audits.schedule import AUDIT_LOCK, AuditRunning
from registry.core.database import db
from registry.flags.models import AuditRun
from tests.audits.nights import DAY, TWO, at, days, runs_by_date
from tests.audits.steps import audit, flag_counts, installed, table
from tests.factories import a_project
from tests.present import Present


def test_disabled_nightly_audit_is_never_due(app: Flask, present: Present) -> None:
    installed(at(days(-100), 10))
    present.set(DAY)
    assert run_due_audit(None) is None
    assert table(AuditRun) == []


def test_nightly_audit_runs_once(app: Flask, present: Present) -> None:
    installed(at(DAY, 1))
    a_project()
    present.set(at(DAY, 2))
    run = run_due_audit(TWO)
    assert (run.on, run.trigger, run.status, run.started_by) == (DAY, "schedule", "succeeded", SCHEDULE.principal)
    assert flag_counts(run) == (1, 0, 0, 0)
    for minute in range(1, 60):
        present.set(at(DAY, 2, minute))
        assert run_due_audit(TWO) is None
    assert len(table(AuditRun)) == 1


def test_latest_date_is_caught_up_and_missed_dates_are_listed(app: Flask, present: Present) -> None:
    installed(at(DAY, 1))
    present.set(at(DAY, 2))
    run_due_audit(TWO)
    present.set(at(days(4), 9, 30))
    caught_up = run_due_audit(TWO)
    assert (caught_up.on, caught_up.trigger) == (days(4), "catch_up")
    assert run_due_audit(TWO) is None
    assert runs_by_date() == [
        (DAY, "schedule", "succeeded"),
        (days(1), "schedule", "missed"),
        (days(2), "schedule", "missed"),
        (days(3), "schedule", "missed"),
        (days(4), "catch_up", "succeeded"),
    ]
    assert [row["projects_judged"] for row in table(AuditRun) if row["status"] == "missed"] == [0, 0, 0]


def test_manual_audit_covers_nightly_audit_of_date(app: Flask, present: Present) -> None:
    installed(at(days(-1), 1))
    present.set(at(days(-1), 2))
    run_due_audit(TWO)
    present.set(at(DAY, 1))
    audit()
    present.set(at(DAY, 2))
    assert run_due_audit(TWO) is None
    present.set(at(days(1), 2))
    run_due_audit(TWO)
    assert runs_by_date() == [
        (days(-1), "schedule", "succeeded"),
        (DAY, "manual", "succeeded"),
        (days(1), "schedule", "succeeded"),
    ]


def test_dry_held_or_failed_audit_does_not_cover_nightly_audit(app: Flask, present: Present) -> None:
    installed(at(DAY, 1))
    present.set(at(DAY, 1, 30))
    audit(dry_run=True)
    present.set(at(DAY, 2))
    run = run_due_audit(TWO)
    assert run.on == DAY


def test_manual_audit_after_downtime_does_not_hide_missed_dates(app: Flask, present: Present) -> None:
    installed(at(DAY, 1))
    present.set(at(DAY, 2))
    run_due_audit(TWO)
    # Down for three days; the operator runs a manual audit before the scheduler is back.
    present.set(at(days(3), 12))
    audit(days(2))
    audit()
    assert run_due_audit(TWO) is None
    present.set(at(days(4), 2))
    night = run_due_audit(TWO)
    assert night.trigger == "schedule"
    assert runs_by_date() == [
        (DAY, "schedule", "succeeded"),
        (days(1), "schedule", "missed"),
        (days(2), "manual", "succeeded"),
        (days(3), "manual", "succeeded"),
        (days(4), "schedule", "succeeded"),
    ]


def test_cron_audits_today_once_and_lists_missed_dates(app: Flask, present: Present) -> None:
    present.set(at(DAY, 4))
    first = run_nightly_audit()
    assert (first.on, first.trigger, first.status) == (DAY, "schedule", "succeeded")
    assert run_nightly_audit() is None
    present.set(at(days(1), 4))
    run_nightly_audit()
    present.set(at(days(4), 4))
    run_nightly_audit()
    assert runs_by_date() == [
        (DAY, "schedule", "succeeded"),
        (days(1), "schedule", "succeeded"),
        (days(2), "schedule", "missed"),
        (days(3), "schedule", "missed"),
        (days(4), "catch_up", "succeeded"),
    ]


def test_scheduler_and_cron_audit_a_date_once(app: Flask, present: Present) -> None:
    installed(at(DAY, 1))
    present.set(at(DAY, 2))
    run_due_audit(TWO)
    assert run_nightly_audit() is None
    present.set(at(days(1), 2))
    run_nightly_audit()
    assert run_due_audit(TWO) is None
    assert runs_by_date() == [(DAY, "schedule", "succeeded"), (days(1), "schedule", "succeeded")]


@pytest.mark.postgres_only
def test_scheduler_waits_for_next_tick_while_claim_is_locked(own_app: Flask, present: Present) -> None:
    with own_app.app_context():
        installed(at(DAY, 1))
        present.set(at(DAY, 2))
        with db.engine.connect() as other, other.begin():
            other.execute(text(f"SELECT pg_advisory_xact_lock({AUDIT_LOCK})"))
            assert run_due_audit(TWO) is None
            with pytest.raises(AuditRunning):
                run_nightly_audit()
            with pytest.raises(AuditRunning):
                audit()
        assert run_due_audit(TWO) is not None
