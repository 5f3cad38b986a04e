"""Checks of ``registry doctor`` that ask whether the registry does its work: scheduler, audits, queues, backups."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from sqlalchemy import select

from registry.cli.doctor.findings import Finding, failure, good, warning
from registry.cli.scheduler import jobs
from registry.core.clock import now, rfc3339
from registry.core.database import db
from registry.core.installation import ScheduledJob, installed_at, scheduled_jobs
from registry.flags.models import AuditRun, last_good_audit
from registry.http.health import MAX_AUDIT_AGE
from registry.http.metrics import queues
from registry.journal.backups import last_backup_at, last_drill_at
from registry.notifications.service import queue_state
from registry.settings import Settings
from registry.webhooks.queue import failing_webhooks

# Several jobs end each minute.
QUIET_AFTER: Final = timedelta(minutes=3)
STUCK_AFTER: Final = timedelta(minutes=15)
# E-mails that a mail server refuses for a while are tried again after up to an hour.
MAX_WAIT: Final = {
    "outbox": timedelta(minutes=15),
    "imports": timedelta(minutes=15),
    "requests": timedelta(minutes=15),
    "webhooks": timedelta(minutes=15),
    "emails": timedelta(hours=1),
}
MAX_DRILL_AGE: Final = timedelta(days=92)
HOUR: Final = timedelta(hours=1)
MINUTE: Final = timedelta(minutes=1)


def scheduler(settings: Settings) -> Finding:
    """Does a scheduler run, and do its jobs succeed?"""
    known = {job.name: job for job in scheduled_jobs()}
    if not known:
        return warning("scheduler", "doctor-scheduler-never", "frozen-scheduler")
    for job in jobs(settings):
        ended = known.get(job.name)
        if ended is None:
            continue
        if _is_failing(ended):
            return failure(
                "scheduler",
                "doctor-scheduler-failing",
                "frozen-scheduler",
                job=job.name,
                failure=ended.failure,
                at=rfc3339(ended.failed_at or now()),
            )
        if ended.succeeded_at is not None and (age := now() - ended.succeeded_at) > job.every + STUCK_AFTER:
            return failure(
                "scheduler", "doctor-scheduler-stuck", "frozen-scheduler", job=job.name, minutes=age // MINUTE
            )
    latest = max(job.succeeded_at for job in known.values() if job.succeeded_at is not None)
    age = now() - latest
    if age > QUIET_AFTER:
        return warning("scheduler", "doctor-scheduler-quiet", "frozen-scheduler", minutes=age // MINUTE)
    return good("scheduler", "doctor-scheduler-ok", seconds=int(age.total_seconds()))


def _is_failing(job: ScheduledJob) -> bool:
    if job.failed_at is None:
        return False
    return job.succeeded_at is None or job.failed_at >= job.succeeded_at


def audits() -> Iterator[Finding]:
    """Is the last good audit recent, and is none held?"""
    held = db.session.scalar(select(AuditRun).where(AuditRun.status == "held").order_by(AuditRun.id.desc()).limit(1))
    if held is not None:
        yield warning("audit", "doctor-audit-held", "held-audit", id=held.id, on=held.on.isoformat())
    last = last_good_audit()
    if last is None or last.finished_at is None:
        is_due = now() - installed_at() > MAX_AUDIT_AGE
        yield (failure if is_due else warning)("audit", "doctor-audit-never", "frozen-scheduler")
        return
    age = now() - last.finished_at
    numbers = {"on": last.on.isoformat(), "hours": age // HOUR}
    if age > MAX_AUDIT_AGE:
        runbook = "frozen-scheduler" if held is None else "held-audit"
        yield failure("audit", "doctor-audit-old", runbook, **numbers)
    else:
        yield good("audit", "doctor-audit-ok", **numbers)


def waiting() -> Iterator[Finding]:
    """Does anything wait longer than it should?"""
    findings = []
    for name, queue in queues().items():
        if queue.oldest_at is None or now() - queue.oldest_at <= MAX_WAIT[name]:
            continue
        minutes = (now() - queue.oldest_at) // MINUTE
        runbook = "mail-down" if name == "emails" else "queue-stuck"
        findings.append(failure("queues", f"doctor-queue-{name}", runbook, count=queue.waiting, minutes=minutes))
    if failing := failing_webhooks():
        findings.append(warning("queues", "doctor-webhooks-failing", "queue-stuck", count=failing))
    failed = queue_state().failed
    if failed:
        findings.append(warning("queues", "doctor-queue-failed", "mail-down", count=failed))
    yield from findings or [good("queues", "doctor-queues-ok")]


def backups(settings: Settings) -> Finding:
    """Is there a recent backup? As the journal knows it."""
    at = last_backup_at()
    most = timedelta(hours=settings.backup_max_age)
    if at is None:
        is_due = now() - installed_at() > most
        return (failure if is_due else warning)("backup", "doctor-backup-never", "backup-too-old")
    numbers = {"hours": (now() - at) // HOUR, "most": settings.backup_max_age}
    if now() - at > most:
        return failure("backup", "doctor-backup-old", "backup-too-old", **numbers)
    return good("backup", "doctor-backup-ok", **numbers)


def restore_drill() -> Finding:
    """Was a backup ever restored?"""
    at = last_drill_at()
    if at is None:
        return warning("restore drill", "doctor-drill-never", "backup-too-old")
    days = (now() - at).days
    if now() - at > MAX_DRILL_AGE:
        return warning("restore drill", "doctor-drill-old", "backup-too-old", days=days)
    return good("restore drill", "doctor-drill-ok", days=days)
