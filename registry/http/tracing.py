"""OpenTelemetry traces, an option: a span for each request and each of its database statements, sent by OTLP over HTTP.

On when the standard variables name a collector. A span has the method, the route with its placeholders, the status and
SQL without its parameters: no path, query string, header, body, address or text of an error, which hold personal data.
"""

from __future__ import annotations

import logging
import os
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from flask import Flask, Response, has_request_context, request
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import ExceptionContext

from registry.core.database import db
from registry.core.trace_context import HEADER, TraceContext, use_trace
from registry.http.request_ids import request_id
from registry.http.request_log import LOG
from registry.http.telemetry_settings import collector_variable

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span, Tracer

SERVICE: Final = "qaztech-registry"
# Asked every few seconds, and the same each time.
UNTRACED: Final = frozenset({"health.healthz", "health.readyz", "metrics.show"})
MAX_STATEMENT: Final = 2000
SPAN: Final = "registry.span"
STATEMENTS: Final = "registry.spans_of_statements"


def init_tracing(app: Flask) -> None:
    """Trace the requests when a collector is named. Call it before ``init_request_log`` and after the database's."""
    if collector_variable() is None:
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    # A collector that is away is reported like everything else.
    for handler in LOG.handlers:
        logging.getLogger("opentelemetry").addHandler(handler)
    trace_requests(app, OTLPSpanExporter())


def trace_requests(app: Flask, exporter: SpanExporter) -> None:
    """Send a span of each request and statement to an exporter, in the background."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    name = os.environ.get("OTEL_SERVICE_NAME", SERVICE)
    resource = Resource.create({"service.name": name, "service.version": version(SERVICE)})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("registry")
    _trace_requests(app, tracer)
    with app.app_context():
        for engine in db.engines.values():
            _trace_statements(engine, tracer)


def _trace_requests(app: Flask, tracer: Tracer) -> None:
    from opentelemetry.trace import SpanKind, StatusCode
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    propagator = TraceContextTextMapPropagator()

    @app.before_request
    def begin() -> None:
        if request.endpoint in UNTRACED:
            return
        route = request.url_rule.rule if request.url_rule is not None else None
        attributes = {"http.request.method": request.method, "registry.request_id": request_id()}
        if route is not None:
            attributes["http.route"] = route
        span = tracer.start_span(
            f"{request.method} {route}" if route is not None else request.method,
            propagator.extract({HEADER: request.headers.get(HEADER, "")}),
            SpanKind.SERVER,
            attributes,
        )
        request.environ[SPAN] = span
        context = span.get_span_context()
        use_trace(TraceContext(f"{context.trace_id:032x}", f"{context.span_id:016x}", context.trace_flags.sampled))

    @app.after_request
    def note_status(response: Response) -> Response:
        span: Span | None = request.environ.get(SPAN)
        if span is not None:
            span.set_attribute("http.response.status_code", response.status_code)
            if response.status_code >= 500:
                span.set_status(StatusCode.ERROR)
        return response

    # After the last piece of an export was sent.
    @app.teardown_request
    def end(_error: BaseException | None) -> None:
        span: Span | None = request.environ.pop(SPAN, None)
        if span is not None:
            span.end()


def _trace_statements(engine: Engine, tracer: Tracer) -> None:
    from opentelemetry.trace import SpanKind, StatusCode, set_span_in_context

    @event.listens_for(engine, "before_cursor_execute")
    def begin(
        connection: Connection, _cursor: object, statement: str, _parameters: object, _context: object, _many: bool
    ) -> None:
        parent = request.environ.get(SPAN) if has_request_context() else None
        if parent is None:
            return
        operation = statement.split(None, 1)[0].upper() if statement.strip() else ""
        attributes = {
            "db.system.name": engine.dialect.name,
            "db.operation.name": operation,
            "db.query.text": statement[:MAX_STATEMENT],
        }
        span = tracer.start_span(operation, set_span_in_context(parent), SpanKind.CLIENT, attributes)
        connection.info.setdefault(STATEMENTS, []).append(span)

    @event.listens_for(engine, "after_cursor_execute")
    def end(connection: Connection, *_more: Any) -> None:
        for span in _open_spans(connection):
            span.end()

    @event.listens_for(engine, "handle_error")
    def fail(context: ExceptionContext) -> None:
        if context.connection is None or context.connection.closed or context.connection.invalidated:
            return
        for span in _open_spans(context.connection):
            span.set_status(StatusCode.ERROR)
            span.set_attribute("error.type", type(context.original_exception).__name__)
            span.end()


def _open_spans(connection: Connection) -> list[Span]:
    """The spans of the statement that has just ended on this connection."""
    spans: list[Span] = connection.info.pop(STATEMENTS, [])
    return spans
