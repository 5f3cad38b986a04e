"""``traceparent``: what is accepted, and what becomes of it. Values of the W3C recommendation, 3.2."""

from __future__ import annotations

import json
import logging
import re

import pytest
from flask import Flask

from registry.core.trace_context import current_trace, outgoing_headers, parse, trace_of_job
from registry.http.requests import JsonLines

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
GIVEN = f"00-{TRACE}-00f067aa0ba902b7-01"


def test_valid_header_gives_its_trace_and_whether_it_is_sampled() -> None:
    assert parse(GIVEN) == (TRACE, True)
    assert parse(f"00-{TRACE}-00f067aa0ba902b7-00") == (TRACE, False)
    assert parse(f"00-{TRACE}-00f067aa0ba902b7-02") == (TRACE, False)
    assert parse(f"cc-{TRACE}-00f067aa0ba902b7-01-what-the-future-will-be-like") == (TRACE, True)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "junk",
        f"ff-{TRACE}-00f067aa0ba902b7-01",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-00f067aa0ba902b7-01",
        f"00-{TRACE}-00f067aa0ba902b7-01-more",
        f"00-{TRACE}-00f067aa0ba902b7-01\n",
        f"00-{TRACE[:-1]}-00f067aa0ba902b7-01",
    ],
)
def test_invalid_header_begins_a_new_trace(app: Flask, header: str | None) -> None:
    assert parse(header) is None
    with app.test_request_context():
        new = current_trace()
    assert re.fullmatch("[0-9a-f]{32}", new.trace_id) and not new.sampled


def test_trace_of_the_caller_goes_on_with_a_part_of_our_own(app: Flask) -> None:
    with app.test_request_context(headers={"traceparent": GIVEN}):
        passed = outgoing_headers()["traceparent"]
        assert outgoing_headers()["traceparent"] == passed
    assert re.fullmatch(f"00-{TRACE}-(?!00f067aa0ba902b7)[0-9a-f]{{16}}-01", passed)
    assert outgoing_headers() == {}


def test_log_line_has_the_trace_beside_the_id_of_the_request(app: Flask) -> None:
    record = logging.LogRecord("registry", logging.INFO, "", 0, "request", None, None)
    with app.test_request_context(headers={"traceparent": GIVEN}):
        line = json.loads(JsonLines().format(record))
    assert line["trace_id"] == TRACE
    assert line["request_id"] != TRACE
    assert "trace_id" not in json.loads(JsonLines().format(record))


def test_job_has_one_trace_in_its_log_lines_and_calls() -> None:
    record = logging.LogRecord("registry", logging.INFO, "", 0, "message", None, None)
    with trace_of_job():
        passed = outgoing_headers()["traceparent"]
        line = json.loads(JsonLines().format(record))
    assert passed.split("-")[1] == line["trace_id"]
    with trace_of_job():
        assert outgoing_headers()["traceparent"].split("-")[1] != line["trace_id"]
    assert outgoing_headers() == {}
