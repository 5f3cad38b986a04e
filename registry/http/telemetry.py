"""OpenTelemetry traces and error reports to Sentry, both optional packages."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from environs import ValidationError
from flask import Flask, Response, has_request_context, request
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import ExceptionContext

from registry.core.database import db
from registry.core.trace_context import HEADER, TraceContext, current_trace, use_trace
from registry.http.requests import LOG, request_id

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span, Tracer
    from sentry_sdk.types import Event, Hint


# Variables of OpenTelemetry and Sentry, both optional packages: is the package there, and the address one?

COLLECTORS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
DISABLED: Final = "OTEL_SDK_DISABLED"
SENTRY: Final = "SENTRY_DSN"


def read_telemetry(env: Any) -> None:
    """Judge the variables; their packages read them again. ``env`` is the environs environment of the settings."""
    env.sentry_address(SENTRY, "")
    if collector := collector_variable(env.variables):
        env.collector_address(collector, "")


def collector_variable(variables: Mapping[str, str] | None = None) -> str | None:
    """Return the variable that names where traces are sent; None without one, or when the SDK is disabled."""
    variables = os.environ if variables is None else variables
    if variables.get(DISABLED, "").lower() == "true":
        return None
    return next((name for name in COLLECTORS if variables.get(name)), None)


def _sentry_address(text: str) -> str | None:
    if not text:
        return None
    try:
        import sentry_sdk  # noqa: F401 - only: is it there
        from sentry_sdk.utils import BadDsn, Dsn
    except ImportError as error:
        raise _extra_missing("sentry") from error
    try:
        Dsn(text)
    except BadDsn as error:
        raise ValidationError("expected an address such as https://key@host/number") from error
    return text


def _collector_address(text: str) -> str:
    try:
        import opentelemetry.exporter.otlp.proto.http.trace_exporter  # noqa: F401 - only: is it there
    except ImportError as error:
        raise _extra_missing("telemetry") from error
    try:
        parts = urlsplit(text)
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise ValidationError("expected an address such as http://127.0.0.1:4318")
    return text


def _extra_missing(extra: str) -> ValidationError:
    return ValidationError(f"needs the extra {extra}; install config/locked/telemetry.txt, or unset it")


PARSERS: Final[dict[str, Callable[..., object]]] = {
    "sentry_address": _sentry_address,
    "collector_address": _collector_address,
}


# OpenTelemetry traces, an option: a span for each request and each of its database statements, sent by OTLP over
# HTTP.
#
# On when the standard variables name a collector. A span has the method, the route with its placeholders, the status
# and SQL without its parameters: no path, query string, header, body, address or text of an error, which hold
# personal data.

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
    """Return the spans of the statement that has just ended on this connection."""
    spans: list[Span] = connection.info.pop(STATEMENTS, [])
    return spans


# Error reports to Sentry, an option: what is logged as an error, on when ``SENTRY_DSN`` is set.
#
# A report is built of what may leave the service only: types and places of the code, the message of the log without
# its values, ids and the route. Texts of exceptions, variables, requests and people stay in the log of this machine.

KEPT: Final = ("event_id", "timestamp", "level", "logger", "platform", "release", "environment", "sdk")
KEPT_OF_FRAME: Final = ("filename", "abs_path", "function", "module", "lineno", "in_app")


def init_error_reports() -> None:
    """Report errors when ``SENTRY_DSN`` is set; the settings have judged it."""
    if not os.environ.get(SENTRY):
        return
    import sentry_sdk
    from sentry_sdk.integrations.atexit import AtexitIntegration
    from sentry_sdk.integrations.logging import LoggingIntegration

    # Of the integrations only what gets errors: the others gather requests, and patch the HTTP clients.
    sentry_sdk.init(
        release=version("qaztech-registry"),
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[LoggingIntegration(level=None), AtexitIntegration(callback=lambda _pending, _timeout: None)],
        include_local_variables=False,
        include_source_context=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        auto_session_tracking=False,
        before_send=reduced,
    )


def reduced(event: Event, _hint: Hint) -> Event:
    """Return the event with nothing in it that may be personal data."""
    given: dict[str, Any] = dict(event)
    kept: dict[str, Any] = {name: given[name] for name in KEPT if name in given}
    # The text with its placeholders; the values are elsewhere in the event.
    if message := (given.get("logentry") or {}).get("message"):
        kept["logentry"] = {"message": message}
    exceptions = (given.get("exception") or {}).get("values") or ()
    kept["exception"] = {"values": [_reduced_exception(each) for each in exceptions]}
    kept["tags"] = _tags()
    return kept  # type: ignore[return-value] # an Event is a dictionary with fixed keys


def _reduced_exception(exception: dict[str, Any]) -> dict[str, Any]:
    frames = (exception.get("stacktrace") or {}).get("frames") or ()
    return {
        "type": exception.get("type"),
        "module": exception.get("module"),
        "mechanism": {"type": "logging", "handled": True},
        "stacktrace": {"frames": [{name: each.get(name) for name in KEPT_OF_FRAME} for each in frames]},
    }


def _tags() -> dict[str, str]:
    """Return what finds the lines of the log."""
    tags = {}
    if trace := current_trace():
        tags["trace_id"] = trace.trace_id
    if has_request_context():
        tags["request_id"] = request_id()
        tags["method"] = request.method
        tags["route"] = request.url_rule.rule if request.url_rule is not None else "none"
    return tags
