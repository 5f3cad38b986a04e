"""``/metrics`` in the text format of Prometheus. Numbers of this process, and of the queues in the database."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from flask import Blueprint, Flask, Response, request
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from registry.core.clock import now
from registry.core.database import db
from registry.core.outbox import OutboxMessage
from registry.flags.audit_runs import last_good_audit
from registry.http.request_log import LOG, STARTED_AT
from registry.imports.models import ImportRun
from registry.notifications.service import queue_state

# Of RFC 9110 and 5789. Any other name is the caller's invention, and would make a time series of its own.
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})


class StoredNumbers(Collector):
    """Gauges queried from the database at each scrape; when it is unreachable, only that is exported."""

    def collect(self) -> Iterator[Metric]:
        """The gauges."""
        try:
            last = last_good_audit()
            imports = db.session.scalar(select(func.count(ImportRun.id)).where(ImportRun.state == "queued"))
            waiting, oldest = db.session.execute(
                select(func.count(), func.min(OutboxMessage.created_at)).where(OutboxMessage.delivered_at.is_(None))
            ).one()
            letters = queue_state()
        except SQLAlchemyError as error:
            LOG.error("metrics: the database cannot be used", exc_info=error)
            yield GaugeMetricFamily("registry_database_up", "1 when the database answers", value=0)
            return
        yield GaugeMetricFamily("registry_database_up", "1 when the database answers", value=1)
        if last is not None and last.finished_at is not None:
            yield GaugeMetricFamily(
                "registry_last_good_audit_timestamp_seconds",
                "When the last good audit finished",
                value=last.finished_at.timestamp(),
            )
        queues = GaugeMetricFamily("registry_queue_size", "What waits to be worked off", labels=["queue"])
        queues.add_metric(["imports"], imports or 0)
        queues.add_metric(["outbox"], waiting)
        queues.add_metric(["letters"], letters.waiting)
        yield queues
        ages = GaugeMetricFamily(
            "registry_queue_oldest_seconds", "How long the oldest has waited, 0 when nothing waits", labels=["queue"]
        )
        ages.add_metric(["outbox"], _age(oldest))
        ages.add_metric(["letters"], _age(letters.oldest_at))
        yield ages
        yield GaugeMetricFamily(
            "registry_letters_failed", "Letters of the last 30 days that were given up", value=letters.failed
        )


def _age(since: datetime | None) -> float:
    return 0 if since is None else (now() - since).total_seconds()


def init_metrics(app: Flask) -> None:
    """Count every request of this application, and register the route."""
    # One collection an application: tests make several in a process.
    collection = CollectorRegistry()
    collection.register(StoredNumbers())
    requests = Counter(
        "registry_http_requests", "Requests answered", ["method", "route", "status"], registry=collection
    )
    seconds = Histogram("registry_http_request_seconds", "Time to answer", ["route"], registry=collection)
    metrics = Blueprint("metrics", __name__)

    @app.after_request
    def count(response: Response) -> Response:
        # The rule, not the path: a path would make a time series of every project.
        route = request.url_rule.rule if request.url_rule is not None else "none"
        method = request.method if request.method in METHODS else "other"
        requests.labels(method, route, response.status_code).inc()
        began = request.environ.get(STARTED_AT)
        if began is not None:
            seconds.labels(route).observe(time.perf_counter() - began)
        return response

    @metrics.get("/metrics")
    def show() -> Response:
        return Response(generate_latest(collection), content_type=CONTENT_TYPE_LATEST)

    app.register_blueprint(metrics)
