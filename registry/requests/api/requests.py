"""The endpoints of requests: what each kind asks for, and the decisions that all of them have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask.views import MethodView

from registry.api.blueprint import API_PREFIX, ApiBlueprint, current_actor
from registry.api.operation_docs import LOCATION
from registry.requests import service
from registry.requests.api.decisions import add_endpoints, etag_data, shown
from registry.requests.handlers import HANDLERS
from registry.requests.models import Request
from registry.requests.vocabulary import RequestKind

blp = ApiBlueprint("requests", __name__, description="What one person asks for, and another one decides.")
SUCCESSION: Final = HANDLERS[RequestKind.SUCCESSION]
TRANSFER: Final = HANDLERS[RequestKind.TRANSFER]
SUCCESSION_EXAMPLE: Final = {
    "successor": "050340004478",
    "kind": "merger",
    "on": "2027-01-01",
    "act": "Decree No. 17 of 1 December 2026",
    "reason": "The ministries merge.",
}
TRANSFER_EXAMPLE: Final = {
    "to": "050340004478",
    "on": "2027-01-01",
    "act": "Order No. 5 of 1 December 2026",
    "reason": "The other ministry runs it.",
}


def answer(request: Request) -> tuple[Mapping[str, Any], dict[str, str]]:
    """The response to a new request."""
    blp.set_etag(etag_data(request))
    collection = HANDLERS[RequestKind(request.kind)].collection
    return shown(request), {"Location": f"{API_PREFIX}/{collection}/{request.id}"}


@blp.route("/agencies/<bin>/succession")
class AgencySuccession(MethodView):
    """The succession of an agency."""

    @blp.requires(SUCCESSION.asks)
    @blp.doc(operationId="ask_succession")
    @blp.arguments(SUCCESSION.body, example=SUCCESSION_EXAMPLE)
    @blp.idempotent
    @blp.etag
    @blp.response(201, SUCCESSION.shown, description="It waits for a second person.", headers=LOCATION)
    def post(self, values: Mapping[str, Any], bin: str) -> Any:
        """Propose that another agency succeeds this one; a second person confirms it."""
        return answer(service.ask(current_actor(), RequestKind.SUCCESSION, bin, dict(values)))


@blp.route("/projects/<number>/transfer")
class ProjectTransfer(MethodView):
    """The transfer of a project."""

    @blp.requires(TRANSFER.asks)
    @blp.doc(operationId="ask_transfer")
    @blp.arguments(TRANSFER.body, example=TRANSFER_EXAMPLE)
    @blp.idempotent
    @blp.etag
    @blp.response(201, TRANSFER.shown, description="It waits for a second person.", headers=LOCATION)
    def post(self, values: Mapping[str, Any], number: str) -> Any:
        """Propose that another agency gets this project; a second person confirms it."""
        return answer(service.ask(current_actor(), RequestKind.TRANSFER, number, dict(values)))


add_endpoints(blp, SUCCESSION, "succession")
add_endpoints(blp, TRANSFER, "transfer")
