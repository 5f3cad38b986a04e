"""Documents of a project over HTTP, and blocked types of them."""

from __future__ import annotations

import hashlib
import io
import zipfile
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
from registry.freeze.policy import policy_in_force, set_policy
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


def archive(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for name in names:
            made.writestr(name, b"content")
    return file.getvalue()


COMPOUND_FILE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
PROGRAMS = {
    "Windows": b"MZ\x90\x00\x03",
    "Linux": b"\x7fELF\x02\x01\x01",
    "macOS": b"\xcf\xfa\xed\xfe\x07\x00",
    "macOS, several processors": b"\xca\xfe\xba\xbe\x00\x00\x00\x02",
    "Windows Installer": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    + bytes(64)
    + bytes.fromhex("84100c0000000000c000000000000046"),
    "shortcut": b"L\x00\x00\x00\x01\x14\x02\x00\x00\x00",
    "Java": archive("META-INF/MANIFEST.MF", "a/B.class"),
    "Android": archive("AndroidManifest.xml", "classes.dex"),
    "shell script": b"#!/bin/sh\nrm -rf /\n",
    "script with a mark": b"\xef\xbb\xbf#!/usr/bin/env python3\n",
}
PAGES = {
    "HTML": b"<!DOCTYPE html><title>x</title>",
    "blanks and a comment": b"\n\t <!-- a letter -->\n <HTML><body>",
    "script alone": b"<script>alert(1)</script>",
    "UTF-16": "\ufeff<html>".encode("utf-16-le"),
    "UTF-8 with a mark": b"\xef\xbb\xbf<body onload=x>",
    "SVG": b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>',
    "SVG with a document type": b'<?xml version="1.0"?><!DOCTYPE svg PUBLIC "x" "y"><svg/>',
    "SVG under a prefix": b'<svg:svg xmlns:svg="http://www.w3.org/2000/svg"/>',
    "XHTML under another root": b'<?xml version="1.0"?><a xmlns:h="http://www.w3.org/1999/xhtml"><h:script/></a>',
}
NAMES = (
    "setup.exe", "a.dll", "a.msi", "a.bat", "a.cmd", "a.ps1", "a.vbs", "a.js", "a.jar", "a.apk", "a.sh", "a.py",
    "page.html", "page.HTM", "page.xhtml", "image.svg", "a.hta", "a.lnk", "a.mht", "letter.pdf.exe", "letter.exe.",
    "letter.exe . ", "letter.exe::$DATA", "letter.ｅｘｅ", "disk.iso", "query.iqy",
)  # fmt: skip
DOCUMENTS = {
    "letter.pdf": b"%PDF-1.7\n<html>",
    "letter.docx": archive("[Content_Types].xml", "word/document.xml"),
    "letter.odt": archive("mimetype", "META-INF/manifest.xml"),
    "signed.asice": archive("META-INF/signatures0.xml", "contract.pdf"),
    "files.zip": archive("contract.pdf"),
    "letter.doc": COMPOUND_FILE + bytes(1024),
    "scan.png": b"\x89PNG\r\n\x1a\n",
    "scan.jpg": b"\xff\xd8\xff\xe0",
    "letter.txt": "Хат: <b>маңызды</b> #!".encode(),
    "note.txt": b"<asked by the agency>",
    "invoice.xml": b'<?xml version="1.0"?><invoice xmlns="urn:kz:invoice"/>',
    "html": b"a file without an ending",
    "contract.exe.pdf": b"%PDF-1.7",
    "table.csv": b"a;b\n1;2\n",
}


@pytest.fixture
def documents_path(agency: Agency) -> str:
    return f"/projects/{a_project(agency).number}/documents"


def test_program_or_page_is_rejected_by_content(editor: Caller, documents_path: str) -> None:
    for content in [*PROGRAMS.values(), *PAGES.values()]:
        answer = editor.upload(documents_path, content, "letter.pdf")
        assert (answer.status_code, codes(answer)) == (422, {("/file", "document-type-refused")}), content
        assert editor.get(documents_path).get_json()["items"] == [], content


def test_program_or_page_is_rejected_by_extension(editor: Caller, documents_path: str) -> None:
    for name in NAMES:
        answer = editor.upload(documents_path, b"plain text", name)
        assert (answer.status_code, codes(answer)) == (422, {("/file", "document-type-refused")}), name


def test_documents_images_and_archives_are_accepted(editor: Caller, documents_path: str) -> None:
    for name, content in DOCUMENTS.items():
        assert editor.upload(documents_path, content, name).status_code == 201, name
