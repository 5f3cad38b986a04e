"""What every kind of request has in the API: its list, single requests and decisions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from registry.accounts.roles import Permission
from registry.api.blueprint import ApiBlueprint, current_actor
from registry.api.operation_docs import LINK
from registry.api.pages import PageSchema, page_response
from registry.api.parameters import ListArguments, list_query, plain_parameters
from registry.requests import service
from registry.requests.confirmation import approval_of
from registry.requests.kinds import RequestHandler
from registry.requests.models import Request
from registry.requests.queries import (
    OF_AGENCIES,
    SORTS,
    filters_of_requests,
    list_requests,
    read_request,
    show_request,
)
from registry.requests.schemas import REFUSED, REMARK

QUERY: Final = list_query(plain_parameters({**filters_of_requests(), **OF_AGENCIES}), SORTS)
Decide = Callable[[int, Mapping[str, Any]], Request]


def etag_data(request: Request) -> tuple[object, ...]:
    """What the entity tag is made from."""
    changing = [request.details.get(name) for name in ("restored_at", "failed_at")]
    decided = request.state, request.first_decided_by, request.carried_out_at
    return "request", request.id, *decided, approval_of(request), *changing


def shown(request: Request) -> Mapping[str, Any]:
    """The request as the caller sees it."""
    return show_request(current_actor(), request)


def add_endpoints(blp: ApiBlueprint, handler: RequestHandler, singular: str) -> None:
    """Add the endpoints of a kind of request; ``singular`` is its name in operation ids."""
    collection, kind = handler.collection, handler.kind
    plural = collection.replace("-", "_")

    @blp.route(f"/{collection}", methods=["GET"], endpoint=f"list_{plural}")
    @blp.requires(Permission.REQUESTS_READ)
    @blp.doc(operationId=f"list_all_{plural}")
    @blp.arguments(QUERY, location="query")
    @blp.response(200, PageSchema(handler.shown), headers=LINK)
    def list_all(query: ListArguments) -> Any:
        """List the requests that one may see, by default the newest first. Sort by id."""
        return page_response(list_requests(current_actor(), *query, (kind,)))

    @blp.route(f"/{collection}/<row_id:id>", methods=["GET"], endpoint=f"read_{singular}")
    @blp.requires(Permission.REQUESTS_READ)
    @blp.doc(operationId=f"read_{singular}")
    @blp.etag
    @blp.response(200, handler.shown)
    def read(id: int) -> Any:
        """Read a request."""
        request = read_request(current_actor(), id, kind)
        blp.set_etag(etag_data(request))
        return shown(request)

    def add_decision(verb: str, noun: str, permission: Permission, summary: str, decide: Decide) -> None:
        must = verb == "refuse"

        @blp.route(f"/{collection}/<row_id:id>/{noun}", methods=["POST"], endpoint=f"{verb}_{singular}")
        @blp.requires(permission)
        @blp.doc(operationId=f"{verb}_{singular}", summary=summary)
        @blp.arguments(
            REFUSED if must else REMARK, required=must, example={"reason": "The act is not signed."} if must else {}
        )
        @blp.idempotent
        @blp.etag
        @blp.response(200, handler.shown)
        def act(values: Mapping[str, Any], id: int) -> Any:
            """Decide a request."""
            request = decide(id, values)
            blp.set_etag(etag_data(request))
            return shown(request)

    def confirm(request_id: int, values: Mapping[str, Any]) -> Request:
        return service.confirm(current_actor(), kind, request_id, values.get("reason"))

    def refuse(request_id: int, values: Mapping[str, Any]) -> Request:
        return service.refuse(current_actor(), kind, request_id, values["reason"])

    def cancel(request_id: int, values: Mapping[str, Any]) -> Request:
        return service.cancel(current_actor(), kind, request_id, values.get("reason"))

    add_decision("confirm", "confirmation", handler.decides, "Confirm it as another person than who asked", confirm)
    add_decision("refuse", "refusal", handler.decides, "Refuse it", refuse)
    add_decision("cancel", "cancellation", handler.asks, "Cancel it before it takes effect", cancel)
