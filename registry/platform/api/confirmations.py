"""Confirmed facts and restrictions: what reviewers, operators and supervisors confirm and decide."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask.views import MethodView

from registry.accounts.roles import Permission
from registry.api.blueprint import ApiBlueprint, current_actor
from registry.api.operation_docs import LOCATION
from registry.approvals.api import proposed, proposed_instead
from registry.approvals.fields import APPROVAL, EXAMPLE
from registry.core.transactions import transaction
from registry.platform.schemas import ENDING, ONBOARDING, RESTRICTION, VERIFICATION
from registry.projects.api import examples
from registry.projects.api.representations import etag_data, project_row
from registry.projects.restriction import propose_restriction
from registry.projects.schemas import PROJECT
from registry.requests.confirmed_facts import ENDING as ENDING_KIND
from registry.requests.confirmed_facts import ONBOARDING as ONBOARDING_KIND
from registry.requests.confirmed_facts import PLACEMENT, confirm_or_propose

blp = ApiBlueprint(
    "confirmations", __name__, description="What lifts a suspicion is confirmed by reviewer or operator, not claimed."
)
THE_PROJECT: Final[dict[str, Any]] = {
    "description": "The project as it is now.",
    "example": examples.PROJECT,
}

WAITS: Final = "It waits for another person."


def confirmed(number: str, kind: str, values: Mapping[str, Any]) -> Any:
    """The project as it is now, or the proposal where two people confirm it."""
    with transaction():
        project, approval = confirm_or_propose(current_actor(), number, kind, values)
        if approval is not None:
            return proposed_instead(approval)
        row = project_row(project)
    blp.set_etag(etag_data(row))
    return row


@blp.route("/projects/<number>/placement-verification")
class PlacementVerification(MethodView):
    """That a project lives on QazTech."""

    @blp.requires(Permission.PLACEMENTS_CONFIRM)
    @blp.doc(operationId="confirm_placement")
    @blp.arguments(
        VERIFICATION, example={"platform_key": "qt-4711", "verified_on": "2026-03-02", "evidence": "QazTech list"}
    )
    @blp.idempotent
    @blp.etag
    @blp.response(200, PROJECT, **THE_PROJECT)
    @blp.alt_response(202, schema=APPROVAL, description=WAITS, example=EXAMPLE, headers=LOCATION)
    def post(self, values: Mapping[str, Any], number: str) -> Any:
        """Confirm that a project lives on QazTech.

        One person does where the last inventory lists the key for the agency, and the key confirms no other project;
        otherwise it is a proposal, with a document of the project, and another person approves it, one of the two a
        supervisor.
        """
        return confirmed(number, PLACEMENT, values)


@blp.route("/projects/<number>/onboarding-confirmation")
class OnboardingConfirmation(MethodView):
    """That a project moves to QazTech."""

    @blp.requires(Permission.PLACEMENTS_CONFIRM)
    @blp.doc(operationId="confirm_move")
    @blp.arguments(ONBOARDING, example={"due_on": "2026-08-31"})
    @blp.idempotent
    @blp.etag
    @blp.response(200, PROJECT, **THE_PROJECT)
    @blp.alt_response(202, schema=APPROVAL, description=WAITS, example=EXAMPLE, headers=LOCATION)
    def post(self, values: Mapping[str, Any], number: str) -> Any:
        """Confirm that a project moves to QazTech by a date, at most six months ahead.

        It can be extended once, by a reviewer. While a medium or high flag of the project is active, or no audit has
        judged it as it stands, it is a proposal, with a document of the project, and another person approves it, one of
        the two a supervisor.
        """
        return confirmed(number, ONBOARDING_KIND, values)


@blp.route("/projects/<number>/ending-confirmation")
class EndingConfirmation(MethodView):
    """That the work ended."""

    @blp.requires(Permission.PLACEMENTS_CONFIRM)
    @blp.doc(operationId="confirm_end")
    @blp.arguments(
        ENDING, example={"ended_on": "2026-03-01", "consent_number": "17-3/45", "evidence": "Act of writing-off"}
    )
    @blp.idempotent
    @blp.etag
    @blp.response(200, PROJECT, **THE_PROJECT)
    @blp.alt_response(202, schema=APPROVAL, description=WAITS, example=EXAMPLE, headers=LOCATION)
    def post(self, values: Mapping[str, Any], number: str) -> Any:
        """Confirm that the work ended with the authorised body's consent.

        While a medium or high flag of the project is active, or no audit has judged it as it stands, it is a proposal,
        with a document of the project, and another person approves it, one of the two a supervisor.
        """
        return confirmed(number, ENDING_KIND, values)


@blp.route("/projects/<number>/restriction")
class Restriction(MethodView):
    """Who may see a project."""

    # Without ``etag``: a restriction needs no If-Match, because it replaces nothing that was read before.
    @blp.requires(Permission.PROJECTS_RESTRICT)
    @blp.doc(operationId="restrict")
    @blp.arguments(RESTRICTION, example={"is_restricted": True, "reason": "State secrets"})
    @blp.response(202, APPROVAL, description="It waits for another supervisor.", example=EXAMPLE, headers=LOCATION)
    def put(self, values: Mapping[str, Any], number: str) -> Any:
        """Propose to show a project to supervisor, auditor and its own agency only, or to all again.

        Another supervisor approves it.
        """
        return proposed(propose_restriction(current_actor(), number, values))
