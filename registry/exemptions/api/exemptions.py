"""The exemptions endpoints: decisions of the Commission, recorded by supervisors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask.views import MethodView

from registry.accounts.roles import Permission
from registry.api.blueprint import ApiBlueprint, current_actor
from registry.api.exports import ListExport, add_exports
from registry.api.operation_docs import LINK, LOCATION
from registry.api.pages import PageSchema, page_response
from registry.api.parameters import ListArguments, list_query, negatable, plain_parameters
from registry.approvals.api import proposed
from registry.approvals.fields import APPROVAL
from registry.cases.commission import propose_exemption
from registry.cases.sync import revoke_exemption
from registry.exemptions.models import Exemption
from registry.exemptions.queries import SORTS, filters_of_exemptions, list_exemptions, read_exemption
from registry.exemptions.schemas import EXAMPLE, EXEMPTION, EXEMPTION_PROPOSAL, PROPOSED, REVOCATION
from registry.journal.read_replica import use_read_replica

blp = ApiBlueprint(
    "exemptions",
    __name__,
    description="Decisions of the Commission, recorded here by two people and never granted here.",
)
FILTERS: Final = negatable(plain_parameters(filters_of_exemptions()))
QUERY: Final = list_query(FILTERS, SORTS)
add_exports(blp, ListExport("exemptions", Permission.EXEMPTIONS_READ, FILTERS, EXEMPTION, list_exemptions))


def etag_data(exemption: Exemption) -> tuple[object, ...]:
    """What the entity tag is made from; the status changes with the date alone."""
    return "exemption", exemption.id, exemption.status


@blp.route("/exemptions")
class Exemptions(MethodView):
    """All exemptions."""

    @blp.requires(Permission.EXEMPTIONS_READ)
    @blp.doc(operationId="list_all_exemptions")
    @blp.arguments(QUERY, location="query")
    @blp.response(200, PageSchema(EXEMPTION), example={"items": [EXAMPLE], "next": None}, headers=LINK)
    def get(self, query: ListArguments) -> Any:
        """List exemptions, by default the newest first. Sort by id or valid_to."""
        use_read_replica()
        return page_response(list_exemptions(current_actor(), *query))

    @blp.requires(Permission.EXEMPTIONS_PROPOSE)
    @blp.doc(operationId="create_exemption")
    @blp.arguments(EXEMPTION_PROPOSAL, example=PROPOSED)
    @blp.idempotent
    @blp.response(202, APPROVAL, description="It waits for a supervisor.", headers=LOCATION)
    def post(self, values: dict[str, Any]) -> Any:
        """Propose to record a decision of the Commission; another person, a supervisor, approves it.

        Flags follow at the next audit after that.
        """
        return proposed(propose_exemption(current_actor(), values))


@blp.route("/exemptions/<row_id:id>")
class ExemptionById(MethodView):
    """One exemption."""

    @blp.requires(Permission.EXEMPTIONS_READ)
    @blp.doc(operationId="read_one_exemption")
    @blp.etag
    @blp.response(200, EXEMPTION, example=EXAMPLE)
    def get(self, id: int) -> Any:
        """Read an exemption."""
        exemption = read_exemption(current_actor(), id)
        blp.set_etag(etag_data(exemption))
        return exemption


@blp.route("/exemptions/<row_id:id>/revocation")
class ExemptionRevocation(MethodView):
    """The end of an exemption."""

    @blp.requires(Permission.EXEMPTIONS_RECORD)
    @blp.doc(operationId="revoke_one_exemption")
    @blp.arguments(REVOCATION, example={"reason": "Decision No. 5-2 of 1 June 2026"})
    @blp.idempotent
    @blp.etag
    @blp.response(200, EXEMPTION, example={**EXAMPLE, "status": "revoked"})
    def post(self, values: Mapping[str, Any], id: int) -> Any:
        """Revoke an exemption: the flags that it covered are open at once, and the case is back under review."""
        exemption = revoke_exemption(current_actor(), id, values.get("reason"))
        blp.set_etag(etag_data(exemption))
        return exemption
