"""The night: audits the date that is owed, once, whoever asks and however many ask at the same time."""

from __future__ import annotations

import logging
from datetime import date, datetime, time, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from registry.accounts.actors import SCHEDULE
from registry.audits.clock_guard import ClockGuard
from registry.audits.exclusive_lock import AuditRunning, exclusive_lock
from registry.audits.execution import execute_audit, new_run
from registry.audits.schedule import ScheduledRun, is_due, missed
from registry.audits.service import save_failed_run
from registry.core import outbox
from registry.core.clock import now, today
from registry.core.database import db, insert_or_ignore
from registry.core.installation import installed_at
from registry.flags.audit_runs import AuditRun, last_good_audit
from registry.freeze.current import policy_in_force

log = logging.getLogger(__name__)
RETRY_AFTER = timedelta(minutes=10)


def run_due_audit(
    audit_at: time | None, moment: datetime | None = None, clock_guard: ClockGuard | None = None
) -> AuditRun | None:
    """Audit the night that is owed by ``moment`` (now when None); None when none is, or another process does it.

    ``audit_at`` is the local hour of the nightly audit, None when it is off: then no night is ever owed. A failed
    night is kept as ``failed`` and tried again after ten minutes; the failure goes on up to be logged. With a
    ``clock_guard`` nothing is run by a clock that is too far ahead.
    """
    if audit_at is None:
        return None
    moment = moment or now()
    db.session.rollback()
    if clock_guard is not None and not clock_guard.is_plausible(moment):
        return None
    last = last_good_audit()
    night = is_due(moment, audit_at, installed_at(), None if last is None else last.on)
    if night is None:
        return None
    try:
        return _audit(night, moment, RETRY_AFTER)
    except AuditRunning:
        log.info("another audit runs now", extra={"on": night.on.isoformat()})
        return None


def run_nightly_audit(clock_guard: ClockGuard | None = None) -> AuditRun | None:
    """Audit today for cron or a CronJob, which choose the hour and the tries themselves.

    None when today is audited already, or its run is held. Raises AuditRunning when another audit runs now, and with
    a ``clock_guard`` ClockNotConfirmed when the clock is too far ahead.
    """
    day = today()
    db.session.rollback()
    last = last_good_audit()
    if last is not None and last.on >= day:
        return None
    if clock_guard is not None:
        clock_guard.require_plausible(now())
    return _audit(ScheduledRun(day, False, day if last is None else last.on + timedelta(days=1)), now(), timedelta())


def _audit(night: ScheduledRun, moment: datetime, try_again_after: timedelta) -> AuditRun | None:
    try:
        with exclusive_lock() as session:
            run = _claim(session, night, moment, try_again_after)
            if run is None:
                return None
            listed = _list_missed(session, night)
            # After a night that was tried and is held or failed, this one is no catch-up: nothing was down.
            run.trigger = "catch_up" if night.late or night.on - timedelta(days=1) in listed else "schedule"
            return execute_audit(SCHEDULE, run, policy_in_force(), belt=True)
    except AuditRunning:
        raise
    except Exception as error:
        _save_failed_run(night, error)
        raise


def _claim(session: Session, night: ScheduledRun, moment: datetime, try_again_after: timedelta) -> AuditRun | None:
    """The night's row to run, None when somebody else has done it, or it failed a moment ago."""
    last = last_good_audit()
    if last is not None and last.on >= night.on:
        return None
    run = new_run(SCHEDULE, night.on, "schedule", policy_in_force(), dry_run=False)
    there = session.scalar(select(AuditRun).where(AuditRun.scheduled_for == night.on))
    if there is None:
        run.scheduled_for = night.on
        return run
    if there.status != "failed" or (there.finished_at and moment - there.finished_at < try_again_after):
        return None
    there.status, there.failure, there.started_at = "running", None, run.started_at
    there.policy_version, there.policy_digest = run.policy_version, run.policy_digest
    return there


def _list_missed(session: Session, night: ScheduledRun) -> list[date]:
    """List the dates without an audit since a night last listed its own; the dates that were not listed yet.

    A manual audit after a downtime does not hide the dates before it.
    """
    listed = session.scalar(
        select(func.max(AuditRun.scheduled_for)).where(AuditRun.status != "failed", AuditRun.scheduled_for < night.on)
    )
    first = night.first if listed is None else listed + timedelta(days=1)
    audited = session.scalars(
        select(AuditRun.on).where(
            AuditRun.status == "succeeded", AuditRun.dry_run.is_(False), AuditRun.on.between(first, night.on)
        )
    ).all()
    kept = {day: _save_missed(session, day) for day in missed(first, night.on, set(audited))}
    new = {day: audit_id for day, audit_id in kept.items() if audit_id is not None}
    if new:
        outbox.enqueue("audit.missed", {"audits": list(new.values())})
    return list(new)


def _save_missed(session: Session, day: date) -> int | None:
    run = new_run(SCHEDULE, day, "schedule", policy_in_force(), dry_run=False)
    values = {
        name: getattr(run, name)
        for name in ("on", "trigger", "dry_run", "policy_version", "policy_digest", "started_by", "started_at")
    }
    insert = (
        insert_or_ignore(AuditRun)
        .values(**values, **NOTHING_JUDGED, status="missed", scheduled_for=day, finished_at=run.started_at)
        .on_conflict_do_nothing()
    )
    return session.scalar(insert.returning(AuditRun.id))


NOTHING_JUDGED = dict.fromkeys(
    (
        "projects_judged",
        "projects_out_of_scope",
        "projects_flagged",
        "projects_exempt",
        "flags_opened",
        "flags_kept",
        "flags_reopened",
        "flags_cleared",
        "judged_up_to",
    ),
    0,
)


def _save_failed_run(night: ScheduledRun, error: Exception) -> None:
    """Keep the failure, unless another process has run the night since, or runs it now: its result stands."""
    try:
        with exclusive_lock() as session:
            there = session.scalar(select(AuditRun).where(AuditRun.scheduled_for == night.on))
            if there is None:
                trigger = "catch_up" if night.late else "schedule"
                there = new_run(SCHEDULE, night.on, trigger, policy_in_force(), dry_run=False)
                there.scheduled_for = night.on
            elif there.status != "failed":
                return
            save_failed_run(there, error)
    except AuditRunning:
        log.info("another audit runs now", extra={"on": night.on.isoformat()})
