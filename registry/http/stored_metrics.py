"""Metrics read from the database: the same in every web process, and kept for some seconds."""

from __future__ import annotations

import platform
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from importlib.metadata import version
from itertools import chain
from threading import Lock
from time import monotonic
from typing import Any, Final

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from registry.audits.daily_counts import DailyCount, Dimension
from registry.cases.models import Case
from registry.core.clock import now, today
from registry.core.database import db
from registry.core.dialects import database_clock, database_file, sessions_waiting_for_locks
from registry.core.disk_checks import is_damaged
from registry.core.installation import installed_at
from registry.core.scheduled_jobs import scheduled_jobs
from registry.core.standby import standby_state
from registry.flags.audit_runs import AuditRun, last_good_audit
from registry.flags.vocabulary import AuditStatus
from registry.http.queues import queues
from registry.http.request_log import LOG
from registry.journal.backups import last_backup_at, last_drill_at
from registry.journal.verification import last_verification
from registry.notifications.service import queue_state
from registry.projects.models import Project
from registry.webhooks.queue import failing_webhooks, pending_deliveries

KEPT_S: Final = 10


class StoredMetrics(Collector):
    """Gauges of what the database has; when it is unreachable, only that is exported."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: tuple[float, list[Metric]] | None = None

    def collect(self) -> Iterator[Metric]:
        """The gauges, at most ``KEPT_S`` old: several monitoring servers cost no more than one."""
        with self._lock:
            if self._kept is None or monotonic() - self._kept[0] >= KEPT_S:
                self._kept = monotonic(), [_build_info(), *_stored()]
            return iter(self._kept[1])

    def forget(self) -> None:
        """Read again at the next scrape."""
        self._kept = None


def _build_info() -> Metric:
    labels = {"version": version("qaztech-registry"), "python": platform.python_version()}
    return _gauge("registry_build_info", "The version of the service, always 1", {tuple(labels.values()): 1}, labels)


def _stored() -> list[Metric]:
    up = "registry_database_up", "1 when the database answers"
    try:
        stored = (_damage(), _audits(), _flags(), _queues(), _cases(), _machine(), _journal())
        return [_gauge(*up, 1), _installed(), *chain.from_iterable(stored)]
    except SQLAlchemyError as error:
        LOG.error("metrics: the database cannot be used", exc_info=error)
        return [_gauge(*up, 0), *_damage()]
    finally:
        db.session.rollback()


def _installed() -> Metric:
    """What is due on a new installation has no series of its own before its first success; alerts count from here."""
    text = "When the schema was first created"
    return _gauge("registry_installed_timestamp_seconds", text, installed_at().timestamp())


def _damage() -> Iterator[Metric]:
    """Of a SQLite file, which is also asked when its tables cannot be read."""
    if database_file() is None:
        return
    try:
        damaged = is_damaged()
    except sqlite3.Error as error:
        LOG.error("metrics: the database file cannot be checked", exc_info=error)
        return
    yield _gauge("registry_database_damaged", "1 when the integrity check of the SQLite file fails", float(damaged))


def _audits() -> Iterator[Metric]:
    good = last_good_audit()
    if good is not None and good.finished_at is not None:
        yield _gauge(
            "registry_audit_last_success_timestamp_seconds",
            "When the last good audit finished",
            good.finished_at.timestamp(),
        )
        yield _gauge(
            "registry_audit_last_duration_seconds",
            "How long the last good audit took",
            (good.finished_at - good.started_at).total_seconds(),
        )
    newest = db.session.scalar(
        select(AuditRun.status).where(AuditRun.dry_run.is_(False)).order_by(AuditRun.id.desc()).limit(1)
    )
    if newest is not None:
        statuses = {(status,): float(status == newest) for status in AuditStatus.codes()}
        yield _gauge("registry_audit_last_status", "1 for the status of the newest audit", statuses, ("status",))
    held = db.session.scalar(select(func.count()).select_from(AuditRun).where(AuditRun.status == "held"))
    yield _gauge("registry_audits_held", "Audits that wait for a decision of a supervisor", held or 0)


def _flags() -> Iterator[Metric]:
    good = last_good_audit()
    if good is None:
        return
    # Stored with the audit: the flags themselves may be hundreds of thousands.
    counted = (
        select(DailyCount.severity, DailyCount.status, func.sum(DailyCount.counted))
        .where(DailyCount.audit_id == good.id, DailyCount.dimension == Dimension.RULE.value)
        # Whoever reads metrics need not be one who may know of restricted projects.
        .where(DailyCount.is_restricted.is_(False))
        .group_by(DailyCount.severity, DailyCount.status)
    )
    flags = {(severity, status): float(number) for severity, status, number in db.session.execute(counted)}
    if flags:
        yield _gauge(
            "registry_flags",
            "Active flags at the last good audit, without those of restricted projects",
            flags,
            ("severity", "status"),
        )


def _queues() -> Iterator[Metric]:
    waiting = queues()
    sizes = {(name,): float(queue.waiting) for name, queue in waiting.items()}
    ages = {(name,): _age(queue.oldest_at) for name, queue in waiting.items()}
    yield _gauge("registry_queue_size", "What waits to be worked off", sizes, ("queue",))
    yield _gauge(
        "registry_queue_oldest_age_seconds", "How long the oldest waits, 0 when nothing waits", ages, ("queue",)
    )
    yield _gauge(
        "registry_webhook_deliveries_pending", "Webhook messages that are not delivered yet", pending_deliveries()
    )
    yield _gauge("registry_webhooks_failing", "Receivers that accepted nothing for an hour", failing_webhooks())
    failed = queue_state().failed
    yield _gauge("registry_emails_failed", "E-mails of the last 30 days that were given up", failed)


def _cases() -> Iterator[Metric]:
    overdue = select(func.count()).select_from(Case).join(Project, Project.id == Case.project_id)
    overdue = overdue.where(Case.due_on < today(), Project.is_restricted.is_(False))
    text = "Cases whose deadline has passed, without those of restricted projects"
    yield _gauge("registry_cases_overdue", text, db.session.scalar(overdue) or 0)


def _journal() -> Iterator[Metric]:
    last = last_verification()
    text = "1 when the last verification of the journal found a fault"
    yield _gauge("registry_journal_broken", text, float(last.fault is not None))
    # Of a new installation the first verification is due since it was installed.
    since = last.verified_at or installed_at()
    text = "When the journal was last verified; the time of the installation before the first verification"
    yield _gauge("registry_journal_verified_timestamp_seconds", text, since.timestamp())


def _machine() -> Iterator[Metric]:
    clock = database_clock()
    if clock is not None:
        yield _gauge(
            "registry_clock_skew_seconds",
            "This machine's clock less the database server's",
            (now() - clock).total_seconds(),
        )
    sessions = sessions_waiting_for_locks()
    if sessions is not None:
        yield _gauge("registry_database_sessions_waiting_for_locks", "Sessions that wait for a lock", sessions)
    standby = standby_state()
    if standby is not None:
        yield _gauge("registry_standby_up", "1 when the standby answers", float(standby.lag_s is not None))
        if standby.lag_s is not None:
            text = "0 when the standby has all changes, else the seconds since its last one"
            yield _gauge("registry_standby_lag_seconds", text, standby.lag_s)
    for name, at, text in (
        ("registry_backup_last_timestamp_seconds", last_backup_at(), "When the last good backup was started"),
        (
            "registry_restore_drill_last_timestamp_seconds",
            last_drill_at(),
            "When a backup was last restored as a drill",
        ),
    ):
        if at is not None:
            yield _gauge(name, text, at.timestamp())
    jobs = scheduled_jobs()
    for suffix, ends in (
        ("success", {(job.name,): job.succeeded_at for job in jobs}),
        ("failure", {(job.name,): job.failed_at for job in jobs}),
    ):
        known = {labels: at.timestamp() for labels, at in ends.items() if at is not None}
        yield _gauge(
            f"registry_scheduled_job_last_{suffix}_timestamp_seconds",
            f"When a job of the scheduler last ended: {suffix}",
            known,
            ("scheduled_job",),
        )


def _age(since: datetime | None) -> float:
    return 0 if since is None else (now() - since).total_seconds()


def _gauge(name: str, text: str, value: float | Mapping[Any, float], labels: Iterable[str] = ()) -> GaugeMetricFamily:
    """A gauge: one value, or one for each tuple of labels."""
    if not isinstance(value, Mapping):
        return GaugeMetricFamily(name, text, value=value)
    gauge = GaugeMetricFamily(name, text, labels=list(labels))
    for each, number in value.items():
        gauge.add_metric(list(each), number)
    return gauge
