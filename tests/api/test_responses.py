"""What every answer carries: languages, request ids, security headers, and a clear word for hostile bodies."""

from __future__ import annotations

import json
import logging
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from registry.agencies.models import Agency
from registry.core.database import db
from registry.core.messages import message
from registry.http.request_context import request_id
from registry.http.request_log import JsonLines
from registry.journal.service import JournalEntry
from registry.settings import read_settings
from tests.api.callers import BASE, Caller, caller, code, codes
from tests.factories import a_bin, a_project, a_token, project_values


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ("kk", "kk"),
        ("ru-RU,ru;q=0.9,en;q=0.1", "ru"),
        ("kk-KZ", "kk"),
        ("en;q=0.2, kk;q=0.4, ru;q=0.3", "kk"),
        ("kk;q=0, ru;q=0.1", "ru"),
        ("de, fr;q=0.5", "en"),
        ("*", "en"),
        ("", "en"),
        (";;q=x,,", "en"),
        ("kk-KZ,ru;q=0.8", "kk"),
        ("ru-RU,en;q=0.5", "ru"),
        ("fr-FR,ru-RU;q=0.4,kk;q=0.9", "kk"),
        ("*,ru;q=0.3", "en"),
        ("ru;q=0.2,*;q=0.1,en;q=0", "ru"),
        ("en;q=0,*", "kk"),
    ],
)
def test_errors_and_verdicts_come_in_the_language_asked_for(
    editor: Caller, agency: Agency, asked: str, language: str
) -> None:
    number = a_project(agency).number

    refused = editor.get("/projects?colour=red", Accept_Language=asked)
    verdict = editor.get(f"/projects/{number}/verdict?on=2026-06-01", Accept_Language=asked)

    assert refused.headers["Content-Language"] == verdict.headers["Content-Language"] == language
    assert refused.get_json()["title"] == message("title-400", language)
    assert "Accept-Language" in refused.headers["Vary"]
    clause = verdict.get_json()["findings"][0]["clause"]
    assert {"kk": "Жарлығы", "ru": "Указ", "en": "decree"}[language] in clause


def test_a_problem_has_the_members_of_rfc_9457(editor: Caller) -> None:
    answer = editor.get("/projects/QT-2026-0000001-5/verdict?on=2026-03-02", X_Request_ID="mine-1")

    assert answer.content_type == "application/problem+json"
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-ID"])
    assert answer.get_json() == {
        "type": "urn:qaztech-registry:problem:project-not-found",
        "title": "Not found",
        "status": 404,
        "detail": "There is no project QT-2026-0000001-5.",
        "instance": "/api/v1/projects/QT-2026-0000001-5/verdict",
        "trace_id": answer.headers["X-Request-ID"],
    }


@pytest.mark.parametrize(
    ("sent", "kept"), [("abc-1", "abc-1"), ("f" * 32, "f" * 32), ("", ""), ("x" * 65, ""), ("a b", ""), ("кілт", "")]
)
def test_request_id_is_made_here_and_the_callers_stands_beside_it(client: FlaskClient, sent: str, kept: str) -> None:
    agency = {"bin": a_bin(), "name_ru": "Орган", "kind": "central_body"}
    answer = caller(client, "administrator").post("/agencies", agency, X_Request_ID=sent)
    made = answer.headers["X-Request-ID"]
    assert re.fullmatch("[0-9a-f]{32}", made) and made != sent
    entry = db.session.scalars(select(JournalEntry).where(JournalEntry.action == "agency.registered")).one()
    assert (entry.request_id, entry.client_request_id) == (made, kept)


def test_journal_entry_leads_to_the_token_of_the_caller(client: FlaskClient) -> None:
    token = a_token("administrator")
    Caller(client, token).post("/agencies", {"bin": a_bin(), "name_ru": "Орган", "kind": "central_body"})
    entry = db.session.scalars(select(JournalEntry).where(JournalEntry.action == "agency.registered")).one()
    assert entry.credential == f"token:{token.split('_')[1]}"


def test_every_answer_is_protected(client: FlaskClient, editor: Caller) -> None:
    answers = (client.get("/healthz"), client.get("/nothing"), editor.get("/projects"), client.get(f"{BASE}/docs"))
    for answer in answers:
        policy = answer.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert "Strict-Transport-Security" not in answer.headers
    assert editor.get("/projects").headers["Cache-Control"] == "no-store"
    assert client.get("/healthz", base_url="https://registry.example").headers["Strict-Transport-Security"]


def test_letters_are_not_escaped(editor: Caller, agency: Agency) -> None:
    project = a_project(agency, name_kk="Ғылым әлемі", name_ru=None)

    assert "Ғылым әлемі".encode() in editor.get(f"/projects/{project.number}").data


HOSTILE = {
    "not JSON": b"{",
    "nothing": b"",
    "an array": b"[]",
    "a string": b'"x"',
    "null": b"null",
    "a repeated key": b'{"stage": "pilot", "stage": "testing"}',
    "a repeated key within": b'{"purpose": {"a": 1, "a": 2}}',
    "NaN": b'{"budget_kzt": NaN}',
    "Infinity": b'{"budget_kzt": -Infinity}',
    "a number beyond all": b'{"budget_kzt": 1e999}',
    "5,000 digits": b'{"budget_kzt": ' + b"9" * 5000 + b"}",
    "a lone surrogate": b'{"name_ru": "\\ud800"}',
    "a lone surrogate as a key": b'{"\\udfff": 1}',
    "200,000 brackets": b'{"purpose": ' + b"[" * 200_000,
    "200,000 braces": b'{"a":' * 200_000,
    "no UTF-8": b'{"name_ru": "\xff"}',
    "UTF-16": '{"name_ru": "x"}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_body_is_a_bad_request(editor: Caller, body: bytes) -> None:
    answer = editor.call("POST", "/projects", data=body, content_type="application/json")

    assert (answer.status_code, code(answer)) == (400, "body-not-readable")


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("name_ru", "a\u0000b", "control-character"),
        ("name_ru", "a\u001bb", "control-character"),
        ("name_ru", "x" * 501, "too-long"),
        ("name_ru", ["x"], "expected-text"),
        ("purpose", {"$ne": 1}, "expected-text"),
        ("stage", "pilot\u0000", "not-a-choice"),
        ("budget_kzt", 10**30, "number-out-of-range"),
        ("budget_kzt", 1.0, "expected-whole-number"),
        ("budget_kzt", True, "expected-whole-number"),
        ("budget_kzt", "1", "expected-whole-number"),
        ("work_started_on", "２０２６-01-01", "expected-date"),
        ("work_started_on", "2026-01-01T00:00:00Z", "expected-date"),
        ("work_started_on", 20260101, "expected-date"),
        ("work_started_on", "9999-12-31", "date-out-of-range"),
        ("agency", "\u0000", "bin-invalid"),
        ("agency", "０５０３４０００４４７８", "bin-invalid"),
        ("responsible_email", "a@b", "email-invalid"),
        ("is_ai", 1, "expected-true-or-false"),
        ("a/b~c\u0000", 1, "unknown-field"),
    ],
)
def test_a_hostile_value_is_named(editor: Caller, agency: Agency, field: str, value: object, problem: str) -> None:
    answer = editor.post("/projects", {"agency": agency.bin, **project_values(), field: value})

    assert answer.status_code == 422
    pointer = "/" + field.replace("~", "~0").replace("/", "~1")
    assert (pointer, problem) in codes(answer)
    assert editor.get("/projects").get_json()["items"] == []


def test_a_body_over_1_mib_is_too_large(editor: Caller) -> None:
    answer = editor.post("/projects", {"purpose": "x" * 1024 * 1024})

    assert (answer.status_code, code(answer)) == (413, "payload-too-large")
    assert answer.get_json()["detail"] == "The request is too large: at most 1 MiB."


def test_an_unexpected_exception_tells_its_trace_id_and_nothing_else(
    own_app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> str:
        raise RuntimeError("the password is swordfish")

    own_app.view_functions["health.healthz"] = broken

    answer = own_app.test_client().get("/healthz", headers={"X-Request-ID": "trace-1"})

    assert (answer.status_code, code(answer)) == (500, "internal-error")
    assert answer.get_json()["trace_id"] == answer.headers["X-Request-ID"]
    assert '"trace_id": "trace-1"' not in answer.text
    assert b"swordfish" not in answer.data
    assert "swordfish" in caplog.text


def test_logs_are_lines_of_json_with_the_request_id_and_without_tokens(app: Flask) -> None:
    record = logging.LogRecord("registry", logging.INFO, "", 0, "request", (), None)
    record.status = 200
    with app.test_request_context("/x", headers={"X-Request-ID": "r-1", "Authorization": "Bearer qtr_secret"}):
        line = JsonLines().format(record)
        made = request_id()

    logged = json.loads(line)
    assert len(logged["trace_id"]) == 32
    assert logged | {"at": "", "trace_id": ""} == {
        "at": "",
        "level": "info",
        "logger": "registry",
        "message": "request",
        "trace_id": "",
        "request_id": made,
        "client_request_id": "r-1",
        "status": 200,
    }


def test_answers_vary_with_who_asks(editor: Caller, agency: Agency) -> None:
    number = a_project(agency).number
    for path in ("/projects", f"/projects/{number}", "/reports/compliance"):
        assert editor.get(path).vary.as_set() == {"accept-language", "authorization", "accept-encoding"}, path


def test_head_is_get_without_a_body(editor: Caller, agency: Agency) -> None:
    path = f"/projects/{a_project(agency).number}"
    read, head = editor.get(path), editor.call("HEAD", path)
    unchanged = editor.call("HEAD", path, headers={"If-None-Match": read.headers["ETag"]})

    assert (head.status_code, head.data, head.headers["ETag"]) == (200, b"", read.headers["ETag"])
    assert head.headers["Content-Length"] == str(len(read.data))
    assert unchanged.status_code == 304


def test_the_service_does_not_start_with_a_wrong_setting(tmp_path: object) -> None:
    from registry.settings import SettingsInvalid

    with pytest.raises(SettingsInvalid, match="REGISTRY_AUDIT_AT"):
        read_settings({"REGISTRY_DATA_DIR": str(tmp_path), "REGISTRY_AUDIT_AT": "25:00"})
