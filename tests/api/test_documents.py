"""Documents of a project over HTTP."""

from __future__ import annotations

import hashlib
import io

import pytest
from sqlalchemy import update
from werkzeug.datastructures import FileStorage

from registry.records.agencies import Agency
from registry.records.documents import Document
from registry.records.project_table import Project
from registry.store.transaction import transaction
from tests.api.callers import Caller, code, codes
from tests.factories import a_project

MIB = 1024 * 1024


@pytest.fixture
def path(agency: Agency) -> str:
    project: Project = a_project(agency)
    return f"/projects/{project.number}/documents"


def test_a_document_comes_back_byte_for_byte(editor: Caller, path: str) -> None:
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
    again = editor.get(f"{path}/{body['id']}", If_None_Match=download.headers["ETag"])
    assert again.status_code == 304


def test_a_file_of_20_mib_is_kept_and_one_byte_more_is_too_large(editor: Caller, path: str) -> None:
    assert editor.upload(path, b"x" * (20 * MIB)).status_code == 201
    assert editor.upload(path, b"x" * (20 * MIB + 1)).status_code == 413
    assert editor.upload(path, b"x" * (21 * MIB)).status_code == 413
    assert len(editor.get(path).get_json()["items"]) == 1


def test_a_form_without_its_file_or_with_more_is_refused(editor: Caller, path: str) -> None:
    def file(name: str) -> FileStorage:
        return FileStorage(io.BytesIO(b"x"), name)

    assert codes(editor.form(path, {})) == {("/file", "required")}
    assert codes(editor.form(path, {"file": "only text"})) == {("/file", "expected-file")}
    assert codes(editor.form(path, {"file": file("a.txt"), "note": "x"})) == {("/note", "unknown-field")}
    assert codes(editor.form(path, {"file": [file("a.txt"), file("b.txt")]})) == {("/file", "field-repeated")}
    assert codes(editor.form(path, {"file": file("a" * 201)})) == {("/file", "file-name-not-usable")}
    assert codes(editor.upload(path, b"")) == {("/file", "document-empty")}
    assert code(editor.post(path, {})) == "content-type-not-taken"


def test_only_the_last_part_of_a_file_name_is_kept(editor: Caller, path: str) -> None:
    assert editor.upload(path, b"x", "..\\..\\etc/pass.txt").get_json()["name"] == "pass.txt"


def test_a_document_of_another_project_is_not_found(editor: Caller, agency: Agency, path: str) -> None:
    made = editor.upload(path, b"x").get_json()
    other = a_project(agency).number

    for wanted in (
        f"/projects/{other}/documents/{made['id']}",
        f"{path}/2147483647",
        f"{path}/99999999999",
        f"{path}/１",
    ):
        assert editor.get(wanted).status_code == 404


def test_damaged_bytes_are_never_served(editor: Caller, path: str) -> None:
    made = editor.upload(path, b"as it was").get_json()
    with transaction() as session:
        session.execute(update(Document).where(Document.id == made["id"]).values(content=b"as it is!"))

    answer = editor.get(f"{path}/{made['id']}")

    assert answer.status_code == 500
    assert b"as it is" not in answer.data
