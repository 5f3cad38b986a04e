"""Downloads of evidence packs, from the page of a case, a project or an audit."""

from functools import partial

from flask import Response

from registry.accounts.roles import Actor, Permission
from registry.evidence.service import Evidence, evidence_of_audit, evidence_of_case, evidence_of_project, write_pack
from registry.http.responses import ZIP, file_download
from registry.web.blueprint import Answer, pages


def pack_response(actor: Actor, evidence: Evidence) -> Response:
    """Return the pack as a download, for the pages and the API."""
    return file_download(evidence.name, "zip", ZIP, partial(write_pack, actor, evidence))


@pages.page("/cases/<row_id:case_id>/evidence.zip", needs=Permission.JOURNAL_READ)
def evidence_pack_of_case(actor: Actor, case_id: int) -> Answer:
    """Download the evidence pack of a case."""
    return pack_response(actor, evidence_of_case(actor, case_id))


@pages.page("/projects/<number>/evidence.zip", needs=Permission.JOURNAL_READ)
def evidence_pack_of_project(actor: Actor, number: str) -> Answer:
    """Download the evidence pack of a project."""
    return pack_response(actor, evidence_of_project(actor, number))


@pages.page("/audits/<row_id:audit_id>/evidence.zip", needs=Permission.JOURNAL_READ)
def evidence_pack_of_audit(actor: Actor, audit_id: int) -> Answer:
    """Download the evidence pack of an audit."""
    return pack_response(actor, evidence_of_audit(actor, audit_id))
