"""Changes of an agency's kind and parent: they decide what the moratorium binds and who reads restricted projects.

An administrator proposes one with the act that orders it, a supervisor approves it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import select

from registry.accounts.agency_tree import subtree
from registry.accounts.roles import Actor, Permission
from registry.agencies.fields import AGENCY_FIELDS, APPROVED_FIELDS
from registry.agencies.models import AGENCY_KINDS, Agency
from registry.agencies.service import agency_by_bin, agency_to_change, change_agency, check_agency_change
from registry.approvals.models import Approval, ApprovalKind, ApprovalKindCode, Fact, Proposal
from registry.approvals.service import propose
from registry.core.database import transaction
from registry.core.errors import Invalid, Problem
from registry.core.fields import BaseSchema, Bin, Choice
from registry.flags.models import lock_flags_for_review
from registry.freeze.vocabulary import AgencyKind
from registry.projects.models import Project
from registry.requests.kinds import ACT, REASON
from registry.requests.succession import agency_and_above, count_of, count_readers, scope_effects, touched, visible_ids


class AgencyChangeFields(BaseSchema):
    """A change of kind or parent to propose; absent fields stay."""

    kind = Choice(
        AgencyKind,
        AGENCY_KINDS,
        nullable=False,
        label=AGENCY_FIELDS["kind"].label,
        description="What sort of organisation it is; decides whether the freeze binds it.",
    )
    parent_bin = Bin(
        label=AGENCY_FIELDS["parent_bin"].label,
        hint=AGENCY_FIELDS["parent_bin"].hint,
        description="The agency above: its people act for this one too. Null: none.",
    )
    act = ACT
    reason = REASON


AGENCY_CHANGE: Final = AgencyChangeFields()


class AgencyChange(ApprovalKind):
    """The kind, or the parent, of an agency."""

    code = ApprovalKindCode.AGENCY_CHANGE
    proposes = Permission.ORGANISATIONS_PROPOSE
    decides = Permission.ORGANISATIONS_CONFIRM

    def facts(self, approval: Approval) -> Sequence[Fact]:
        """Return the changed fields, and the act."""
        agency = agency_by_bin(_bin(approval))
        changes = approval.payload["changes"]
        facts = [Fact(name, getattr(agency, name), value) for name, value in changes.items()]
        return [*facts, Fact("act", None, approval.payload["act"])]

    def effects(self, actor: Actor, approval: Approval) -> Mapping[str, int]:
        """Projects, flags and cases of the agency; for a new parent also those below, and who can read them then."""
        agency = agency_by_bin(_bin(approval))
        changes = approval.payload["changes"]
        moves = "parent_bin" in changes
        agencies = select(subtree(agency.id).c.id) if moves else select(Agency.id).where(Agency.id == agency.id)
        projects = visible_ids(actor, Project.agency_id.in_(agencies))
        own = projects.where(Project.agency_id == agency.id)
        effects = {**touched(projects), **scope_effects(own, agency.kind, changes.get("kind", agency.kind))}
        if moves:
            effects["restricted"] = count_of(projects.where(Project.is_restricted))
            effects["readers"] = _new_readers(agency, changes["parent_bin"])
        return effects

    def lock(self, approval: Approval) -> None:
        """Lock the agency, after a running audit: that one judges by the kind, and locks projects before cases."""
        lock_flags_for_review()
        agency_to_change(_bin(approval))

    def apply(self, actor: Actor, approval: Approval) -> dict[str, Any]:
        """Change the agency. Raises AgencyClosed, and Invalid when the parent can no longer be one."""
        details = {"act": approval.payload["act"], "approval": approval.id}
        change_agency(actor, agency_to_change(_bin(approval)), approval.payload["changes"], approved=details)
        return {}


def propose_agency_change(actor: Actor, number: str, values: Mapping[str, Any]) -> Approval:
    """Propose a change of kind or parent; ``values``: what ``AgencyChangeFields`` validated.

    Raises RoleNotAllowed, AgencyNotFound, AgencyClosed, Invalid, and what ``propose`` raises.
    """
    actor.require(Permission.ORGANISATIONS_PROPOSE)
    with transaction():
        agency = agency_to_change(number)
        changes = {name: values[name] for name in APPROVED_FIELDS if name in values}
        changes = {name: value for name, value in changes.items() if value != getattr(agency, name)}
        if not changes:
            raise Invalid([Problem("/kind", "nothing-to-change")])
        check_agency_change(agency, changes)
        payload = {"changes": changes, "act": values["act"]}
        proposal = Proposal(f"agency:{number}", values["reason"], payload, agency_id=agency.id)
        return propose(actor, ApprovalKindCode.AGENCY_CHANGE, proposal)


def _bin(approval: Approval) -> str:
    return approval.subject.removeprefix("agency:")


def _new_readers(agency: Agency, parent_bin: str | None) -> int:
    """Return how many accounts of agencies would be above it that are not now."""
    if parent_bin is None:
        return 0
    parent = agency_by_bin(parent_bin)
    return count_readers(agency_and_above(parent) - agency_and_above(agency))
