"""Structured logs: one JSON object a line, to stderr, with the request id. Tokens and bodies never enter them."""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Final

from flask import Flask, Response, has_request_context, request

from registry.core.clock import now, rfc3339
from registry.core.trace_context import current_trace
from registry.http.authentication import PRINCIPAL
from registry.http.request_ids import client_request_id, request_id

LOG = logging.getLogger("registry")
LETTER_CHECK: Final = "/verify/"
STARTED_AT = "registry.began"
EXTRAS = ("method", "path", "status", "milliseconds", "principal", "source", "audit", "on")
DEFAULT_LEVEL = "info"


class JsonLines(logging.Formatter):
    """Writes a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
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
    """The path without the code of a letter's check, which proves that somebody holds the letter."""
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
