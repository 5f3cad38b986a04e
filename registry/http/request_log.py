"""Structured logs: one JSON object a line, to stderr, with the request id. Tokens and bodies never enter them."""

from __future__ import annotations

import ipaddress
import json
import logging
import sys
import threading
import time
from collections.abc import Callable
from typing import Final

from flask import Flask, Response, has_request_context, request

from registry.core.clock import now, rfc3339
from registry.core.trace_context import current_trace
from registry.http.authentication import PRINCIPAL
from registry.http.request_context import client_request_id, request_id

LOG = logging.getLogger("registry")
LETTER_CHECK: Final = "/verify/"
STARTED_AT = "registry.began"
EXTRAS = ("method", "path", "status", "milliseconds", "principal", "source", "audit", "on")
DEFAULT_LEVEL = "info"


class JsonLines(logging.Formatter):
    """Writes a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, object] = {
            "at": rfc3339(now()),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if has_request_context():
            line["request_id"] = request_id()
            if sent := client_request_id():
                line["client_request_id"] = sent
        if trace := current_trace():
            line["trace_id"] = trace.trace_id
        line |= {name: getattr(record, name) for name in EXTRAS if hasattr(record, name)}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=True)


def log_to_stderr(level: str = DEFAULT_LEVEL) -> None:
    """Send the service's log lines of at least a level to stderr; a second call changes the level only."""
    if not any(isinstance(handler.formatter, JsonLines) for handler in LOG.handlers):
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JsonLines())
        LOG.addHandler(handler)
    LOG.setLevel(level.upper())


def logged_path(path: str) -> str:
    """Return the path without the code of a letter's check, which proves that somebody holds the letter."""
    return f"{LETTER_CHECK}-" if path.startswith(LETTER_CHECK) else path


def init_request_log(app: Flask) -> None:
    """Log every request when it is answered."""

    @app.before_request
    def begin() -> None:
        request.environ[STARTED_AT] = time.perf_counter()

    @app.after_request
    def end(response: Response) -> Response:
        began = request.environ.get(STARTED_AT)
        extra = {
            "method": request.method,
            "path": logged_path(request.path),
            "status": response.status_code,
            "milliseconds": None if began is None else round((time.perf_counter() - began) * 1000, 1),
            "principal": request.environ.get(PRINCIPAL),
            "source": request.remote_addr,
        }
        LOG.info("request", extra=extra)
        return response


# Warnings in the log when a proxy seems to stand before the service whose X-Forwarded-For is not believed.

HEADER: Final = "X-Forwarded-For"
INTERVAL_S: Final = 600.0
ADVICE: Final = (
    "behind a proxy every caller has the proxy's address, and the limits of one stop all of them: "
    "set REGISTRY_TRUSTED_PROXIES to the number of proxies"
)
HEADER_IGNORED: Final = f"{HEADER} arrived while REGISTRY_TRUSTED_PROXIES is 0; {ADVICE}"
REACHABLE_WITHOUT_PROXY: Final = f"other machines can reach the service and REGISTRY_TRUSTED_PROXIES is 0; {ADVICE}"


class ForwardedWarning:
    """Logs that the header is ignored, at most once in ten minutes of this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._warned_at: float | None = None

    def warn(self) -> None:
        """Log it unless it was logged a short while ago."""
        with self._lock:
            current = self._clock()
            if self._warned_at is not None and current - self._warned_at < INTERVAL_S:
                return
            self._warned_at = current
        LOG.warning(HEADER_IGNORED)


def attach_forwarded_warning(app: Flask, trusted_proxies: int, warning: ForwardedWarning | None = None) -> None:
    """Watch every request for the header; nothing to do where it is believed."""
    if trusted_proxies:
        return
    watched = warning or ForwardedWarning()

    @app.before_request
    def watch() -> None:
        if HEADER in request.headers:
            watched.warn()


def warn_at_start(host: str, trusted_proxies: int) -> None:
    """Log a warning when the service listens for other machines and believes no proxy."""
    if not trusted_proxies and not _is_loopback(host):
        LOG.warning(REACHABLE_WITHOUT_PROXY)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
