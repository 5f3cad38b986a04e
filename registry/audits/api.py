"""The audits endpoints: run by operators and supervisors, confirmed by supervisors, read by oversight, repeated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask.views import MethodView

from registry.accounts.roles import Actor, Permission
from registry.api.blueprint import API_PREFIX, ERROR_NAMES, LOCATION, ApiBlueprint, current_actor
from registry.api.exports import add_exports
from registry.api.parameters import ListArguments
from registry.audits import schemas, service
from registry.audits.past import verify_audit
from registry.audits.queries import AUDIT_LIST, all_changes_of, changes_of, visible_run
from registry.core.lists import Listing, Page
from registry.flags.models import AuditRun, failure_text

# The audits endpoints: run by operators and supervisors, confirmed by supervisors, read by oversight.

blp = ApiBlueprint("audits", __name__, description="Runs of the policy over every project.")


def shown(run: Mapping[str, Any]) -> dict[str, Any]:
    """Return the audit as a mapping of what it shows, out of its columns."""
    return {**run, "failure": failure_text(run["failure"])}


def visible(run: AuditRun) -> dict[str, Any]:
    """Return the audit as the caller sees it; its entity tag is made from exactly that."""
    columns = shown(visible_run(current_actor(), run))
    blp.set_etag(("audit", *(columns[name] for name in schemas.AUDIT.fields)))
    return columns


def page_of_audits(actor: Actor, filters: Mapping[str, str], page: Page) -> Listing:
    """Return a page of the audits as they are shown."""
    listing = AUDIT_LIST.read(actor, filters, page)
    return Listing([shown(run) for run in listing.items], listing.next)


add_exports(blp, AUDIT_LIST, schemas.AUDIT, page_of_audits)


@blp.route("/audits")
class Audits(MethodView):
    """All audits."""

    @blp.listing(AUDIT_LIST, schemas.AUDIT, operation="list_all_audits")
    def get(self, query: ListArguments) -> Any:
        """List audits, the newest first."""
        return page_of_audits(current_actor(), *query)

    @blp.requires(Permission.AUDITS_RUN, operation="create_audit")
    @blp.arguments(schemas.AUDIT_ORDER, required=False)
    @blp.idempotent(commits_itself=True)
    @blp.etag
    @blp.response(201, schemas.AUDIT_JUST_RUN, description="Done, or held by the change threshold.", headers=LOCATION)
    def post(self, values: Mapping[str, Any]) -> Any:
        """Audit every project now.

        For good on a date from the last audited one to today. A dry run takes any date, writes no flag and tells what
        would change, for which a token also needs the scope `read`. One at a time: 409 while another runs.
        """
        dry_run = bool(values.get("dry_run"))
        if dry_run:
            # Before it is run and stored: its changes are read afterwards.
            current_actor().require(Permission.AUDITS_READ)
        full = bool(values.get("full"))
        run = service.run_audit(current_actor(), values.get("on"), dry_run=dry_run, full=full)
        changes = {"changes": all_changes_of(current_actor(), run)} if run.dry_run else {}
        return {**visible(run), **changes}, {"Location": f"{API_PREFIX}/audits/{run.id}"}


@blp.route("/audits/<row_id:id>", methods=["GET"])
@blp.requires(Permission.AUDITS_READ, operation="read_one_audit")
@blp.etag
@blp.response(200, schemas.AUDIT)
def read_one_audit(id: int) -> Any:
    """Read an audit."""
    return visible(service.find_audit(current_actor(), id))


@blp.route("/audits/<row_id:id>/changes", methods=["GET"])
@blp.listing(Permission.AUDITS_READ, schemas.CHANGE, operation="list_changes")
def list_changes(query: ListArguments, id: int) -> Any:
    """List every change of a flag's status since the audit before; of a dry or held one, what would have
    changed.
    """
    return changes_of(current_actor(), service.find_audit(current_actor(), id), query.page)


@blp.route("/audits/<row_id:id>/confirmation", methods=["POST"])
@blp.requires(Permission.AUDITS_CONFIRM, Permission.AUDITS_READ, operation="confirm_audit")
@blp.arguments(schemas.HELD_DECISION)
@blp.idempotent(commits_itself=True)
@blp.etag
@blp.response(200, schemas.AUDIT)
def confirm_audit(values: Mapping[str, Any], id: int) -> Any:
    """Confirm a held audit: its date is judged again without the change threshold."""
    return visible(service.confirm_held_audit(current_actor(), id, values["reason"]))


@blp.route("/audits/<row_id:id>/rejection", methods=["POST"])
@blp.requires(Permission.AUDITS_CONFIRM, Permission.AUDITS_READ, operation="reject_audit")
@blp.arguments(schemas.HELD_DECISION)
@blp.idempotent
@blp.etag
@blp.response(200, schemas.AUDIT)
def reject_audit(values: Mapping[str, Any], id: int) -> Any:
    """Reject a held audit: it changes nothing and does not count, and the next audit judges every project again."""
    return visible(service.reject_held_audit(current_actor(), id, values["reason"]))


@blp.route("/audits/<row_id:id>/voiding", methods=["POST"])
@blp.requires(Permission.AUDITS_VOID, Permission.AUDITS_READ, operation="propose_to_void_audit")
@blp.arguments(schemas.VOIDING_PROPOSAL)
@blp.idempotent(commits_itself=True)
@blp.etag
@blp.response(200, schemas.AUDIT)
def propose_to_void_audit(values: Mapping[str, Any], id: int) -> Any:
    """Propose to void an audit that a wrong clock dated in the future; a new proposal replaces the one before."""
    return visible(service.propose_voiding(current_actor(), id, values["reason"]))


@blp.route("/audits/<row_id:id>/voiding-confirmation", methods=["POST"])
@blp.requires(Permission.AUDITS_VOID, Permission.AUDITS_READ, operation="void_proposed_audit")
@blp.arguments(schemas.VOIDING_CONFIRMATION)
@blp.idempotent(commits_itself=True)
@blp.etag
@blp.response(200, schemas.AUDIT)
def void_proposed_audit(values: Mapping[str, Any], id: int) -> Any:
    """Void an audit: an operator confirms a supervisor's proposal, or a supervisor an operator's.

    Both are persons.
    """
    return visible(service.confirm_voiding(current_actor(), id, values["proposed_at"]))


# The endpoint that repeats a past audit.

verification_blp = ApiBlueprint("verification", __name__, description="Past audits, repeated.")


@verification_blp.route("/audits/<row_id:id>/verification", methods=["GET"])
@verification_blp.requires(Permission.AUDITS_VERIFY, operation="verify_audit")
@verification_blp.doc(responses={409: ERROR_NAMES[409]})
@verification_blp.response(200, schemas.VERIFICATION)
def verify(id: int) -> Any:
    """Repeat a past audit from what was known then and its policy, and list every difference; writes nothing.

    409 for an audit that cannot be repeated. Takes about as long as the audit took.
    """
    return schemas.verification_shown(verify_audit(current_actor(), id))
