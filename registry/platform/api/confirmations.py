"""Confirmed facts and restrictions: what reviewers, operators and supervisors vouch for and decide."""

from __future__ import annotations

from typing import Final

from registry.accounts.roles import Permission
from registry.api.blueprint import Routes
from registry.api.declared import Answer, Answers, Call, JsonBody
from registry.platform.confirmations import confirm_ending, confirm_onboarding, verify_placement
from registry.platform.schemas import ENDING, ONBOARDING, RESTRICTION, VERIFICATION
from registry.projects.api.projects import PROJECT_EXAMPLE
from registry.projects.api.responses import answer, found, locked
from registry.projects.schemas import PROJECT
from registry.projects.service import restrict_project

routes = Routes("confirmations", "What lifts a suspicion is confirmed by reviewer or operator, not claimed.")
THE_PROJECT: Final = Answers(PROJECT, PROJECT_EXAMPLE, description="The project as it is now.", headers=("ETag",))


@routes.declare(
    "POST",
    "/projects/<number>/placement-verification",
    needs=Permission.PLACEMENTS_CONFIRM,
    subject=found,
    locks=locked,
    body=JsonBody(VERIFICATION, {"platform_key": "qt-4711", "verified_on": "2026-03-02", "evidence": "QazTech list"}),
    answers=THE_PROJECT,
)
def confirm_placement(call: Call) -> Answer:
    """Confirm that a project lives on QazTech."""
    sent = call.values
    return answer(verify_placement(call.by, call.subject, sent["platform_key"], sent["verified_on"], sent["evidence"]))


@routes.declare(
    "POST",
    "/projects/<number>/onboarding-confirmation",
    needs=Permission.PLACEMENTS_CONFIRM,
    subject=found,
    locks=locked,
    body=JsonBody(ONBOARDING, {"due_on": "2026-08-31"}),
    answers=THE_PROJECT,
)
def confirm_move(call: Call) -> Answer:
    """Confirm that a project moves to QazTech by a date, at most six months ahead.

    It can be extended once, by a reviewer.
    """
    return answer(confirm_onboarding(call.by, call.subject, call.values["due_on"]))


@routes.declare(
    "POST",
    "/projects/<number>/ending-confirmation",
    needs=Permission.PLACEMENTS_CONFIRM,
    subject=found,
    locks=locked,
    body=JsonBody(ENDING, {"ended_on": "2026-03-01", "consent_number": "17-3/45", "evidence": "Act of writing-off"}),
    answers=THE_PROJECT,
)
def confirm_end(call: Call) -> Answer:
    """Confirm that the work ended with the authorised body's consent."""
    sent = call.values
    return answer(confirm_ending(call.by, call.subject, sent["ended_on"], sent["consent_number"], sent["evidence"]))


@routes.declare(
    "PUT",
    "/projects/<number>/restriction",
    needs=Permission.PROJECTS_RESTRICT,
    subject=found,
    locks=locked,
    body=JsonBody(RESTRICTION, {"is_restricted": True, "reason": "State secrets"}),
    answers=THE_PROJECT,
)
def restrict(call: Call) -> Answer:
    """Show a project to supervisor, auditor and its own agency only, or to all again."""
    restrict_project(call.by, call.subject, call.values["is_restricted"], call.values["reason"])
    return answer(call.subject)
