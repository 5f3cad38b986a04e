"""Restriction: who may see a project is proposed by one supervisor and approved by another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.approvals.kinds import ApprovalKind, Fact, Proposal
from registry.approvals.service import propose
from registry.approvals.tables import Approval
from registry.approvals.vocabulary import ApprovalKindCode
from registry.core.database import db
from registry.core.errors import Conflict
from registry.core.transactions import require_transaction, transaction
from registry.projects.events import project_restricting
from registry.projects.models import Project
from registry.projects.service import find_project_to_change, restrict_project


class RestrictionUnchanged(Conflict):
    """The project is restricted, or open to all its readers, already."""


class Restriction(ApprovalKind):
    """A restriction, or its end."""

    code = ApprovalKindCode.RESTRICTION
    proposes = Permission.PROJECTS_RESTRICT
    decides = Permission.PROJECTS_RESTRICT
    outlives_withdrawal = True

    def facts(self, approval: Approval) -> Sequence[Fact]:
        """Whether it is restricted."""
        project = db.session.get_one(Project, approval.project_id)
        return [Fact("is_restricted", project.is_restricted, approval.payload["is_restricted"])]

    def lock(self, approval: Approval) -> None:
        """Lock the project, as whoever proposes does, and before it what follows it."""
        if approval.project_id is None:
            raise RuntimeError("a restriction is of a project")
        project_restricting.publish(approval.project_id)
        locked = select(Project.id).where(Project.id == approval.project_id).with_for_update(of=Project)
        require_transaction().execute(locked)

    def apply(self, actor: Actor, approval: Approval) -> dict[str, Any]:
        """Restrict the project, or end the restriction."""
        number = approval.subject.removeprefix("project:")
        project = find_project_to_change(actor, number, even_withdrawn=True)
        restrict_project(actor, project, approval.payload["is_restricted"], approval.reason)
        return {}


def propose_restriction(actor: Actor, number: str, values: Mapping[str, Any]) -> Approval:
    """Propose to restrict a project or to end its restriction; ``values``: what ``RestrictionFields`` validated.

    Raises RoleNotAllowed, StepUpRequired, ProjectNotFound, RestrictionUnchanged, and what ``propose`` raises.
    """
    actor.require(Permission.PROJECTS_RESTRICT)
    actor.require_step_up()
    with transaction():
        # Whoever may see a withdrawn record may change that too.
        project = find_project_to_change(actor, number, even_withdrawn=True)
        if project.is_restricted == values["is_restricted"]:
            raise RestrictionUnchanged(number=number)
        proposal = Proposal(
            f"project:{number}",
            values["reason"],
            {"is_restricted": values["is_restricted"]},
            agency_id=project.agency_id,
            project_id=project.id,
        )
        return propose(actor, ApprovalKindCode.RESTRICTION, proposal)
