"""Removal of links between projects: one that says that two concern one object carries their findings, so two people
remove it.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from registry.accounts.roles import Actor, Permission
from registry.approvals.models import Approval, ApprovalKind, ApprovalKindCode, Fact, Proposal
from registry.approvals.service import propose
from registry.core.database import db, require_transaction, transaction
from registry.core.errors import invalid
from registry.projects.links import OF_ONE_OBJECT, ProjectLink, find_link, remove_link
from registry.projects.models import Project


class LinkRemoval(ApprovalKind):
    """The removal of a link that says that two projects concern one object."""

    code = ApprovalKindCode.LINK_REMOVAL
    proposes = Permission.PROJECTS_LINK
    decides = Permission.PROJECTS_LINK

    def facts(self, approval: Approval) -> Sequence[Fact]:
        """Return the kind of the link, and the other project unless it is hidden from some who see this one."""
        link = _link(approval)
        other_id = link.target_id if approval.project_id == link.project_id else link.project_id
        other = db.session.get_one(Project, other_id)
        kind = None if link.removed_at else link.kind
        return [Fact("link_kind", kind, None), Fact("target", None if other.is_restricted else other.number, None)]

    def lock(self, approval: Approval) -> None:
        """Lock the link."""
        require_transaction().execute(
            select(ProjectLink.id).where(ProjectLink.id == _link(approval).id).with_for_update()
        )

    def apply(self, actor: Actor, approval: Approval) -> dict[str, Any]:
        """Remove the link."""
        remove_link(actor, approval.payload["number"], approval.payload["link"])
        return {}


def remove_or_propose(actor: Actor, number: str, link_id: int, reason: str | None) -> Approval | None:
    """Remove a link of a project, or propose to, where it says that the two concern one object; returns the proposal.

    Raises RoleNotAllowed, ProjectNotFound, LinkNotFound, Invalid without a reason to propose, and what ``propose``
    raises.
    """
    actor.require(Permission.PROJECTS_LINK)
    with transaction():
        link = find_link(actor, number, link_id)
        if link.removed_at is not None or link.kind not in OF_ONE_OBJECT:
            remove_link(actor, number, link_id)
            return None
        if reason is None:
            raise invalid("/reason", "required")
        ends = [db.session.get_one(Project, project_id) for project_id in (link.project_id, link.target_id)]
        # Who may not see one of them sees no proposal.
        about = max(ends, key=lambda each: (each.is_restricted, each.number == number))
        proposal = Proposal(
            f"link:{link.id}", reason, {"link": link.id, "number": number}, about.agency_id, project_id=about.id
        )
        return propose(actor, ApprovalKindCode.LINK_REMOVAL, proposal)


def _link(approval: Approval) -> ProjectLink:
    return db.session.get_one(ProjectLink, approval.payload["link"])
