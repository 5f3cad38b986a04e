"""Blocked document types: programs, scripts and pages, by content and by extension."""

from __future__ import annotations

import io
import zipfile

import pytest

from registry.agencies.models import Agency
from tests.api.callers import Caller, codes
from tests.factories import a_project


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
def path(agency: Agency) -> str:
    return f"/projects/{a_project(agency).number}/documents"


@pytest.mark.parametrize("content", [*PROGRAMS.values(), *PAGES.values()], ids=[*PROGRAMS, *PAGES])
def test_program_or_page_is_rejected_by_content(editor: Caller, path: str, content: bytes) -> None:
    answer = editor.upload(path, content, "letter.pdf")
    assert (answer.status_code, codes(answer)) == (422, {("/file", "document-type-refused")})
    assert editor.get(path).get_json()["items"] == []


def test_program_or_page_is_rejected_by_extension(editor: Caller, path: str) -> None:
    for name in NAMES:
        answer = editor.upload(path, b"plain text", name)
        assert (answer.status_code, codes(answer)) == (422, {("/file", "document-type-refused")}), name


def test_documents_images_and_archives_are_accepted(editor: Caller, path: str) -> None:
    for name, content in DOCUMENTS.items():
        assert editor.upload(path, content, name).status_code == 201, name
