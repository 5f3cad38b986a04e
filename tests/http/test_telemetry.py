"""Traces and error reports: a served registry, and a receiver that plays the collector and Sentry."""

from __future__ import annotations

import gzip
import json
import sqlite3
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import brotli
import pytest
import sentry_sdk
from flask import Flask
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from registry.accounts.roles import Role
from registry.core.database import db
from registry.http.telemetry import COLLECTORS, KEPT, SENTRY, init_error_reports, init_tracing
from registry.settings import SettingsInvalid, read_settings
from tests.databases import Databases, bare_app
from tests.factories import a_token
from tests.faults.served import Served
from tests.fixtures.cli import CommandLine
from tests.running import PATIENCE_S, until
from tests.webhooks.receiver import Received, Receiver, receiving

pytestmark = pytest.mark.sqlite_only
# The example of the W3C recommendation.
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"
LIST = "/api/v1/projects?q=secret-search"
# In the address, in a header of the client, in the error of the database.
PRIVATE = ("secret-search", "agent-of-a-person", "no such table")


@dataclass(frozen=True)
class Reported:
    """What arrived, unpacked, and what was logged."""

    spans: list[Span]
    events: list[dict[str, Any]]
    raw: bytes
    log: list[dict[str, Any]]

    def requests(self) -> list[Span]:
        return [span for span in self.spans if span.kind == Span.SPAN_KIND_SERVER]


@pytest.fixture(scope="module")
def reported(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reported]:
    """After a probe, a list, and the same list when its table is gone."""
    url = databases.make()
    app = bare_app(url)
    with app.app_context():
        token = a_token(Role.AUDITOR)
        db.engine.dispose()
    with receiving() as receiver:
        receiver.answer = lambda _request: 200
        reports = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{receiver.port}",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "SENTRY_DSN": f"http://key@127.0.0.1:{receiver.port}/7",
        }
        with Served(CommandLine(url, tmp_path_factory.mktemp("telemetry")), **reports) as served:
            ask(served, "/healthz", token)
            ask(served, LIST, token)
            with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database:
                database.execute("ALTER TABLE projects RENAME TO moved")
            ask(served, LIST, token)
            until(lambda: any("route" in each["tags"] for each in events(receiver)))
            until(lambda: sum(each.kind == Span.SPAN_KIND_SERVER for each in spans(receiver)) == 2)
            log = [json.loads(line) for line in served.log.read_text().splitlines() if line.startswith("{")]
        with receiver.lock:
            raw = b"".join(unpacked(each) for each in receiver.arrived)
        yield Reported(spans(receiver), events(receiver), raw, log)
    databases.drop(url)


def ask(served: Served, path: str, token: str) -> None:
    headers = {
        "Authorization": f"Bearer {token}",
        "User-Agent": "agent-of-a-person",
        "traceparent": f"00-{TRACE}-{CALLER}-01",
    }
    try:
        urllib.request.urlopen(
            urllib.request.Request(f"http://127.0.0.1:{served.port}{path}", headers=headers), timeout=PATIENCE_S
        ).close()
    except urllib.error.HTTPError as error:
        error.close()


def unpacked(request: Received) -> bytes:
    unpack = {"gzip": gzip.decompress, "br": brotli.decompress}.get(request.headers.get("content-encoding", ""), bytes)
    return bytes(unpack(request.body))


def spans(receiver: Receiver) -> list[Span]:
    with receiver.lock:
        sent = [unpacked(each) for each in receiver.arrived if each.path == "/v1/traces"]
    return [
        span
        for body in sent
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def events(receiver: Receiver) -> list[dict[str, Any]]:
    """The reports in Sentry's envelopes: lines of JSON, of which the third is the event."""
    with receiver.lock:
        sent = [unpacked(each).splitlines() for each in receiver.arrived if each.path == "/api/7/envelope/"]
    return [json.loads(lines[2]) for lines in sent if json.loads(lines[1]).get("type") == "event"]


def attributes(span: Span) -> dict[str, Any]:
    return {each.key: each.value.string_value or each.value.int_value for each in span.attributes}


def test_request_continues_the_trace_of_its_caller(reported: Reported) -> None:
    good, bad = sorted(reported.requests(), key=lambda span: span.start_time_unix_nano)
    assert {(span.trace_id.hex(), span.parent_span_id.hex(), span.name) for span in (good, bad)} == {
        (TRACE, CALLER, "GET /api/v1/projects")
    }
    assert attributes(good)["http.response.status_code"] == 200
    assert attributes(bad)["http.response.status_code"] == 503
    assert (good.status.code, bad.status.code) == (Status.STATUS_CODE_UNSET, Status.STATUS_CODE_ERROR)


def test_statements_are_parts_of_their_request(reported: Reported) -> None:
    good, bad = sorted(reported.requests(), key=lambda span: span.start_time_unix_nano)
    parts = [span for span in reported.spans if span.parent_span_id == good.span_id]
    assert any("FROM projects" in attributes(span)["db.query.text"] for span in parts if span.name == "SELECT")
    assert {span.parent_span_id for span in reported.spans} == {bytes.fromhex(CALLER), good.span_id, bad.span_id}
    failed = [span for span in reported.spans if attributes(span).get("error.type") == "OperationalError"]
    assert len(failed) == 1


def test_probes_are_not_traced(reported: Reported) -> None:
    assert {span.name for span in reported.requests()} == {"GET /api/v1/projects"}


def test_log_line_has_the_trace_that_was_sent(reported: Reported) -> None:
    assert {line["trace_id"] for line in reported.log if line.get("path") == "/api/v1/projects"} == {TRACE}


def test_error_report_has_what_finds_the_lines_of_the_log(reported: Reported) -> None:
    [event] = [event for event in reported.events if "route" in event["tags"]]
    assert event["tags"]["trace_id"] == TRACE
    assert (event["tags"]["method"], event["tags"]["route"]) == ("GET", "/api/v1/projects")
    [line] = [line for line in reported.log if line["message"] == event["logentry"]["message"] and "exception" in line]
    assert line["request_id"] == event["tags"]["request_id"]
    kinds = [each["type"] for each in event["exception"]["values"]]
    assert kinds == ["OperationalError", "OperationalError"]
    frames = event["exception"]["values"][-1]["stacktrace"]["frames"]
    assert any(frame["module"].startswith("registry.") and frame["lineno"] for frame in frames)


def test_nothing_of_the_request_or_of_the_error_is_sent(reported: Reported) -> None:
    assert [word for word in PRIVATE if word.encode() in reported.raw] == []
    assert "no such table" in json.dumps(reported.log)
    for event in reported.events:
        assert set(event) <= {*KEPT, "logentry", "exception", "tags", "contexts"}, event.keys()


def test_nothing_is_sent_without_the_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*COLLECTORS, SENTRY):
        monkeypatch.delenv(name, raising=False)
    app = Flask("tests")
    init_tracing(app)
    init_error_reports()
    assert app.before_request_funcs == {}
    assert not sentry_sdk.is_initialized()


@pytest.mark.parametrize(
    ("variable", "value", "module", "named"),
    [
        ("SENTRY_DSN", "https://key@sentry.example.kz/1", "sentry_sdk", "extra sentry"),
        ("SENTRY_DSN", "sentry.example.kz", None, "https://key@host/number"),
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "http://127.0.0.1:4318",
            "opentelemetry.exporter.otlp.proto.http.trace_exporter",
            "extra telemetry",
        ),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "127.0.0.1:4318", None, "http://127.0.0.1:4318"),
    ],
)
def test_variable_that_cannot_be_followed_is_an_invalid_setting(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, module: str | None, named: str
) -> None:
    monkeypatch.setenv(variable, value)
    if module is not None:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SettingsInvalid, match=f"{variable}: .*{named}"):
        read_settings(read_only=True)
