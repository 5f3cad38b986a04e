"""``/metrics`` in the text format of Prometheus: requests of all web processes of this machine, and stored numbers.

With ``PROMETHEUS_MULTIPROC_DIR`` the processes share their counts through files in that folder (the multiprocess mode
of prometheus-client); without it each process counts for itself, as with ``registry serve``, which is one.
"""

import os
import platform
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any, Final

from flask import Blueprint, Flask, Response, request
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import QueuePool

from registry.audits.models import DailyCount, Dimension
from registry.cases.models import Case
from registry.core.clock import local_instant, now, today
from registry.core.database import db
from registry.core.database_checks import is_damaged, standby_state
from registry.core.dialects import database_clock, database_file, sessions_waiting_for_locks
from registry.core.installation import installed_at, scheduled_jobs
from registry.core.outbox import OutboxMessage
from registry.core.queues import Backlog, backlog
from registry.flags.models import AuditRun, AuditStatus, last_good_audit, unexplained_audit
from registry.http.requests import LOG, STARTED_AT
from registry.imports.models import IMPORT_QUEUE, ImportRun
from registry.journal.checkpoints import newest_checkpoint
from registry.journal.service import last_backup_at, last_drill_at
from registry.journal.verification import last_verification
from registry.journal.witnesses import failing_witnesses
from registry.notifications.service import failed_emails, waiting_emails
from registry.projects.models import Project
from registry.requests.models import Request, RequestState
from registry.webhooks.queue import due_deliveries, failing_webhooks, pending_deliveries

# What waits to be worked off, and since when: for monitoring.


def queues() -> dict[str, Backlog]:
    """Return all queues by name. A confirmed request waits from the beginning of its day on."""
    due = (Request.state == RequestState.CONFIRMED.value, Request.carried_out_at.is_(None), Request.on <= today())
    requests, first_day = db.session.execute(select(func.count(), func.min(Request.on)).where(*due)).one()
    return {
        "outbox": backlog(OutboxMessage.created_at, OutboxMessage.delivered_at.is_(None)),
        "imports": backlog(ImportRun.queued_at, IMPORT_QUEUE.is_due),
        "emails": waiting_emails(),
        "webhooks": due_deliveries(),
        "requests": Backlog(requests, None if first_day is None else local_instant(first_day, datetime.min.time())),
    }


# Metrics read from the database: the same in every web process, and kept for some seconds.

KEPT_S: Final = 10


class StoredMetrics(Collector):
    """Gauges of what the database has; when it is unreachable, only that is exported."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: tuple[float, list[Metric]] | None = None

    def collect(self) -> Iterator[Metric]:
        """Return the gauges, at most ``KEPT_S`` old: several monitoring servers cost no more than one."""
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
    """Return what is due on a new installation has no series of its own before its first success; alerts count from
    here.
    """
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
        text = "When the last good audit finished"
        yield _gauge("registry_audit_last_success_timestamp_seconds", text, good.finished_at.timestamp())
        duration = (good.finished_at - good.started_at).total_seconds()
        yield _gauge("registry_audit_last_duration_seconds", "How long the last good audit took", duration)
    newest = db.session.scalar(
        select(AuditRun.status).where(AuditRun.dry_run.is_(False)).order_by(AuditRun.id.desc()).limit(1)
    )
    if newest is not None:
        statuses = {(status,): float(status == newest) for status in AuditStatus.codes()}
        yield _gauge("registry_audit_last_status", "1 for the status of the newest audit", statuses, ("status",))
    unexplained = unexplained_audit()
    text = "Projects whose flags the last full audit changed although nothing of them had changed"
    count = 0 if unexplained is None else len((unexplained.unexplained or {})["projects"])
    yield _gauge("registry_audit_unexplained_projects", text, count)
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
        text = "Active flags at the last good audit, without those of restricted projects"
        yield _gauge("registry_flags", text, flags, ("severity", "status"))


def _queues() -> Iterator[Metric]:
    waiting = queues()
    sizes = {(name,): float(queue.waiting) for name, queue in waiting.items()}
    ages = {(name,): _age(queue.oldest_at) for name, queue in waiting.items()}
    yield _gauge("registry_queue_size", "What waits to be worked off", sizes, ("queue",))
    text = "How long the oldest waits, 0 when nothing waits"
    yield _gauge("registry_queue_oldest_age_seconds", text, ages, ("queue",))
    text = "Webhook messages that are not delivered yet"
    yield _gauge("registry_webhook_deliveries_pending", text, pending_deliveries())
    yield _gauge("registry_webhooks_failing", "Receivers that accepted nothing for an hour", failing_webhooks())
    failed = failed_emails()
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
    text = "1 when rows differ from what acts wrote"
    yield _gauge("registry_rows_differ", text, float(last.rows_fault is not None))
    since = last.rows_compared_at or installed_at()
    text = "When rows were last compared with acts; the time of the installation before the first comparison"
    yield _gauge("registry_rows_compared_timestamp_seconds", text, since.timestamp())
    checkpoint = newest_checkpoint()
    at = installed_at() if checkpoint is None else checkpoint.created_at
    text = "When the newest checkpoint of the journal was signed; the time of the installation before the first one"
    yield _gauge("registry_checkpoint_timestamp_seconds", text, at.timestamp())
    text = "Witnesses that did not take the newest checkpoint when it was last sent"
    yield _gauge("registry_witnesses_failing", text, len(failing_witnesses()))


def _machine() -> Iterator[Metric]:
    clock = database_clock()
    if clock is not None:
        text = "This machine's clock less the database server's"
        yield _gauge("registry_clock_skew_seconds", text, (now() - clock).total_seconds())
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
        ("backup", last_backup_at(), "When the last good backup was started"),
        ("restore_drill", last_drill_at(), "When a backup was last restored as a drill"),
    ):
        if at is not None:
            yield _gauge(f"registry_{name}_last_timestamp_seconds", text, at.timestamp())
    jobs = scheduled_jobs()
    for end, column in (("success", "succeeded_at"), ("failure", "failed_at")):
        known = {(job.name,): at.timestamp() for job in jobs if (at := getattr(job, column)) is not None}
        text = f"When a job of the scheduler last ended: {end}"
        yield _gauge(f"registry_scheduled_job_last_{end}_timestamp_seconds", text, known, ("scheduled_job",))


def _age(since: datetime | None) -> float:
    return 0 if since is None else (now() - since).total_seconds()


def _gauge(name: str, text: str, value: float | Mapping[Any, float], labels: Iterable[str] = ()) -> GaugeMetricFamily:
    """Return a gauge: one value, or one for each tuple of labels."""
    if not isinstance(value, Mapping):
        return GaugeMetricFamily(name, text, value=value)
    gauge = GaugeMetricFamily(name, text, labels=list(labels))
    for each, number in value.items():
        gauge.add_metric(list(each), number)
    return gauge


# Of RFC 9110 and 5789. Any other name is the caller's invention, and would make a time series of its own.
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
SHARED_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
STORED: Final = "registry.stored_metrics"
# Only of processes that live: prometheus-client keeps the files of the others.
OF_LIVE_PROCESSES: Final = "livesum"


def init_metrics(app: Flask) -> None:
    """Count every request of this application, and register the route."""
    folder = _shared_folder()
    # One collection an application: tests make several in a process.
    collection = CollectorRegistry()
    stored = app.extensions[STORED] = StoredMetrics()
    requests = Counter(
        "registry_http_requests", "Requests answered", ["method", "route", "status"], registry=collection
    )
    seconds = Histogram("registry_http_request_duration_seconds", "Time to answer", ["route"], registry=collection)
    in_use, limit = (
        Gauge(f"registry_database_connections_{name}", text, registry=collection, multiprocess_mode=OF_LIVE_PROCESSES)
        for name, text in (
            ("in_use", "Connections of the pools that were in use at the last answer of each process"),
            ("limit", "Connections that the pools of all processes may open"),
        )
    )
    if folder is None:
        collection.register(stored)
    metrics = Blueprint("metrics", __name__)

    @app.after_request
    def count(response: Response) -> Response:
        # The rule, not the path: a path would make a time series of every project.
        route = request.url_rule.rule if request.url_rule is not None else "none"
        method = request.method if request.method in METHODS else "other"
        began = request.environ.get(STARTED_AT)
        # A shared folder that was removed is no reason to fail a request.
        with suppress(FileNotFoundError):
            requests.labels(method, route, response.status_code).inc()
            if began is not None:
                seconds.labels(route).observe(time.perf_counter() - began)
        pool = db.engine.pool
        if isinstance(pool, QueuePool):
            in_use.set(pool.checkedout())
            limit.set(pool.size() + pool._max_overflow)
        return response

    @metrics.get("/metrics")
    def show() -> Response:
        shown = collection if folder is None else _of_all_processes(folder, stored)
        return Response(generate_latest(shown), content_type=CONTENT_TYPE_LATEST)

    app.register_blueprint(metrics)


def _shared_folder() -> Path | None:
    """Return the folder of the multiprocess mode, made where it is missing; None without it."""
    name = os.environ.get(SHARED_FOLDER)
    if not name:
        return None
    folder = Path(name)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _of_all_processes(folder: Path, stored: StoredMetrics) -> CollectorRegistry:
    shown = CollectorRegistry()
    shown.register(stored)
    # A cleaner of temporary files may have removed it: then the requests are missing until the next start.
    if not folder.is_dir():
        return shown
    for file in folder.glob("gauge_live*_*.db"):
        process = file.stem.rpartition("_")[2]
        if process.isdigit() and not _lives(int(process)):
            mark_process_dead(int(process), str(folder))  # type: ignore[no-untyped-call]
    MultiProcessCollector(shown, str(folder))  # type: ignore[no-untyped-call]
    return shown


def _lives(process: int) -> bool:
    with suppress(ProcessLookupError):
        with suppress(PermissionError):
            os.kill(process, 0)
        return True
    return False
