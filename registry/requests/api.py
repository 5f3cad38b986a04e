"""The endpoints of requests: what each kind asks for, lists, single requests and decisions."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from registry.accounts.roles import Permission
from registry.api.blueprint import API_PREFIX, LOCATION, ApiBlueprint, current_actor
from registry.api.parameters import ListArguments
from registry.approvals.api import proposed
from registry.approvals.schemas import APPROVAL, REJECTION, REMARK
from registry.requests import service
from registry.requests.approval_kinds import AGENCY_CHANGE, propose_agency_change
from registry.requests.confirmation import approval_of
from registry.requests.kinds import RequestHandler
from registry.requests.models import Request, RequestKind
from registry.requests.queries import HANDLERS, REQUEST_LIST, of_kinds, read_request, show_request
from registry.requests.service import restore_project

# What every kind of request has in the API: its list, single requests and decisions.

Decide = Callable[..., Request]


def etag_data(request: Request) -> tuple[object, ...]:
    """Return what the entity tag is made from."""
    changing = [request.details.get(name) for name in ("restored_at", "failed_at")]
    decided = request.state, request.first_decided_by, request.carried_out_at
    return "request", request.id, *decided, approval_of(request), *changing


def shown(request: Request) -> Mapping[str, Any]:
    """Return the request as the caller sees it."""
    return show_request(current_actor(), request)


def add_endpoints(blp: ApiBlueprint, handler: RequestHandler, singular: str) -> None:
    """Add the endpoints of a kind of request; ``singular`` is its name in operation ids."""
    collection, kind = handler.collection, handler.kind
    plural = collection.replace("-", "_")

    @blp.route(f"/{collection}", methods=["GET"], endpoint=f"list_{plural}")
    @blp.listing(REQUEST_LIST, handler.shown, operation=f"list_all_{plural}")
    def list_all(query: ListArguments) -> Any:
        """List the requests that one may see, by default the newest first. Sort by id."""
        return REQUEST_LIST.read(current_actor(), *query, only=of_kinds([kind]))

    @blp.route(f"/{collection}/<row_id:id>", methods=["GET"], endpoint=f"read_{singular}")
    @blp.requires(Permission.REQUESTS_READ, operation=f"read_{singular}")
    @blp.etag
    @blp.response(200, handler.shown)
    def read(id: int) -> Any:
        """Read a request."""
        request = read_request(current_actor(), id, kind)
        return blp.tagged(shown(request), etag_data(request))

    def add_decision(verb: str, noun: str, permission: Permission, summary: str, decide: Decide) -> None:
        must = verb == "refuse"

        @blp.route(f"/{collection}/<row_id:id>/{noun}", methods=["POST"], endpoint=f"{verb}_{singular}")
        @blp.requires(permission, operation=f"{verb}_{singular}")
        @blp.doc(summary=summary)
        @blp.arguments(
            REJECTION if must else REMARK, required=must, example={"reason": "The act is not signed."} if must else {}
        )
        @blp.etag
        @blp.response(200, handler.shown)
        def act(values: Mapping[str, Any], id: int) -> Any:
            """Decide a request."""
            request = decide(current_actor(), kind, id, values.get("reason"))
            return blp.tagged(shown(request), etag_data(request))

    add_decision(
        "confirm", "confirmation", handler.decides, "Confirm it as another person than who asked", service.confirm
    )
    add_decision("refuse", "refusal", handler.decides, "Refuse it", service.refuse)
    add_decision("cancel", "cancellation", handler.asks, "Cancel it before it takes effect", service.cancel)


# The endpoints of requests: what each kind asks for, and the decisions that all of them have.

blp = ApiBlueprint("requests", __name__, description="What one person asks for, and another one decides.")
SUCCESSION: Final = HANDLERS[RequestKind.SUCCESSION]
TRANSFER: Final = HANDLERS[RequestKind.TRANSFER]
WITHDRAWAL: Final = HANDLERS[RequestKind.WITHDRAWAL]
CONFIRMATION: Final = HANDLERS[RequestKind.CONFIRMATION]


def answer(request: Request) -> tuple[Mapping[str, Any], dict[str, str]]:
    """Return the response to a new request."""
    blp.set_etag(etag_data(request))
    collection = HANDLERS[RequestKind(request.kind)].collection
    return shown(request), {"Location": f"{API_PREFIX}/{collection}/{request.id}"}


@blp.route("/agencies/<bin>/succession", methods=["POST"])
@blp.requires(SUCCESSION.asks, operation="ask_succession")
@blp.arguments(SUCCESSION.body)
@blp.etag
@blp.response(201, SUCCESSION.shown, description="It waits for a supervisor.", headers=LOCATION)
def ask_succession(values: Mapping[str, Any], bin: str) -> Any:
    """Propose that another agency succeeds this one; a supervisor confirms it."""
    return answer(service.ask(current_actor(), RequestKind.SUCCESSION, bin, dict(values)))


@blp.route("/agencies/<bin>/changes", methods=["POST"])
@blp.requires(Permission.ORGANISATIONS_PROPOSE, operation="propose_agency_change")
@blp.arguments(AGENCY_CHANGE)
@blp.response(202, APPROVAL, description="It waits for a supervisor.", headers=LOCATION)
def propose_agency_changes(values: Mapping[str, Any], bin: str) -> Any:
    """Propose another kind or parent of an agency; a supervisor approves it."""
    return proposed(propose_agency_change(current_actor(), bin, values))


@blp.route("/projects/<number>/transfer", methods=["POST"])
@blp.requires(TRANSFER.asks, operation="ask_transfer")
@blp.arguments(TRANSFER.body)
@blp.etag
@blp.response(201, TRANSFER.shown, description="It waits for a supervisor.", headers=LOCATION)
def ask_transfer(values: Mapping[str, Any], number: str) -> Any:
    """Propose that another agency gets this project; a supervisor confirms it."""
    return answer(service.ask(current_actor(), RequestKind.TRANSFER, number, dict(values)))


@blp.route("/projects/<number>/withdrawal", methods=["POST"])
@blp.requires(WITHDRAWAL.asks, operation="ask_withdrawal")
@blp.arguments(WITHDRAWAL.body)
@blp.etag
@blp.response(201, WITHDRAWAL.shown, description="It waits for a reviewer.", headers=LOCATION)
def ask_withdrawal(values: Mapping[str, Any], number: str) -> Any:
    """Ask to withdraw a project that was registered in error; a reviewer decides.

    Two people confirm it, the second a supervisor, while a case is open or an order in
    force, and where the project has or ever had a medium or high flag.
    """
    return answer(service.ask(current_actor(), RequestKind.WITHDRAWAL, number, dict(values)))


@blp.route("/projects/<number>/confirmation-requests", methods=["POST"])
@blp.requires(CONFIRMATION.asks, operation="ask_confirmation")
@blp.arguments(CONFIRMATION.body)
@blp.etag
@blp.response(201, CONFIRMATION.shown, description="It waits for an operator or reviewer.", headers=LOCATION)
def ask_confirmation(values: Mapping[str, Any], number: str) -> Any:
    """Ask to confirm the placement, the onboarding or the ending of a project, with evidence.

    Whoever confirms the request makes the confirmation.
    """
    return answer(service.ask(current_actor(), RequestKind.CONFIRMATION, number, dict(values)))


@blp.route("/withdrawals/<row_id:id>/restoration", methods=["POST"])
@blp.requires(Permission.CASES_APPROVE, operation="restore_withdrawn_project")
@blp.arguments(REJECTION)
@blp.etag
@blp.response(200, WITHDRAWAL.shown)
def restore_withdrawn_project(values: Mapping[str, Any], id: int) -> Any:
    """Restore a withdrawn project: its flags are active again, and the next audit reopens its case."""
    request = restore_project(current_actor(), id, values["reason"])
    return blp.tagged(shown(request), etag_data(request))


add_endpoints(blp, SUCCESSION, "succession")
add_endpoints(blp, TRANSFER, "transfer")
add_endpoints(blp, WITHDRAWAL, "withdrawal")
add_endpoints(blp, CONFIRMATION, "confirmation_request")
