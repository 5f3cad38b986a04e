"""The documents endpoints: files that belong to a project."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import Response
from flask.views import MethodView

from registry.accounts.roles import Permission
from registry.api.blueprint import API_PREFIX, LINK, LOCATION, ApiBlueprint, current_actor
from registry.api.parameters import ListArguments, PageSchema, list_query, page_response
from registry.api.uploads import UploadedFile
from registry.core.fields import BaseSchema, ReadOnly, Timestamp
from registry.http.downloads import document_download
from registry.http.request_bodies import SentFile
from registry.projects.documents import DocumentFields, add_document, documents_page, read_document
from registry.projects.service import find_project, read_project
from registry.projects.vocabulary import DocumentKind

blp = ApiBlueprint("documents", __name__, description="Files that belong to a project.")


KIND: Final[dict[str, Any]] = {"type": "string", "enum": list(DocumentKind.codes())}


class Document(BaseSchema):
    """What is kept of a document beside its bytes."""

    id = ReadOnly("Its id.", {"type": "integer"})
    kind = ReadOnly("What it is.", KIND)
    description = ReadOnly("What it is about.", {"type": ["string", "null"]})
    name = ReadOnly("The file's name.", {"type": "string"})
    content_type = ReadOnly("What the sender said that it is.", {"type": "string"})
    size = ReadOnly("Bytes.", {"type": "integer"})
    sha256 = ReadOnly("SHA-256 of the bytes, in hex.", {"type": "string"})
    added_at = Timestamp("When it was added.")
    added_by = ReadOnly("By whom.", {"type": "string"})


class Letter(Document):
    """What is kept of a document of a case or an exemption."""

    outgoing_number = ReadOnly("Number under which its sender registered it.", {"type": ["string", "null"]})
    incoming_number = ReadOnly("Number under which its receiver registered it.", {"type": ["string", "null"]})


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
FILE_TEXT: Final = (
    "Up to 20 MiB, and all of a project's within the policy's `document_quota_mib`. "
    "Programs, scripts and HTML pages are refused."
)


class DocumentForm(DocumentFields):
    """A document to add."""

    file = UploadedFile(FILE_TEXT)


@blp.route("/projects/<number>/documents")
class Documents(MethodView):
    """The documents of a project."""

    @blp.requires(Permission.PROJECTS_READ)
    @blp.doc(operationId="list_documents")
    @blp.arguments(list_query(), location="query")
    @blp.response(200, PageSchema(DOCUMENT), example={"items": [EXAMPLE], "next": None}, headers=LINK)
    def get(self, query: ListArguments, number: str) -> Any:
        """List the documents of a project, the oldest first."""
        return page_response(documents_page(read_project(current_actor(), number, "documents"), query.page))

    @blp.requires(Permission.DOCUMENTS_WRITE)
    @blp.doc(operationId="create_document")
    @blp.arguments(DocumentForm(), location="multipart")
    @blp.idempotent
    @blp.response(201, DOCUMENT, description="Kept.", example=EXAMPLE, headers=LOCATION)
    def post(self, form: Mapping[str, Any], number: str) -> Any:
        """Add a document to a project."""
        project = find_project(current_actor(), number)
        file: SentFile = form["file"]
        document = add_document(
            current_actor(),
            project,
            file.name,
            file.content_type,
            file.content,
            form.get("kind"),
            form.get("description"),
        )
        return document, {"Location": f"{API_PREFIX}/projects/{project.number}/documents/{document.id}"}


@blp.route("/projects/<number>/documents/<row_id:id>")
class DocumentById(MethodView):
    """One document."""

    @blp.requires(Permission.PROJECTS_READ)
    @blp.doc(operationId="download_document")
    @blp.etag
    @blp.response(200, {}, content_type="application/octet-stream", description="The bytes as they were given.")
    def get(self, number: str, id: int) -> Response:
        """Download a document, checked against its SHA-256."""
        document, content = read_document(read_project(current_actor(), number, "document"), id)
        blp.set_etag(document.sha256)
        return document_download(document.name, content)
