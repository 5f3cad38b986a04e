"""The exemptions endpoints: decisions of the Commission, recorded by supervisors, and their documents."""

from collections.abc import Mapping
from typing import Any, Final

from flask import Response
from flask.views import MethodView

from registry.accounts.roles import Permission
from registry.api.blueprint import API_PREFIX, LOCATION, ApiBlueprint, current_actor
from registry.api.exports import add_exports
from registry.api.parameters import ListArguments
from registry.api.uploads import UploadedFile
from registry.approvals.api import proposed
from registry.approvals.schemas import APPROVAL
from registry.cases.commission import propose_exemption
from registry.cases.sync import revoke_exemption
from registry.exemptions.models import Exemption
from registry.exemptions.queries import EXEMPTION_LIST, read_exemption
from registry.exemptions.schemas import EXEMPTION, ExemptionProposal, Revocation
from registry.exemptions.service import add_exemption_document, exemption_documents_page, read_exemption_document
from registry.http.requests import SentFile
from registry.http.responses import document_download
from registry.journal.read_replica import use_read_replica
from registry.projects.api import FILE_TEXT, Letter
from registry.projects.documents import LetterFields

blp = ApiBlueprint(
    "exemptions",
    __name__,
    description="Decisions of the Commission, recorded here by two people and never granted here.",
    integrator=("list_all_exemptions", "read_one_exemption"),
)
add_exports(blp, EXEMPTION_LIST, EXEMPTION, EXEMPTION_LIST.read)


def etag_data(exemption: Exemption) -> tuple[object, ...]:
    """Return what the entity tag is made from; the status changes with the date alone."""
    return "exemption", exemption.id, exemption.status


@blp.route("/exemptions")
class Exemptions(MethodView):
    """All exemptions."""

    @blp.listing(EXEMPTION_LIST, EXEMPTION, operation="list_all_exemptions")
    def get(self, query: ListArguments) -> Any:
        """List exemptions, by default the newest first. Sort by id or valid_to."""
        use_read_replica()
        return EXEMPTION_LIST.read(current_actor(), *query)

    @blp.requires(Permission.EXEMPTIONS_PROPOSE, operation="create_exemption")
    @blp.arguments(ExemptionProposal)
    @blp.response(202, APPROVAL, description="It waits for a supervisor.", headers=LOCATION)
    def post(self, values: dict[str, Any]) -> Any:
        """Propose to record a decision of the Commission; another person, a supervisor, approves it.

        Flags follow at the next audit after that.
        """
        return proposed(propose_exemption(current_actor(), values))


@blp.route("/exemptions/<row_id:id>", methods=["GET"])
@blp.requires(Permission.EXEMPTIONS_READ, operation="read_one_exemption")
@blp.etag
@blp.response(200, EXEMPTION)
def read_one_exemption(id: int) -> Any:
    """Read an exemption."""
    exemption = read_exemption(current_actor(), id)
    return blp.tagged(exemption, etag_data(exemption))


@blp.route("/exemptions/<row_id:id>/revocation", methods=["POST"])
@blp.requires(Permission.EXEMPTIONS_RECORD, operation="revoke_one_exemption")
@blp.arguments(Revocation)
@blp.etag
@blp.response(200, EXEMPTION)
def revoke_one_exemption(values: Mapping[str, Any], id: int) -> Any:
    """Revoke an exemption: the flags that it covered are open at once, and the case is back under review."""
    exemption = revoke_exemption(current_actor(), id, values.get("reason"))
    return blp.tagged(exemption, etag_data(exemption))


# The documents of exemptions: the Commission's decisions themselves, and the letters about them.

documents_blp = ApiBlueprint("exemption-documents", __name__, description="Documents of exemptions.")
LETTER: Final = Letter()


class ExemptionDocumentForm(LetterFields):
    """A document to add."""

    file = UploadedFile(FILE_TEXT)


@documents_blp.route("/exemptions/<row_id:exemption_id>/documents")
class ExemptionDocuments(MethodView):
    """The documents of an exemption."""

    @documents_blp.listing(Permission.EXEMPTIONS_READ, LETTER, operation="list_exemption_documents")
    def get(self, query: ListArguments, exemption_id: int) -> Any:
        """List the documents of an exemption, the oldest first."""
        return exemption_documents_page(read_exemption(current_actor(), exemption_id), query.page)

    @documents_blp.requires(
        Permission.EXEMPTIONS_RECORD, Permission.DOCUMENTS_WRITE, operation="create_exemption_document"
    )
    @documents_blp.arguments(ExemptionDocumentForm(), location="multipart")
    @documents_blp.response(201, LETTER, description="Kept.", headers=LOCATION)
    def post(self, form: Mapping[str, Any], exemption_id: int) -> Any:
        """Add a document to an exemption."""
        file: SentFile = form["file"]
        values = {name: value for name, value in form.items() if name != "file"}
        actor = current_actor()
        row = add_exemption_document(actor, exemption_id, file.name, file.content_type, file.content, values)
        return row, {"Location": f"{API_PREFIX}/exemptions/{exemption_id}/documents/{row['id']}"}


@documents_blp.route("/exemptions/<row_id:exemption_id>/documents/<row_id:id>", methods=["GET"])
@documents_blp.requires(Permission.EXEMPTIONS_READ, operation="download_exemption_document")
@documents_blp.etag
@documents_blp.response(200, {}, content_type="application/octet-stream", description="The bytes as they were given.")
def download_exemption_document(exemption_id: int, id: int) -> Response:
    """Download a document of an exemption, checked against its SHA-256."""
    document, content = read_exemption_document(read_exemption(current_actor(), exemption_id), id)
    return documents_blp.tagged(document_download(document.name, content), document.sha256)
