"""The endpoints of approvals: what waits for a second person, and the decisions."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from flask import Response, jsonify, request
from flask.views import MethodView

from registry.accounts.roles import Permission
from registry.api.blueprint import API_PREFIX, ApiBlueprint, current_actor
from registry.api.parameters import ListArguments
from registry.approvals import service
from registry.approvals.models import Approval
from registry.approvals.queries import APPROVAL_LIST, read_approval, read_approval_document, show_one
from registry.approvals.schemas import APPROVAL, EXAMPLE, REJECTION, REMARK, SIGNED_REMARK
from registry.http.responses import document_download
from registry.signatures.service import SignedAct, check_signature

blp = ApiBlueprint(
    "approvals", __name__, description="What one person proposed and another decides: nobody does these alone."
)


def etag_data(shown: Mapping[str, Any]) -> tuple[object, ...]:
    """Return what the entity tag is made from: also what the proposal rests on and touches, which change without it."""
    return "approval", *shown.values()


def proposed(approval: Approval) -> tuple[Mapping[str, Any], dict[str, str]]:
    """Return the response to a request that waits for a second person: 202 with the approval and its address."""
    return show_one(current_actor(), approval), {"Location": f"{API_PREFIX}/approvals/{approval.id}"}


def proposed_instead(approval: Approval) -> Response:
    """``proposed`` of an operation that otherwise acts at once, and then answers with something else."""
    shown, headers = proposed(approval)
    if request.method != "DELETE":
        blp.set_etag(etag_data(shown))
    response = jsonify(APPROVAL.dump(shown))
    response.status_code = 202
    response.headers.update(headers)
    return response


def decided(approval: Approval) -> Mapping[str, Any]:
    """Return the response to a decision."""
    shown = show_one(current_actor(), approval)
    blp.set_etag(etag_data(shown))
    return shown


@blp.route("/approvals")
class Approvals(MethodView):
    """Everything that waits or waited for a second person."""

    @blp.listing(APPROVAL_LIST, APPROVAL, operation="list_approvals")
    def get(self, query: ListArguments) -> Any:
        """List the approvals that one may see, by default the newest first. Sort by id."""
        return APPROVAL_LIST.read(current_actor(), *query)


@blp.route("/approvals/<row_id:id>")
class ApprovalById(MethodView):
    """One approval."""

    @blp.requires(Permission.APPROVALS_READ, operation="read_approval")
    @blp.etag
    @blp.response(200, APPROVAL, example=EXAMPLE)
    def get(self, id: int) -> Any:
        """Read an approval: what it changes, and how much it touches."""
        return decided(read_approval(current_actor(), id))


@blp.route("/approvals/<row_id:id>/documents/<row_id:document_id>")
class ApprovalDocument(MethodView):
    """A document that shows what is proposed."""

    @blp.requires(Permission.APPROVALS_READ, operation="download_approval_document")
    @blp.response(200, {}, content_type="application/octet-stream", description="The bytes as they were given.")
    def get(self, id: int, document_id: int) -> Response:
        """Download a document of an approval, checked against its SHA-256."""
        document, content = read_approval_document(current_actor(), id, document_id)
        return document_download(document.name, content)


def _verified_signature(values: Mapping[str, Any], id: int) -> SignedAct | None:
    actor = current_actor()
    act_to_sign = partial(service.read_act_to_sign, actor, id, values.get("reason"))
    return check_signature(actor, values.get("signature"), act_to_sign)


@blp.route("/approvals/<row_id:id>/approval")
class ApprovalApproval(MethodView):
    """The second person agrees."""

    @blp.requires(Permission.APPROVALS_DECIDE, operation="approve_proposal")
    @blp.arguments(SIGNED_REMARK, required=False, example={})
    @blp.idempotent(verify=_verified_signature)
    @blp.etag
    @blp.response(200, APPROVAL, example=EXAMPLE | {"state": "approved"})
    def post(self, values: Mapping[str, Any], id: int, verified: SignedAct | None) -> Any:
        """Approve a proposal as another person than who made it; it takes effect at once."""
        return decided(service.approve(current_actor(), id, values.get("reason"), signed=verified))


@blp.route("/approvals/<row_id:id>/rejection")
class ApprovalRejection(MethodView):
    """Somebody who may decide disagrees."""

    @blp.requires(Permission.APPROVALS_DECIDE, operation="reject_proposal")
    @blp.arguments(REJECTION, example={"reason": "The decision is not attached."})
    @blp.idempotent
    @blp.etag
    @blp.response(200, APPROVAL, example=EXAMPLE | {"state": "rejected"})
    def post(self, values: Mapping[str, Any], id: int) -> Any:
        """Reject a proposal; nothing changes."""
        return decided(service.reject(current_actor(), id, values["reason"]))


@blp.route("/approvals/<row_id:id>/cancellation")
class ApprovalCancellation(MethodView):
    """The proposal is taken back."""

    @blp.requires(Permission.APPROVALS_READ, operation="cancel_proposal")
    @blp.arguments(REMARK, required=False, example={})
    @blp.idempotent
    @blp.etag
    @blp.response(200, APPROVAL, example=EXAMPLE | {"state": "cancelled"})
    def post(self, values: Mapping[str, Any], id: int) -> Any:
        """Cancel a proposal that waits, as somebody who may propose such.

        A token also needs the scope for proposing it.
        """
        return decided(service.cancel(current_actor(), id, values.get("reason")))
