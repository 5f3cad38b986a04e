"""Documents of a project over HTTP."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import update
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.core.database import transaction
from registry.freeze.current import policy_in_force, set_policy
from registry.projects.documents import Document
from registry.projects.models import Project
from tests.api.callers import Caller, caller, code, codes
from tests.factories import a_project, an_agency

MIB = 1024 * 1024


@contextmanager
def quota(mib: int) -> Iterator[None]:
    """Set a policy with another quota."""
    usual = policy_in_force()
    set_policy(replace(usual, document_quota_mib=mib))
    try:
        yield
    finally:
        set_policy(usual)


@pytest.fixture
def path(agency: Agency) -> str:
    project: Project = a_project(agency)
    return f"/projects/{project.number}/documents"


def test_document_comes_back_byte_for_byte(editor: Caller, path: str) -> None:
    content = bytes(range(256)) * 10

    answer = editor.upload(path, content, "Шарт №1.pdf")

    assert answer.status_code == 201
    body = answer.get_json()
    assert (body["name"], body["size"]) == ("Шарт №1.pdf", len(content))
    assert body["sha256"] == hashlib.sha256(content).hexdigest()
    assert editor.get(path).get_json() == {"items": [body], "next": None}
    download = editor.get(answer.headers["Location"].removeprefix("/api/v1"))
    assert download.data == content
    assert download.headers["Content-Disposition"].startswith("attachment;")
    assert download.content_type == "application/octet-stream"
    assert download.headers["X-Content-Type-Options"] == "nosniff"
    again = editor.get(f"{path}/{body['id']}", If_None_Match=download.headers["ETag"])
    assert again.status_code == 304


def test_upload_limit_is_20_mib(editor: Caller, path: str) -> None:
    assert editor.upload(path, b"x" * (20 * MIB)).status_code == 201
    assert editor.upload(path, b"x" * (20 * MIB + 1)).status_code == 413
    assert editor.upload(path, b"x" * (21 * MIB)).status_code == 413
    assert len(editor.get(path).get_json()["items"]) == 1


def test_form_without_its_file_or_with_more_is_rejected(editor: Caller, path: str) -> None:
    def file(name: str) -> FileStorage:
        return FileStorage(io.BytesIO(b"x"), name)

    assert codes(editor.form(path, {})) == {("/file", "required")}
    assert codes(editor.form(path, {"file": "only text"})) == {("/file", "expected-file")}
    assert codes(editor.form(path, {"file": file("a.txt"), "note": "x"})) == {("/note", "unknown-field")}
    assert codes(editor.form(path, {"file": [file("a.txt"), file("b.txt")]})) == {("/file", "field-repeated")}
    assert codes(editor.form(path, {"file": file("a" * 201)})) == {("/file", "file-name-not-usable")}
    assert codes(editor.upload(path, b"")) == {("/file", "document-empty")}
    assert code(editor.post(path, {})) == "unsupported-media-type"


def test_document_keeps_kind_and_description(editor: Caller, path: str) -> None:
    def sent(**fields: str) -> TestResponse:
        return editor.form(path, {"file": FileStorage(io.BytesIO(b"%PDF-1.7"), "letter.pdf"), **fields})

    made = sent(kind="letter", description="  Answer of 3 February ").get_json()
    assert (made["kind"], made["description"]) == ("letter", "Answer of 3 February")
    plain = sent(description="").get_json()
    assert (plain["kind"], plain["description"]) == ("other", None)
    assert editor.get(path).get_json()["items"] == [made, plain]
    assert codes(sent(kind="invoice")) == {("/kind", "not-a-choice")}
    assert codes(sent(description="x" * 501)) == {("/description", "too-long")}


def test_documents_of_a_project_stay_within_the_quota(editor: Caller, agency: Agency, path: str) -> None:
    with quota(1):
        assert editor.upload(path, b"x" * (MIB - 1024)).status_code == 201
        refused = editor.upload(path, b"x" * 1025)
        assert (refused.status_code, code(refused)) == (409, "document-quota-exceeded")
        assert "at most 1 MiB" in refused.get_json()["detail"] and "Free: 1 KiB" in refused.get_json()["detail"]
        assert editor.upload(path, b"x" * 1024).status_code == 201
        assert editor.upload(path, b"x").status_code == 409
        assert editor.upload(f"/projects/{a_project(agency).number}/documents", b"x").status_code == 201


@pytest.mark.on_both
def test_parallel_uploads_do_not_exceed_the_quota(own_app: Flask) -> None:
    with own_app.app_context():
        agency = an_agency()
        path = f"/projects/{a_project(agency).number}/documents"
        editors = [caller(own_app.test_client(), "agency_editor", agency) for _ in range(4)]
    together = Barrier(len(editors))

    def upload(editor: Caller) -> int:
        together.wait(timeout=30)
        return editor.upload(path, b"x" * (MIB // 2 + 1)).status_code

    with quota(1), ThreadPoolExecutor(len(editors)) as pool:
        statuses = sorted(pool.map(upload, editors))
    assert statuses == [201, 409, 409, 409]


def test_only_the_last_part_of_a_file_name_is_kept(editor: Caller, path: str) -> None:
    assert editor.upload(path, b"x", "..\\..\\etc/pass.txt").get_json()["name"] == "pass.txt"


def test_document_of_another_project_is_not_found(editor: Caller, agency: Agency, path: str) -> None:
    made = editor.upload(path, b"x").get_json()
    other = a_project(agency).number

    for address in (
        f"/projects/{other}/documents/{made['id']}",
        f"{path}/2147483647",
        f"{path}/99999999999",
        f"{path}/１",
    ):
        assert editor.get(address).status_code == 404


def test_damaged_bytes_are_never_served(own_app: Flask) -> None:
    # As the owner of the tables: the role of the service changes no document.
    with own_app.app_context():
        agency = an_agency()
        editor = caller(own_app.test_client(), Role.AGENCY_EDITOR, agency)
        path = f"/projects/{a_project(agency).number}/documents"
        made = editor.upload(path, b"as it was").get_json()
        with transaction() as session:
            session.execute(update(Document).where(Document.id == made["id"]).values(content=b"as it is!"))

        answer = editor.get(f"{path}/{made['id']}")

    assert answer.status_code == 500
    assert b"as it is" not in answer.data
