"""Imports over HTTP: queued immediately, processed in the background."""

from __future__ import annotations

import io

from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse

from registry.agencies.models import Agency
from registry.imports.worker import run_next_import
from tests.api.callers import BASE, Caller, codes

COLUMNS = "agency,external_id,name_ru,object_kind,work_type,stage,placement"


def rows(*lines: str) -> bytes:
    return "\n".join([COLUMNS, *lines]).encode()


def row(agency: Agency, external_id: str, kind: str = "system") -> str:
    return f"{agency.bin},{external_id},Система,{kind},creation,creation,off_platform"


def send(actor: Caller, content: bytes, name: str = "projects.csv", **fields: str) -> TestResponse:
    return actor.form("/imports", {"file": FileStorage(io.BytesIO(content), name), "kind": "projects", **fields})


def test_upload_returns_location_of_progress(editor: Caller, agency: Agency) -> None:
    answer = send(editor, rows(row(agency, "A-1"), row(agency, "A-2", "spaceship")))

    assert answer.status_code == 202
    run = answer.get_json()
    assert answer.headers["Location"] == f"{BASE}/imports/{run['id']}"
    assert (run["state"], run["total"], run["processed"], run["dry_run"]) == ("queued", 2, 0, False)
    run_next_import()
    done = editor.get(f"/imports/{run['id']}")
    assert done.headers["ETag"] != answer.headers["ETag"]
    assert {name: done.get_json()[name] for name in ("state", "processed", "created", "rejected", "failure")} == {
        "state": "done",
        "processed": 2,
        "created": 1,
        "rejected": 1,
        "failure": None,
    }
    assert len(editor.get("/projects").get_json()["items"]) == 1


def test_row_errors_are_in_requested_language(editor: Caller, agency: Agency) -> None:
    run = send(editor, rows(row(agency, "A-1", "spaceship"), row(agency, "A" * 201))).get_json()["id"]
    run_next_import()

    errors = editor.get(f"/imports/{run}/errors").get_json()["items"]

    assert [(error["row"], error["column"], error["code"]) for error in errors] == [
        (2, "object_kind", "not-a-choice"),
        (3, "external_id", "too-long"),
    ]
    translated = {
        editor.get(f"/imports/{run}/errors", Accept_Language=asked).get_json()["items"][0]["message"]
        for asked in ("kk", "ru", "en")
    }
    assert len(translated) == 3
    first = editor.get(f"/imports/{run}/errors?limit=1").get_json()
    rest = editor.get(f"/imports/{run}/errors?limit=1&cursor={first['next']}").get_json()
    assert [*first["items"], *rest["items"]] == errors
    assert editor.get(f"/imports/{run}/errors?sort=-row").get_json()["items"] == errors[::-1]


def test_invalid_form_names_field(editor: Caller, agency: Agency) -> None:
    for parts, problems in [
        ({}, {("/file", "required"), ("/kind", "required")}),
        ({"kind": "projects"}, {("/file", "required")}),
        ({"kind": "projects", "file": "text"}, {("/file", "expected-file")}),
        ({"kind": "projects", "file": None, "mode": "fast"}, {("/mode", "unknown-field")}),
        ({"kind": "people", "file": None}, {("/kind", "not-a-choice")}),
        ({"kind": "", "file": None}, {("/kind", "not-a-choice")}),
        (
            {"kind": "people", "file": None, "dry_run": "1"},
            {("/kind", "not-a-choice"), ("/dry_run", "expected-true-or-false")},
        ),
        ({"kind": "projects", "file": None, "dry_run": ""}, {("/dry_run", "expected-true-or-false")}),
    ]:
        content = rows(row(agency, "A-1"))
        made = {
            name: FileStorage(io.BytesIO(content), "a.csv") if value is None else value for name, value in parts.items()
        }

        answer = editor.form("/imports", made)

        assert answer.status_code == 422, parts
        assert codes(answer) == problems, parts
