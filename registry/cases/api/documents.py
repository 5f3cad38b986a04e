"""The documents of cases: letters and evidence on questions, answers, proposals and appeals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import Response
from flask.views import MethodView

from registry.accounts.roles import Permission
from registry.api.blueprint import API_PREFIX, ApiBlueprint, current_actor
from registry.api.operation_docs import LINK, LOCATION
from registry.api.pages import PageSchema, page_response
from registry.api.parameters import ListArguments, list_query
from registry.api.uploads import FormFlag, FormNumber, UploadedFile
from registry.cases.documents import add_case_document, case_document, case_documents_page, read_case_document
from registry.cases.queries import find_case, read_case
from registry.core.response_fields import ReadOnly
from registry.http.downloads import document_download
from registry.http.request_bodies import SentFile
from registry.projects.api.documents import EXAMPLE, FILE_TEXT, Letter
from registry.projects.documents import LetterFields

blp = ApiBlueprint("case-documents", __name__, description="Documents of cases, each of an entry of the timeline.")


class CaseDocument(Letter):
    """A document of a case."""

    event = ReadOnly("The entry of the timeline to which it belongs.", {"type": "integer"})


DOCUMENT: Final = CaseDocument()
SHOWN: Final = {**EXAMPLE, "kind": "letter", "outgoing_number": "17-3/45", "incoming_number": None, "event": 12}


class CaseDocumentForm(LetterFields):
    """A document to add."""

    file = UploadedFile(FILE_TEXT)
    event = FormNumber("Id of an entry of the timeline of the caller's own side; an entry of its own without it.")
    for_agency = FormFlag("Whether the agency sees the entry that the document makes; its own it always sees.")


@blp.route("/cases/<row_id:case_id>/documents")
class CaseDocuments(MethodView):
    """The documents of a case."""

    @blp.requires(Permission.CASES_READ)
    @blp.doc(operationId="list_case_documents")
    @blp.arguments(list_query(), location="query")
    @blp.response(200, PageSchema(DOCUMENT), example={"items": [SHOWN], "next": None}, headers=LINK)
    def get(self, query: ListArguments, case_id: int) -> Any:
        """List the documents of a case on entries that the caller may see, the oldest first."""
        actor = current_actor()
        return page_response(case_documents_page(actor, read_case(actor, case_id, "documents"), query.page))

    @blp.requires(Permission.CASES_COMMENT, Permission.DOCUMENTS_WRITE)
    @blp.doc(operationId="create_case_document")
    @blp.arguments(CaseDocumentForm(), location="multipart")
    @blp.idempotent
    @blp.response(201, DOCUMENT, description="Kept.", example=SHOWN, headers=LOCATION)
    def post(self, form: Mapping[str, Any], case_id: int) -> Any:
        """Add a document to an entry of the timeline of one's own side, or as an entry of its own."""
        file: SentFile = form["file"]
        others = ("file", "event", "for_agency")
        values = {name: value for name, value in form.items() if name not in others}
        document = add_case_document(
            current_actor(),
            case_id,
            file.name,
            file.content_type,
            file.content,
            values,
            event_id=form.get("event"),
            for_agency=form["for_agency"],
        )
        row = case_document(current_actor(), find_case(current_actor(), case_id), document.id)
        return row, {"Location": f"{API_PREFIX}/cases/{case_id}/documents/{document.id}"}


@blp.route("/cases/<row_id:case_id>/documents/<row_id:id>")
class CaseDocumentById(MethodView):
    """One document of a case."""

    @blp.requires(Permission.CASES_READ)
    @blp.doc(operationId="download_case_document")
    @blp.etag
    @blp.response(200, {}, content_type="application/octet-stream", description="The bytes as they were given.")
    def get(self, case_id: int, id: int) -> Response:
        """Download a document of a case, checked against its SHA-256."""
        actor = current_actor()
        document, content = read_case_document(actor, read_case(actor, case_id, "document"), id)
        blp.set_etag(document.sha256)
        return document_download(document.name, content)
