"""``/metrics`` in the text format of Prometheus: requests of all web processes of this machine, and stored numbers.

With ``PROMETHEUS_MULTIPROC_DIR`` the processes share their counts through files in that folder (the multiprocess mode
of prometheus-client); without it each process counts for itself, as with ``registry serve``, which is one.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from flask import Blueprint, Flask, Response, request
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from sqlalchemy.pool import QueuePool

from registry.core.database import db
from registry.http.request_log import STARTED_AT
from registry.http.stored_metrics import StoredMetrics

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
    in_use = Gauge(
        "registry_database_connections_in_use",
        "Connections of the pools that were in use at the last answer of each process",
        registry=collection,
        multiprocess_mode=OF_LIVE_PROCESSES,
    )
    limit = Gauge(
        "registry_database_connections_limit",
        "Connections that the pools of all processes may open",
        registry=collection,
        multiprocess_mode=OF_LIVE_PROCESSES,
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
    """The folder of the multiprocess mode, made where it is missing; None without it."""
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
