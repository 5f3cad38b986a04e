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
from registry.http.requests import JsonLines, request_id
from registry.journal.service import JournalEntry
from tests.api.callers import Caller, caller
from tests.factories import a_bin, a_project, a_token

LANGUAGE_OF = {
    "kk": "kk",
    "kk-KZ,ru;q=0.8": "kk",
    "ru-RU,ru;q=0.9,en;q=0.1": "ru",
    "en;q=0.2, kk;q=0.4, ru;q=0.3": "kk",
    "kk;q=0, ru;q=0.1": "ru",
    "fr-FR,ru-RU;q=0.4,kk;q=0.9": "kk",
    "ru;q=0.2,*;q=0.1,en;q=0": "ru",
    "en;q=0,*": "kk",
    **dict.fromkeys(("de, fr;q=0.5", "*", "", ";;q=x,,", "*,ru;q=0.3"), "en"),
}


def test_errors_and_verdicts_come_in_the_language_asked_for(editor: Caller, agency: Agency) -> None:
    number = a_project(agency).number
    for asked, language in LANGUAGE_OF.items():
        refused = editor.get("/projects?colour=red", Accept_Language=asked)
        verdict = editor.get(f"/projects/{number}/verdict?on=2026-06-01", Accept_Language=asked)

        assert refused.headers["Content-Language"] == verdict.headers["Content-Language"] == language, asked
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


def test_letters_are_not_escaped(editor: Caller, agency: Agency) -> None:
    project = a_project(agency, name_kk="Ғылым әлемі", name_ru=None)

    assert "Ғылым әлемі".encode() in editor.get(f"/projects/{project.number}").data


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
