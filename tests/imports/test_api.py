"""Imports over HTTP: queued immediately, processed in the background."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.imports.worker import run_next_import
from tests.api.callers import BASE, Caller, caller, code, codes

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


def test_dry_run_reports_everything_and_writes_nothing(editor: Caller, agency: Agency) -> None:
    run = send(editor, rows(row(agency, "A-1")), dry_run="true").get_json()
    run_next_import()

    assert run["dry_run"] is True
    assert editor.get(f"/imports/{run['id']}").get_json()["created"] == 1
    assert editor.get("/projects").get_json()["items"] == []


def test_import_is_visible_to_owner_and_administrators(
    client: FlaskClient, editor: Caller, administrator: Caller, as_role: Callable[..., Caller], agency: Agency
) -> None:
    owner = caller(client, Role.AGENCY_EDITOR, agency, name="a.serikova")
    same = caller(client, Role.AGENCY_EDITOR, agency, name="a.serikova")
    path = f"/imports/{send(owner, rows(row(agency, 'A-1'))).get_json()['id']}"

    for seeing in (owner, same, administrator):
        assert seeing.get(path).status_code == 200
    assert owner.get(f"{path}/errors").status_code == same.get(f"{path}/errors").status_code == 200
    assert administrator.get(f"{path}/errors").status_code == 403
    assert editor.get(path).status_code == 404
    assert editor.get(f"{path}/errors").status_code == 404
    for without_imports in (as_role("auditor"), as_role("supervisor"), as_role("agency_viewer", agency)):
        for of_any in (path, "/imports/999999"):
            assert without_imports.get(of_any).status_code == 403
            assert without_imports.get(f"{of_any}/errors").status_code == 403


def test_only_project_registering_roles_may_import(
    as_role: Callable[..., Caller], editor: Caller, agency: Agency
) -> None:
    content = rows(row(agency, "A-1"))
    for role in ("reviewer", "supervisor", "auditor", "operator"):
        assert send(as_role(role), content).status_code == 403
    assert send(as_role("agency_viewer", agency), content).status_code == 403
    agencies = b"bin,name_ru,kind\n"
    refused = editor.form("/imports", {"file": FileStorage(io.BytesIO(agencies), "a.csv"), "kind": "agencies"})
    assert refused.status_code == 403


@pytest.mark.parametrize(
    ("parts", "problems"),
    [
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
    ],
)
def test_invalid_form_names_field(
    editor: Caller, agency: Agency, parts: dict[str, str | None], problems: set[tuple[str, str]]
) -> None:
    content = rows(row(agency, "A-1"))
    made = {
        name: FileStorage(io.BytesIO(content), "a.csv") if value is None else value for name, value in parts.items()
    }

    answer = editor.form("/imports", made)

    assert answer.status_code == 422
    assert codes(answer) == problems


@pytest.mark.parametrize(
    "content", [b"", b"\x00\x01\x02", b"agency,colour\n", b"PK\x03\x04 no archive", b"name_ru\nx\n"]
)
def test_unreadable_file_is_rejected_immediately(editor: Caller, content: bytes) -> None:
    answer = send(editor, content)

    assert answer.status_code == 422
    assert all(problem["message"] for problem in answer.get_json()["errors"])


def test_non_form_body_is_rejected(editor: Caller) -> None:
    answer = editor.post("/imports", {"kind": "projects"})

    assert (answer.status_code, code(answer)) == (415, "unsupported-media-type")


def test_repeated_upload_with_idempotency_key_is_imported_once(editor: Caller, agency: Agency) -> None:
    def again() -> TestResponse:
        parts = {"file": FileStorage(io.BytesIO(rows(row(agency, "A-1"))), "a.csv"), "kind": "projects"}
        return editor.form("/imports", parts, Idempotency_Key="k-1")

    first, second = again(), again()

    assert first.get_json() == second.get_json()
    assert first.headers["Location"] == second.headers["Location"]
