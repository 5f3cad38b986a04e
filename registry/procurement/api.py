"""The endpoints of procurement contracts: the list, single ones, imports, and decisions on matches."""

from collections.abc import Mapping
from typing import Any

from registry.accounts.roles import Permission
from registry.api.blueprint import LOCATION, ApiBlueprint, current_actor
from registry.api.exports import add_exports
from registry.api.parameters import ListArguments
from registry.api.uploads import DryRun, UploadedFile
from registry.approvals.api import proposed, proposed_instead
from registry.approvals.schemas import APPROVAL, EXAMPLE as APPROVAL_EXAMPLE
from registry.core.fields import BaseSchema
from registry.http.requests import SentFile
from registry.journal.read_replica import use_read_replica
from registry.procurement.file_imports import import_contracts
from registry.procurement.match_decisions import decide_match, propose_no_project
from registry.procurement.models import MatchState
from registry.procurement.queries import CONTRACT_LIST, read_contract
from registry.procurement.schemas import CONTRACT, CONTRACT_DETAIL, MATCH_DECISION, NO_PROJECT_PROPOSAL, ContractImport

blp = ApiBlueprint(
    "procurement-contracts",
    __name__,
    description="Contracts of agencies as the state procurement portal has them, compared with the projects.",
)
add_exports(blp, CONTRACT_LIST, CONTRACT, CONTRACT_LIST.read)


class ContractFile(BaseSchema):
    """A download of the portal."""

    file = UploadedFile(
        "CSV, XLSX or NDJSON with the portal's names of fields, up to 20 MiB: customer_bin, contract_number_sys, "
        "sign_date, contract_sum_wnds; others are read where they are known."
    )
    dry_run = DryRun()


@blp.route("/procurement-contracts", methods=["GET"])
@blp.listing(CONTRACT_LIST, CONTRACT, operation="list_procurement_contracts")
def list_procurement_contracts(query: ListArguments) -> Any:
    """List the contracts of the agencies that the caller sees, the last signed first."""
    use_read_replica()
    return CONTRACT_LIST.read(current_actor(), *query)


@blp.route("/procurement-contracts/imports", methods=["POST"])
@blp.requires(Permission.CONTRACTS_IMPORT, operation="import_procurement_contracts")
@blp.arguments(ContractFile(), location="multipart")
@blp.idempotent
@blp.response(200, ContractImport())
def import_procurement_contracts(form: Mapping[str, Any]) -> Any:
    """Import the contracts of a file, all or none: the same file twice changes nothing.

    Contracts of other customers are left out, as is what is not signed. What the file says otherwise of a contract that
    is known is a proposal for each, which another person approves, one of the two a supervisor; new contracts, and
    amendments that lower no sum, need nobody.
    """
    file: SentFile = form["file"]
    return import_contracts(current_actor(), file.name, file.content, dry_run=form["dry_run"])


@blp.route("/procurement-contracts/<row_id:id>", methods=["GET"])
@blp.requires(Permission.CONTRACTS_READ, operation="read_procurement_contract")
@blp.response(200, CONTRACT_DETAIL)
def read_procurement_contract(id: int) -> Any:
    """Read a contract with its projects, and what the portal said of it before."""
    return read_contract(current_actor(), id)


@blp.route("/procurement-contracts/<row_id:id>/match-decisions", methods=["POST"])
@blp.requires(Permission.CONTRACTS_MATCH, operation="decide_procurement_match")
@blp.arguments(MATCH_DECISION)
@blp.idempotent
@blp.response(200, CONTRACT_DETAIL)
@blp.alt_response(
    202, schema=APPROVAL, description="It waits for another person.", example=APPROVAL_EXAMPLE, headers=LOCATION
)
def decide_procurement_match(values: Mapping[str, Any], id: int) -> Any:
    """Confirm or reject that a contract is that of a project of the same agency.

    A rejected pair is not proposed again. To reject a match by number or a confirmed one is a proposal with a `remark`,
    and another person approves it, one of the two a supervisor: what the contract contradicts ends with it.
    """
    actor = current_actor()
    state = MatchState(values["match_state"])
    approval = decide_match(actor, id, values["project"], state, values.get("remark"))
    return read_contract(actor, id) if approval is None else proposed_instead(approval)


@blp.route("/procurement-contracts/<row_id:id>/no-project", methods=["POST"])
@blp.requires(Permission.PROJECTS_WRITE, operation="propose_contract_without_project")
@blp.arguments(NO_PROJECT_PROPOSAL)
@blp.idempotent
@blp.response(202, APPROVAL, example=APPROVAL_EXAMPLE | {"kind": "contract_no_project"}, headers=LOCATION)
def propose_contract_without_project(values: Mapping[str, Any], id: int) -> Any:
    """Say that a contract without a project belongs to none: it is not about IT, or what it buys is no project.

    Oversight confirms or rejects it. Once confirmed the contract is `no_project`, and leaves coverage and the work of
    the agency until the portal has other terms.
    """
    return proposed(propose_no_project(current_actor(), id, values["why"], values["reason"]))
