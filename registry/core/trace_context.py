"""Trace context (W3C, https://www.w3.org/TR/trace-context/): ``traceparent`` is accepted, logged and passed on.

A request without a usable header begins a trace, and so does each run of a scheduled job. The caller chooses the trace
id, which finds log lines and proves nothing.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from flask import has_request_context, request

HEADER: Final = "traceparent"
VERSION: Final = "00"
INVALID_VERSION: Final = "ff"
SAMPLED: Final = 0x01
# A later version may add fields after a dash (3.2.2 of the recommendation).
SHAPE: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[!-~]*)?")
KEPT: Final = "registry.trace_context"
_of_job: Final[ContextVar[TraceContext | None]] = ContextVar("trace_of_job", default=None)


@dataclass(frozen=True, slots=True)
class TraceContext:
    """A trace and our part of it: 32 and 16 hexadecimal digits. ``sampled``: the caller records the trace."""

    trace_id: str
    span_id: str
    sampled: bool

    @property
    def header(self) -> str:
        """The value of ``traceparent`` for what this request calls."""
        return f"{VERSION}-{self.trace_id}-{self.span_id}-{SAMPLED if self.sampled else 0:02x}"


def parse(header: str | None) -> tuple[str, bool] | None:
    """Return the trace id and whether it is sampled; None for a header that the recommendation calls invalid."""
    match = SHAPE.fullmatch(header or "")
    if match is None:
        return None
    version, trace_id, parent_id, flags, more = match.groups()
    if version == INVALID_VERSION or (version == VERSION and more is not None):
        return None
    if not int(trace_id, 16) or not int(parent_id, 16):
        return None
    return trace_id, bool(int(flags, 16) & SAMPLED)


def current_trace() -> TraceContext | None:
    """Return the trace of the present request or scheduled job; None outside of both."""
    if not has_request_context():
        return _of_job.get()
    if KEPT not in request.environ:
        request.environ[KEPT] = _begun(request.headers.get(HEADER))
    trace: TraceContext = request.environ[KEPT]
    return trace


def use_trace(trace: TraceContext) -> None:
    """Make this the trace of the present request."""
    request.environ[KEPT] = trace


@contextmanager
def trace_of_job() -> Iterator[None]:
    """Begin a trace that no request causes, for the log lines and outgoing calls inside the block, in this thread."""
    token = _of_job.set(_begun(None))
    try:
        yield
    finally:
        _of_job.reset(token)


def outgoing_headers() -> dict[str, str]:
    """Return the headers to add to an HTTP request that the present request or job causes; empty outside of both."""
    trace = current_trace()
    return {} if trace is None else {HEADER: trace.header}


def _begun(header: str | None) -> TraceContext:
    trace_id, sampled = parse(header) or (secrets.token_hex(16), False)
    return TraceContext(trace_id, secrets.token_hex(8), sampled)
