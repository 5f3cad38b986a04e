"""Nightly audit jobs: run the due audit once, however many processes try at the same time."""

from __future__ import annotations

import logging
from datetime import date, datetime, time, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from registry.accounts.roles import SCHEDULE
from registry.audits.execution import execute_audit, new_run
from registry.audits.judgement import Judgement
from registry.audits.schedule import AuditRunning, ClockGuard, ScheduledRun, exclusive_lock, is_due, missed
from registry.audits.service import save_failed_run
from registry.changes.service import number_changes_by_hand
from registry.core.clock import now, today
from registry.core.database import db
from registry.core.dialects import insert_or_ignore
from registry.core.installation import installed_at
from registry.flags.models import AuditRun, last_good_audit
from registry.freeze.policy import policy_in_force
from registry.journal import service as journal
from registry.requests.service import carry_out_due_requests

log = logging.getLogger(__name__)
RETRY_AFTER = timedelta(minutes=10)


def run_due_audit(
    audit_at: time | None, current_time: datetime | None = None, clock_guard: ClockGuard | None = None
) -> AuditRun | None:
    """Run the nightly audit due at ``current_time`` (default: now). Return None when none is due or another runs it.

    ``audit_at`` is the local time of the nightly audit; with None no audit is ever due. A failed audit is stored as
    ``failed``, raised for the log, and retried after ten minutes. With a ``clock_guard`` nothing runs while the clock
    is too far ahead.
    """
    if audit_at is None:
        return None
    current_time = current_time or now()
    db.session.rollback()
    if clock_guard is not None and not clock_guard.is_plausible(current_time):
        return None
    last = last_good_audit()
    scheduled = is_due(current_time, audit_at, installed_at(), None if last is None else last.on)
    if scheduled is None:
        return None
    # What takes effect today does so before today is judged and counted.
    carry_out_due_requests()
    try:
        return _audit(scheduled, current_time, RETRY_AFTER)
    except AuditRunning:
        log.info("another audit runs now", extra={"on": scheduled.on.isoformat()})
        return None


def run_nightly_audit(clock_guard: ClockGuard | None = None) -> AuditRun | None:
    """Run today's audit for cron or a CronJob, which choose the time and the retries themselves.

    Returns None when today's audit is done or held. Raises AuditRunning when another audit runs and, with a
    ``clock_guard``, ClockNotConfirmed when the clock is too far ahead.
    """
    day = today()
    db.session.rollback()
    last = last_good_audit()
    if last is not None and last.on >= day:
        return None
    if clock_guard is not None:
        clock_guard.require_plausible(now())
    carry_out_due_requests()
    return _audit(ScheduledRun(day, False, day if last is None else last.on + timedelta(days=1)), now(), timedelta())


def _audit(scheduled: ScheduledRun, current_time: datetime, retry_after: timedelta) -> AuditRun | None:
    def judge() -> None:
        if _waits(scheduled, current_time, retry_after):
            judged.read()

    number_changes_by_hand()
    try:
        judged = Judgement(policy_in_force(scheduled.on), scheduled.on)
        with exclusive_lock(judge) as session:
            run = _claim(session, scheduled, current_time, retry_after)
            if run is None:
                return None
            listed = _list_missed(session, scheduled)
            run.started_at = judged.began_at
            # After a held or failed attempt this audit is no catch-up, because the service was not down.
            run.trigger = "catch_up" if scheduled.late or scheduled.on - timedelta(days=1) in listed else "schedule"
            return execute_audit(SCHEDULE, run, policy_in_force(scheduled.on), check_threshold=True, judged=judged)
    except AuditRunning:
        raise
    except Exception as error:
        _save_failed_run(scheduled, error)
        raise


def _claim(
    session: Session, scheduled: ScheduledRun, current_time: datetime, retry_after: timedelta
) -> AuditRun | None:
    """Return the nightly audit's row to run; None when another process ran it or it failed less than the delay ago."""
    if not _waits(scheduled, current_time, retry_after):
        return None
    run = new_run(SCHEDULE, scheduled.on, "schedule", policy_in_force(scheduled.on), dry_run=False)
    existing = session.scalar(select(AuditRun).where(AuditRun.scheduled_for == scheduled.on))
    if existing is None:
        run.scheduled_for = scheduled.on
        return run
    existing.status, existing.failure, existing.started_at = "running", None, run.started_at
    existing.policy_version, existing.policy_digest = run.policy_version, run.policy_digest
    return existing


def _waits(scheduled: ScheduledRun, current_time: datetime, retry_after: timedelta) -> bool:
    """Return True when the nightly audit is still to be run: not done, not held, and not failed less than the delay
    ago.
    """
    last = last_good_audit()
    if last is not None and last.on >= scheduled.on:
        return False
    columns = (AuditRun.status, AuditRun.finished_at)
    existing = db.session.execute(select(*columns).where(AuditRun.scheduled_for == scheduled.on)).one_or_none()
    if existing is None:
        return True
    has_failed = existing.status == "failed"
    return has_failed and not (existing.finished_at and current_time - existing.finished_at < retry_after)


def _list_missed(session: Session, scheduled: ScheduledRun) -> list[date]:
    """List the dates without an audit since the last nightly audit. Return the dates that are new in the list.

    A manual audit after a downtime does not hide the dates before it.
    """
    listed = session.scalar(
        select(func.max(AuditRun.scheduled_for)).where(
            AuditRun.status != "failed", AuditRun.scheduled_for < scheduled.on
        )
    )
    first = scheduled.first if listed is None else listed + timedelta(days=1)
    audited = session.scalars(
        select(AuditRun.on).where(
            AuditRun.status == "succeeded", AuditRun.dry_run.is_(False), AuditRun.on.between(first, scheduled.on)
        )
    ).all()
    missed_ids = {day: _save_missed(session, day) for day in missed(first, scheduled.on, set(audited))}
    new = {day: audit_id for day, audit_id in missed_ids.items() if audit_id is not None}
    for day, audit_id in new.items():
        journal.record(SCHEDULE, "audit.missed", f"audit:{audit_id}", {"on": day.isoformat()})
    return list(new)


def _save_missed(session: Session, day: date) -> int | None:
    run = new_run(SCHEDULE, day, "schedule", policy_in_force(day), dry_run=False)
    values = {
        name: getattr(run, name)
        for name in ("on", "trigger", "dry_run", "policy_version", "policy_digest", "started_by", "started_at")
    }
    insert = (
        insert_or_ignore(AuditRun)
        .values(**values, **NOTHING_JUDGED, status="missed", scheduled_for=day, finished_at=run.started_at)
        .on_conflict_do_nothing()
    )
    audit_id: int | None = session.scalar(insert.returning(AuditRun.id))
    return audit_id


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


def _save_failed_run(scheduled: ScheduledRun, error: Exception) -> None:
    """Store the failure, unless another process ran this audit in the meantime or runs it now."""
    try:
        with exclusive_lock() as session:
            existing = session.scalar(select(AuditRun).where(AuditRun.scheduled_for == scheduled.on))
            if existing is None:
                trigger = "catch_up" if scheduled.late else "schedule"
                existing = new_run(SCHEDULE, scheduled.on, trigger, policy_in_force(scheduled.on), dry_run=False)
                existing.scheduled_for = scheduled.on
            elif existing.status != "failed":
                return
            save_failed_run(SCHEDULE, existing, error)
    except AuditRunning:
        log.info("another audit runs now", extra={"on": scheduled.on.isoformat()})
