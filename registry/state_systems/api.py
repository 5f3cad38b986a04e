"""The endpoints of confirmations from other state systems: the list, single ones, imports, decisions on matches."""

from collections.abc import Mapping
from typing import Any

from registry.accounts.roles import Permission
from registry.api.blueprint import ApiBlueprint, current_actor
from registry.api.exports import add_exports
from registry.api.parameters import ListArguments
from registry.api.uploads import UploadedFile
from registry.core.fields import BaseSchema
from registry.http.requests import SentFile
from registry.journal.read_replica import use_read_replica
from registry.procurement.models import MatchState
from registry.procurement.schemas import MATCH_DECISION
from registry.state_systems.queries import EXTERNAL_LIST, read_external_confirmation
from registry.state_systems.schemas import EXTERNAL_CONFIRMATION, ExternalImport
from registry.state_systems.service import decide_external_match, import_confirmations

blp = ApiBlueprint(
    "external-confirmations",
    __name__,
    description="What other state systems confirm of objects by signed files, beside what the records say.",
)
add_exports(blp, EXTERNAL_LIST, EXTERNAL_CONFIRMATION, EXTERNAL_LIST.read)


class ConfirmationFile(BaseSchema):
    """A signed file."""

    file = UploadedFile("A file of a state system that is signed as JWS, up to 20 MiB: state-systems.md.")


@blp.route("/external-confirmations", methods=["GET"])
@blp.listing(EXTERNAL_LIST, EXTERNAL_CONFIRMATION, operation="list_external_confirmations")
def list_external_confirmations(query: ListArguments) -> Any:
    """List what other state systems confirm, the newest first."""
    use_read_replica()
    return EXTERNAL_LIST.read(current_actor(), *query)


@blp.route("/external-confirmations/imports", methods=["POST"])
@blp.requires(Permission.PLACEMENTS_CONFIRM, operation="import_external_confirmations")
@blp.arguments(ConfirmationFile(), location="multipart")
@blp.idempotent
@blp.response(200, ExternalImport())
def import_external_confirmations(form: Mapping[str, Any]) -> Any:
    """Import a signed file, all of it or nothing. An older file changes nothing that a newer one stated.

    Facts that the policy trusts the system with are confirmed at once where the system names the project and the
    record has the same value; others wait for people.
    """
    file: SentFile = form["file"]
    return import_confirmations(current_actor(), file.name, file.content)


@blp.route("/external-confirmations/<row_id:id>", methods=["GET"])
@blp.requires(Permission.PROJECTS_READ, operation="read_external_confirmation")
@blp.response(200, EXTERNAL_CONFIRMATION)
def read_one(id: int) -> Any:
    """Read a confirmation beside the record."""
    return read_external_confirmation(current_actor(), id)


@blp.route("/external-confirmations/<row_id:id>/match-decisions", methods=["POST"])
@blp.requires(Permission.PLACEMENTS_CONFIRM, operation="decide_external_match")
@blp.arguments(MATCH_DECISION)
@blp.idempotent
@blp.response(200, EXTERNAL_CONFIRMATION)
def decide_match(values: Mapping[str, Any], id: int) -> Any:
    """Confirm or reject that a confirmation is about a project of its agency; no fact is confirmed by it.

    A rejected project is not proposed again.
    """
    actor = current_actor()
    decide_external_match(actor, id, values["project"], MatchState(values["match_state"]), values.get("remark"))
    return read_external_confirmation(actor, id)
