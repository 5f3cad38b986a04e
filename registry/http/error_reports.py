"""Error reports to Sentry, an option: what is logged as an error, on when ``SENTRY_DSN`` is set.

A report is built of what may leave the service only: types and places of the code, the message of the log without its
values, ids and the route. Texts of exceptions, variables, requests and people stay in the log of this machine.
"""

from __future__ import annotations

import os
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from flask import has_request_context, request

from registry.core.trace_context import current_trace
from registry.http.request_ids import request_id
from registry.http.telemetry_settings import SENTRY

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint

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
    """The event with nothing in it that may be personal data."""
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
    """What finds the lines of the log."""
    tags = {}
    if trace := current_trace():
        tags["trace_id"] = trace.trace_id
    if has_request_context():
        tags["request_id"] = request_id()
        tags["method"] = request.method
        tags["route"] = request.url_rule.rule if request.url_rule is not None else "none"
    return tags
