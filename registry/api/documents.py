"""Documents of a project."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from flask import Response
from werkzeug.http import quote_etag

from registry.access.roles import Permission
from registry.api.declared import Answer, Answers, Call, FormBody
from registry.api.fields import Body, Moment, Shown
from registry.api.project_answers import found, read_as
from registry.api.routes import BASE, Routes
from registry.http.etags import not_modified
from registry.records.documents import add_document, documents_page, read_document
from registry.store.paging import Listing

routes = Routes("documents", "Files that belong to a project.")


class Document(Body):
    """What is kept of a document beside its bytes."""

    id = Shown("Its id.", {"type": "integer"})
    name = Shown("The file's name.", {"type": "string"})
    content_type = Shown("What the sender said that it is.", {"type": "string"})
    size = Shown("Bytes.", {"type": "integer"})
    sha256 = Shown("SHA-256 of the bytes, in hex.", {"type": "string"})
    added_at = Moment("When it was added.")
    added_by = Shown("By whom.", {"type": "string"})


DOCUMENT: Final = Document()
EXAMPLE: Final[dict[str, Any]] = {
    "id": 1,
    "name": "contract.pdf",
    "content_type": "application/pdf",
    "size": 184_320,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "added_at": "2026-03-02T06:00:00.000000Z",
    "added_by": "a.serikova",
}
FILE: Final = {"file": {"type": "string", "format": "binary", "description": "Up to 20 MiB."}}


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
    body=FormBody(FILE),
    answers=Answers(DOCUMENT, EXAMPLE, 201, "Kept.", headers=("Location",)),
)
def create_document(call: Call) -> Answer:
    """Add a document to a project."""
    sent = call.files["file"]
    number = call.subject.number
    document = add_document(call.by, call.subject, sent.name, sent.content_type, sent.content)
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
