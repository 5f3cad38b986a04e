"""The endpoints that make evidence packs."""

from typing import Final

from flask import Response

from registry.accounts.roles import Permission
from registry.api.blueprint import CONTENT_DISPOSITION, ApiBlueprint, current_actor
from registry.evidence.pages import pack_response
from registry.evidence.service import evidence_of_audit, evidence_of_case, evidence_of_project
from registry.http.responses import ZIP

blp = ApiBlueprint("evidence", __name__, description="Evidence packs: ZIP files that prove themselves offline.")
OF_PACK: Final = "A ZIP: docs/reference/journal.md."


@blp.route("/cases/<row_id:case_id>/evidence.zip", methods=["GET"])
@blp.requires(Permission.JOURNAL_READ, operation="download_evidence_of_case")
@blp.response(200, {}, content_type=ZIP, description=OF_PACK, headers=CONTENT_DISPOSITION)
def download_evidence_of_case(case_id: int) -> Response:
    """Download the evidence pack of a case: its record, project, flags, decisions, letters, documents and acts."""
    actor = current_actor()
    return pack_response(actor, evidence_of_case(actor, case_id))


@blp.route("/projects/<number>/evidence.zip", methods=["GET"])
@blp.requires(Permission.JOURNAL_READ, operation="download_evidence_of_project")
@blp.response(200, {}, content_type=ZIP, description=OF_PACK, headers=CONTENT_DISPOSITION)
def download_evidence_of_project(number: str) -> Response:
    """Download the evidence pack of a project, with all its cases."""
    actor = current_actor()
    return pack_response(actor, evidence_of_project(actor, number))


@blp.route("/audits/<row_id:id>/evidence.zip", methods=["GET"])
@blp.requires(Permission.JOURNAL_READ, operation="download_evidence_of_audit")
@blp.response(200, {}, content_type=ZIP, description=OF_PACK, headers=CONTENT_DISPOSITION)
def download_evidence_of_audit(id: int) -> Response:
    """Download the evidence pack of an audit: its record, the changes that it made, its policy and its acts."""
    actor = current_actor()
    return pack_response(actor, evidence_of_audit(actor, id))
