"""Nightly audits by scheduler and cron: run once, caught up once, retried when they fail, missed dates listed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from datetime import date, timedelta

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings, strategies as st
from sqlalchemy import Connection, event, text

from registry.accounts.roles import SCHEDULE
from registry.audits.jobs import run_due_audit, run_nightly_audit
from registry.audits.schedule import AUDIT_LOCK, AuditRunning
from registry.core.clock import now
from registry.core.database import db
from registry.core.outbox import OutboxMessage
from registry.flags.models import AuditChange, AuditRun, Flag
from registry.journal.service import JournalEntry
from tests.audits.nights import DAY, TWO, Broken, at, breaking, days, runs_by_date, tick
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


def test_failed_nightly_audit_is_retried_after_ten_minutes(
    app: Flask, present: Present, connection: Connection
) -> None:
    installed(at(DAY, 1))
    a_project()
    present.set(at(DAY, 2))
    journal, outbox = table(JournalEntry), table(OutboxMessage)
    with breaking(connection, "INSERT INTO audit_changes"), pytest.raises(Broken):
        run_due_audit(TWO)
    (failed,) = table(AuditRun)
    assert (failed["on"], failed["status"], failed["scheduled_for"]) == (DAY, "failed", DAY)
    assert failed["failure"] == "Broken: INSERT INTO audit_changes"
    assert (table(Flag), table(AuditChange)) == ([], [])
    assert [entry["action"] for entry in table(JournalEntry)[len(journal) :]] == ["audit.failed"]
    messages = table(OutboxMessage)
    assert [message["topic"] for message in messages[len(outbox) :]] == ["audit.failed"]
    present.set(at(DAY, 2, 9))
    assert run_due_audit(TWO) is None
    present.set(at(DAY, 2, 10))
    with breaking(connection, "INSERT INTO audit_changes"), pytest.raises(Broken):
        run_due_audit(TWO)
    assert table(OutboxMessage) == messages
    present.set(at(DAY, 2, 19))
    assert run_due_audit(TWO) is None
    present.set(at(DAY, 2, 20))
    run = run_due_audit(TWO)
    assert (run.id, run.status, run.failure) == (failed["id"], "succeeded", None)
    assert (len(table(AuditRun)), len(table(Flag))) == (1, 1)


def test_nightly_audit_failing_all_day_stays_listed_as_failed(
    app: Flask, present: Present, connection: Connection
) -> None:
    installed(at(days(-2), 1))
    present.set(at(days(-2), 2))
    run_due_audit(TWO)
    a_project()
    present.set(at(DAY, 2))
    with breaking(connection, "INSERT INTO audit_changes"), pytest.raises(Broken):
        run_due_audit(TWO)
    present.set(at(days(1), 2))
    run_due_audit(TWO)
    assert runs_by_date() == [
        (days(-2), "schedule", "succeeded"),
        (days(-1), "schedule", "missed"),
        (DAY, "schedule", "failed"),
        (days(1), "schedule", "succeeded"),
    ]


def test_failed_manual_audit_is_stored_with_reason(app: Flask, present: Present, connection: Connection) -> None:
    present.set(DAY)
    a_project()
    with breaking(connection, "INSERT INTO audit_changes"), pytest.raises(Broken):
        audit()
    (row,) = table(AuditRun)
    assert (row["status"], row["trigger"], row["failure"]) == ("failed", "manual", "Broken: INSERT INTO audit_changes")
    assert (row["started_at"], row["finished_at"]) == (now(), now())
    assert flag_counts(audit()) == (1, 0, 0, 0)


@pytest.mark.postgres_only
def test_failure_does_not_overwrite_result_of_other_process(own_app: Flask, present: Present) -> None:
    with own_app.app_context():
        installed(at(DAY, 1))
        a_project()
        present.set(at(DAY, 2))
        rivals: list[str] = []

        def broken(conn: Connection, cursor: object, sql: str, *rest: object) -> None:
            if sql.startswith("INSERT INTO audit_changes") and not rivals:
                rivals.append("comes")
                raise Broken

        def undone(dbapi_connection: object, record: object) -> None:
            # The failed attempt is rolled back and not stored yet, so the other scheduler gets the claim.
            if rivals == ["comes"]:
                rivals.append("is here")
                with ThreadPoolExecutor(1) as other:
                    rivals.append(other.submit(tick, own_app).result())

        event.listen(db.engine, "before_cursor_execute", broken)
        event.listen(db.engine, "checkin", undone)
        with pytest.raises(Broken):
            run_due_audit(TWO)
        assert rivals == ["comes", "is here", "succeeded"]
        assert runs_by_date() == [(DAY, "schedule", "succeeded")]
        assert len(table(Flag)) == 1


acts = st.one_of(
    st.tuples(st.just("tick"), st.integers(1, 5 * 24 * 60)),
    st.tuples(st.just("back"), st.integers(1, 24 * 60)),
    st.tuples(st.just("manual"), st.integers(0, 600)),
    st.tuples(st.just("fail"), st.integers(0, 3 * 24 * 60)),
)


# Rules are the same on both databases; what each step does is tried on both.
@pytest.mark.sqlite_only
@given(st.lists(acts, min_size=1, max_size=10))
@settings(
    max_examples=settings.default.max_examples // 6,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)
def test_changing_clock_neither_repeats_nor_silently_skips_dates(
    app: Flask,
    present: Present,
    connection: Connection,
    each_example: Callable[[], AbstractContextManager[None]],
    moves: list[tuple[str, int]],
) -> None:
    with each_example():
        installed(at(DAY, 1))
        clock = present.set(at(DAY, 2))
        run_due_audit(TWO)
        for act, minutes in moves:
            clock += timedelta(minutes=-minutes if act == "back" else minutes)
            clock = max(clock, at(DAY, 2))
            present.set(clock)
            if act == "manual":
                by_hand()
            elif act == "fail":
                with breaking(connection, "INSERT INTO audits"), suppress(Broken):
                    run_due_audit(TWO)
            else:
                run_due_audit(TWO)
        # Finally the clock is correct, and the next nightly audit runs.
        latest = max([row["on"] for row in table(AuditRun)] + [clock.date(), DAY]) + timedelta(days=2)
        present.set(at(latest, 2))
        assert run_due_audit(TWO) is not None
        of_schedule = [row["scheduled_for"] for row in table(AuditRun) if row["scheduled_for"]]
        assert len(of_schedule) == len(set(of_schedule))
        every = {row["on"] for row in table(AuditRun)}
        assert every >= {DAY + timedelta(days=number) for number in range((latest - DAY).days + 1)}
        missed = {row["on"] for row in table(AuditRun) if row["status"] == "missed"}
        assert not missed & {row["on"] for row in table(AuditRun) if row["status"] == "succeeded"}


def by_hand() -> None:
    """Run an operator's audit of today, unless a later date has been audited."""
    last = max((row["on"] for row in table(AuditRun) if row["status"] == "succeeded"), default=date.min)
    if last <= now().astimezone().date():
        audit(max(last, date(2026, 1, 1)) if last > date.min else None)
