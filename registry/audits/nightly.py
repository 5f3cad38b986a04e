"""The night: audits the date that is owed, once, whoever asks and however many ask at the same time."""

from __future__ import annotations

import logging
from datetime import date, datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.access.actors import SCHEDULE
from registry.audits.claim import AuditRunning, only_audit
from registry.audits.run import carry_out, new_run
from registry.audits.runs import keep_failure
from registry.audits.schedule import Night, owed
from registry.records.audit_runs import AuditRun, last_good_audit
from registry.records.installation import installed_at
from registry.records.policy_in_force import policy_in_force
from registry.store.clock import now, today
from registry.store.database import db, insert_unless_there
from registry.store.transaction import transaction

log = logging.getLogger(__name__)
TRY_AGAIN_AFTER = timedelta(minutes=10)


def run_due_night(audit_at: time | None, moment: datetime | None = None) -> AuditRun | None:
    """Audit the night that is owed by ``moment`` (now when None); None when none is, or another process does it.

    ``audit_at`` is the local hour of the nightly audit, None when it is off: then no night is ever owed. A failed
    night is kept as ``failed`` and tried again after ten minutes; the failure goes on up to be logged.
    """
    if audit_at is None:
        return None
    moment = moment or now()
    db.session.rollback()
    last = last_good_audit()
    night = owed(moment, audit_at, installed_at(), None if last is None else last.on)
    return None if night is None else _audit(night, moment)


def audit_tonight() -> AuditRun | None:
    """Audit today for cron or a CronJob, which choose the hour themselves; None when today is audited already.

    Raises AuditRunning when another audit runs now.
    """
    day = today()
    last = last_good_audit()
    if last is not None and last.on >= day:
        return None
    missed = () if last is None else tuple(last.on + timedelta(days=n) for n in range(1, (day - last.on).days))
    return _audit(Night(day, bool(missed), missed), now())


def _audit(night: Night, moment: datetime) -> AuditRun | None:
    try:
        with only_audit() as session:
            run = _claim(session, night, moment)
            if run is None:
                return None
            _list_missed(session, night.missed)
            return carry_out(SCHEDULE, run, policy_in_force(), belt=True)
    except AuditRunning:
        log.info("another audit runs now", extra={"on": night.on.isoformat()})
        return None
    except Exception as error:
        _keep_failed_night(night, error)
        raise


def _claim(session: Session, night: Night, moment: datetime) -> AuditRun | None:
    """The night's row to run, None when somebody else has done it, or it failed a moment ago."""
    last = last_good_audit()
    if last is not None and last.on >= night.on:
        return None
    run = new_run(SCHEDULE, night.on, "catch_up" if night.catch_up else "schedule", policy_in_force(), dry_run=False)
    there = session.scalar(select(AuditRun).where(AuditRun.scheduled_for == night.on))
    if there is None:
        run.scheduled_for = night.on
        return run
    if there.status != "failed" or (there.finished_at and moment - there.finished_at < TRY_AGAIN_AFTER):
        return None
    there.status, there.failure, there.started_at, there.trigger = "running", None, run.started_at, run.trigger
    there.policy_version, there.policy_digest = run.policy_version, run.policy_digest
    return there


def _list_missed(session: Session, missed: tuple[date, ...]) -> None:
    for day in missed:
        run = new_run(SCHEDULE, day, "schedule", policy_in_force(), dry_run=False)
        values = {
            name: getattr(run, name)
            for name in ("on", "trigger", "dry_run", "policy_version", "policy_digest", "started_by", "started_at")
        }
        session.execute(
            insert_unless_there(AuditRun)
            .values(**values, **NOTHING_JUDGED, status="missed", scheduled_for=day, finished_at=run.started_at)
            .on_conflict_do_nothing()
        )


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


def _keep_failed_night(night: Night, error: Exception) -> None:
    with transaction() as session:
        there = session.scalar(select(AuditRun).where(AuditRun.scheduled_for == night.on))
        if there is not None:
            there.status, there.finished_at, there.failure = "failed", now(), f"{type(error).__name__}: {error}"[:2000]
            return
    run = new_run(SCHEDULE, night.on, "catch_up" if night.catch_up else "schedule", policy_in_force(), dry_run=False)
    run.scheduled_for = night.on
    keep_failure(run, error)
