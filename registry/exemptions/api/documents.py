"""The documents of exemptions: the Commission's decisions themselves, and the letters about them."""

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
from registry.api.uploads import UploadedFile
from registry.exemptions.documents import add_exemption_document, exemption_documents_page, read_exemption_document
from registry.exemptions.queries import read_exemption
from registry.http.downloads import document_download
from registry.http.request_bodies import SentFile
from registry.projects.api.documents import EXAMPLE, FILE_TEXT, Letter
from registry.projects.documents import LetterFields

blp = ApiBlueprint("exemption-documents", __name__, description="Documents of exemptions.")
LETTER: Final = Letter()
SHOWN: Final = {**EXAMPLE, "kind": "act", "outgoing_number": "5-1", "incoming_number": None}


class ExemptionDocumentForm(LetterFields):
    """A document to add."""

    file = UploadedFile(FILE_TEXT)


@blp.route("/exemptions/<row_id:exemption_id>/documents")
class ExemptionDocuments(MethodView):
    """The documents of an exemption."""

    @blp.requires(Permission.EXEMPTIONS_READ)
    @blp.doc(operationId="list_exemption_documents")
    @blp.arguments(list_query(), location="query")
    @blp.response(200, PageSchema(LETTER), example={"items": [SHOWN], "next": None}, headers=LINK)
    def get(self, query: ListArguments, exemption_id: int) -> Any:
        """List the documents of an exemption, the oldest first."""
        return page_response(exemption_documents_page(read_exemption(current_actor(), exemption_id), query.page))

    @blp.requires(Permission.EXEMPTIONS_RECORD, Permission.DOCUMENTS_WRITE)
    @blp.doc(operationId="create_exemption_document")
    @blp.arguments(ExemptionDocumentForm(), location="multipart")
    @blp.idempotent
    @blp.response(201, LETTER, description="Kept.", example=SHOWN, headers=LOCATION)
    def post(self, form: Mapping[str, Any], exemption_id: int) -> Any:
        """Add a document to an exemption."""
        file: SentFile = form["file"]
        values = {name: value for name, value in form.items() if name != "file"}
        actor = current_actor()
        row = add_exemption_document(actor, exemption_id, file.name, file.content_type, file.content, values)
        return row, {"Location": f"{API_PREFIX}/exemptions/{exemption_id}/documents/{row['id']}"}


@blp.route("/exemptions/<row_id:exemption_id>/documents/<row_id:id>")
class ExemptionDocumentById(MethodView):
    """One document of an exemption."""

    @blp.requires(Permission.EXEMPTIONS_READ)
    @blp.doc(operationId="download_exemption_document")
    @blp.etag
    @blp.response(200, {}, content_type="application/octet-stream", description="The bytes as they were given.")
    def get(self, exemption_id: int, id: int) -> Response:
        """Download a document of an exemption, checked against its SHA-256."""
        document, content = read_exemption_document(read_exemption(current_actor(), exemption_id), id)
        blp.set_etag(document.sha256)
        return document_download(document.name, content)
