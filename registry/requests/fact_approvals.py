"""Approvals of confirmed facts: one person proposes a confirmation with a document, another one approves it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from sqlalchemy import select

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.approvals.kinds import ApprovalKind, Fact
from registry.approvals.tables import Approval
from registry.approvals.vocabulary import ApprovalKindCode
from registry.core.database import db
from registry.flags.lock import lock_flags_for_review
from registry.flags.withdrawn_projects import serious_flags
from registry.projects.models import Project
from registry.projects.placement_claims import ENDING_CLAIMS, IDENTITY, NAMES, PLACEMENT_CLAIMS
from registry.projects.service import find_project_to_change
from registry.requests.carrying_out import carry_out
from registry.requests.confirmed_facts import CHECKS, CONFIRM, lock_for, read_facts, stored
from registry.requests.decisions import decide, require_another_person
from registry.requests.models import Request
from registry.requests.vocabulary import RequestState

# The field of a fact → the field of the record that it confirms.
COLUMNS: Final = {"verified_on": "placement_verified_on", "due_on": "onboarding_due_on"}
RESTS_ON: Final = (*PLACEMENT_CLAIMS, *ENDING_CLAIMS, *IDENTITY, *NAMES, "placement_verified_on")


class FactApproval(ApprovalKind):
    """A confirmation by two people."""

    proposes = Permission.PLACEMENTS_CONFIRM
    decides = Permission.PLACEMENTS_CONFIRM

    def facts(self, approval: Approval) -> Sequence[Fact]:
        """The confirmed values."""
        project = _project(approval)
        names = {name: COLUMNS.get(name, name) for name in approval.payload["facts"]}
        return [
            Fact(column, stored(getattr(project, column)), approval.payload["facts"][name])
            for name, column in names.items()
        ]

    def effects(self, actor: Actor, approval: Approval) -> Mapping[str, int]:  # noqa: ARG002 - the base's
        """The serious flags of the project."""
        return {"flags": sum(serious_flags(approval.project_id).values())}

    def documents(self, approval: Approval) -> Sequence[int]:
        """What shows it."""
        return list(approval.payload["documents"])

    def seen(self, approval: Approval) -> Any:
        """What is claimed, the object that it is about, and whether the request that it accepts still waits."""
        project, request = _project(approval), _request(approval)
        state = None if request is None else request.state
        return [[name, stored(getattr(project, name))] for name in RESTS_ON] + [["request", state]]

    def lock(self, approval: Approval) -> None:
        """Lock the request and the project, after a running audit."""
        lock_flags_for_review()
        if "request" in approval.payload:
            id_of_request = approval.payload["request"]
            db.session.scalar(select(Request).where(Request.id == id_of_request).with_for_update(of=Request))
        # As everywhere where placements are confirmed: the keys before the projects.
        lock_for(self.code.value)
        db.session.scalar(select(Project.id).where(Project.id == approval.project_id).with_for_update())

    def require_decider(self, actor: Actor, approval: Approval) -> None:
        """Raises RequestNeedsAnotherPerson for whoever asked for it."""
        request = _request(approval)
        if request is not None:
            require_another_person(actor, request)

    def apply(self, actor: Actor, approval: Approval) -> dict[str, Any]:
        """Confirm, and settle the request. Raises what the confirmation raises."""
        request = _request(approval)
        if request is not None:
            decide(actor, request, RequestState.CONFIRMED, approval.decision_reason)
            carry_out(actor, request)
            return {"request": request.id}
        kind, facts = self.code.value, read_facts(self.code.value, approval.payload["facts"])
        project = find_project_to_change(actor, approval.subject.removeprefix("project:"))
        CHECKS[kind](project, facts)
        CONFIRM[kind](actor, project, facts, approval.reason)
        return {}

    def rejected(self, actor: Actor, approval: Approval) -> None:
        """Refuse the request."""
        request = _request(approval)
        if request is not None and request.state == RequestState.WAITING:
            decide(actor, request, RequestState.REFUSED, approval.decision_reason)


class PlacementApproval(FactApproval):
    """A placement that the inventory does not list."""

    code: ClassVar[ApprovalKindCode] = ApprovalKindCode.PLACEMENT


class OnboardingApproval(FactApproval):
    """A move to QazTech of a project with a serious flag."""

    code: ClassVar[ApprovalKindCode] = ApprovalKindCode.ONBOARDING


class EndingApproval(FactApproval):
    """An ending of a project with a serious flag."""

    code: ClassVar[ApprovalKindCode] = ApprovalKindCode.ENDING


def _project(approval: Approval) -> Project:
    return db.session.get_one(Project, approval.project_id)


def _request(approval: Approval) -> Request | None:
    id_of_request = approval.payload.get("request")
    return None if id_of_request is None else db.session.get_one(Request, id_of_request)
