"""Documents of a project."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from flask import Response
from werkzeug.http import quote_etag

from registry.accounts.roles import Permission
from registry.api.blueprint import BASE, Routes
from registry.api.declared import Answer, Answers, Call, FormBody
from registry.api.uploads import form_values
from registry.core.pagination import Listing
from registry.core.schema_fields import Body, Moment, Shown
from registry.http.etag import not_modified
from registry.projects.api.responses import found, read_as
from registry.projects.documents import DOCUMENT_FIELDS, DOCUMENT_KINDS, add_document, documents_page, read_document

routes = Routes("documents", "Files that belong to a project.")


KIND: Final[dict[str, Any]] = {"type": "string", "enum": list(DOCUMENT_KINDS)}


class Document(Body):
    """What is kept of a document beside its bytes."""

    id = Shown("Its id.", {"type": "integer"})
    kind = Shown("What it is.", KIND)
    description = Shown("What it is about.", {"type": ["string", "null"]})
    name = Shown("The file's name.", {"type": "string"})
    content_type = Shown("What the sender said that it is.", {"type": "string"})
    size = Shown("Bytes.", {"type": "integer"})
    sha256 = Shown("SHA-256 of the bytes, in hex.", {"type": "string"})
    added_at = Moment("When it was added.")
    added_by = Shown("By whom.", {"type": "string"})


DOCUMENT: Final = Document()
EXAMPLE: Final[dict[str, Any]] = {
    "id": 1,
    "kind": "contract",
    "description": "Contract with its annexes",
    "name": "contract.pdf",
    "content_type": "application/pdf",
    "size": 184_320,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "added_at": "2026-03-02T06:00:00.000000Z",
    "added_by": "a.serikova",
}
FORM: Final[dict[str, Any]] = {
    "file": {
        "type": "string",
        "format": "binary",
        "description": "Up to 20 MiB, and all of a project's within the policy's `document_quota_mib`. "
        "Programs, scripts and HTML pages are refused.",
    },
    "kind": {**KIND, "default": "other", "description": "What it is."},
    "description": {"type": "string", "maxLength": 500, "description": "What it is about."},
}


@routes.declare(
    "GET",
    "/projects/<number>/documents",
    needs=Permission.PROJECTS_READ,
    subject=read_as("documents"),
    paged=True,
    answers=Answers(DOCUMENT, {"items": [EXAMPLE], "next": None}, lists=True),
)
def list_documents(call: Call) -> Listing:
    """List the documents of a project, the oldest first."""
    return documents_page(call.subject, call.page)


@routes.declare(
    "POST",
    "/projects/<number>/documents",
    needs=Permission.DOCUMENTS_WRITE,
    subject=found,
    body=FormBody(FORM),
    answers=Answers(DOCUMENT, EXAMPLE, 201, "Kept.", headers=("Location",)),
)
def create_document(call: Call) -> Answer:
    """Add a document to a project."""
    sent = call.files["file"]
    number = call.subject.number
    fields = form_values(call, **DOCUMENT_FIELDS)
    document = add_document(call.by, call.subject, sent.name, sent.content_type, sent.content, **fields)
    return Answer(document, f"{BASE}/projects/{number}/documents/{document.id}")


@routes.declare(
    "GET",
    "/projects/<number>/documents/<row_id:id>",
    needs=Permission.PROJECTS_READ,
    subject=read_as("document"),
    answers=Answers(
        None,
        description="The bytes as they were given.",
        content_types=("application/octet-stream",),
        headers=("ETag",),
    ),
)
def download_document(call: Call) -> Response:
    """Download a document, checked against its SHA-256."""
    document, content = read_document(call.subject, call.path["id"])
    response = not_modified(document.sha256)
    if response is None:
        # Never the sender's own type: a browser must not open what somebody uploaded as a page of this service.
        response = Response(content, content_type="application/octet-stream")
        response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(document.name, safe='')}"
        response.headers["ETag"] = quote_etag(document.sha256)
    response.vary.add("Authorization")
    return response
