"""Kinds of approval: who may see a project, the removal of links, an agency's kind and parent."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import func, select

from registry.accounts.account_management import find_managed_account
from registry.accounts.agency_tree import subtree
from registry.accounts.models import Account, admitted, find_account, may_admit
from registry.accounts.roles import AGENCY_ROLES, Actor, Permission, Role
from registry.accounts.same_person import people_of
from registry.agencies.fields import AGENCY_FIELDS, APPROVED_FIELDS
from registry.agencies.models import AGENCY_KINDS, Agency
from registry.agencies.service import agency_by_bin, agency_to_change, change_agency, check_agency_change
from registry.approvals.models import MAX_REASON_LENGTH, Approval, ApprovalKind, ApprovalKindCode, Fact, Proposal
from registry.approvals.queries import waiting_approval
from registry.approvals.service import ApprovalAlreadyWaiting, propose, propose_as_consequence
from registry.core.clock import now
from registry.core.database import db, require_transaction, transaction
from registry.core.errors import Conflict, Invalid, NotAllowed, Problem, invalid
from registry.core.fields import BaseSchema, Bin, Choice, Text
from registry.core.translations import lazy_text
from registry.flags.models import lock_flags_for_review
from registry.freeze.vocabulary import AgencyKind
from registry.journal import service as journal
from registry.projects.links import OF_ONE_OBJECT, ProjectLink, find_link, remove_link
from registry.projects.models import Project, project_restricting
from registry.projects.service import find_project_to_change, restrict_project
from registry.projects.visibility import among_visible
from registry.requests.kinds import ACT, REASON
from registry.requests.succession import agency_and_above, count_of, count_readers, scope_effects, touched, visible_ids

# Who reads restricted projects of an agency: accounts that its own administrator admits, or a supervisor.
#
# What a system administrator, a command or a file of people makes, enables or moves works at once, but waits for its
# admission: the proposal is made with the change. It can be made again when it was rejected or has expired.


class AdmissionUnchanged(Conflict):
    """The account reads restricted projects already, or its role never does or always does."""


class OwnAdmission(NotAllowed):
    """Nobody admits the own account, or one of another agency."""


class AdmissionFields(BaseSchema):
    """An admission to restricted projects to propose."""

    reason = Text(MAX_REASON_LENGTH, description="Why.", label=lazy_text("Reason"), required=True)


ADMISSION: Final = AdmissionFields()
# The reason of a proposal that is made with the change of an account: stored in English, translated on pages.
CHANGED: Final = lazy_text("The account was made or changed by somebody who cannot admit it.")


class RestrictedReader(ApprovalKind):
    """An account of an agency reads its restricted projects."""

    code = ApprovalKindCode.RESTRICTED_READER
    proposes = Permission.PEOPLE_MANAGE
    decides = Permission.RESTRICTED_ADMIT
    needs_supervisor = False

    def facts(self, approval: Approval) -> Sequence[Fact]:
        """Return the account, its role, and whether it reads them."""
        account = _account(approval)
        return [
            Fact("name", account.name, account.name),
            Fact("role", account.role, account.role),
            Fact("reads_restricted", account.is_admitted, True),
        ]

    def effects(self, actor: Actor, approval: Approval) -> Mapping[str, int]:
        """Return how many restricted projects it would read."""
        agencies = select(subtree(_account(approval).agency_id or 0).c.id)
        restricted = (Project.agency_id.in_(agencies), Project.is_restricted)
        visible = among_visible(actor, Project.id.expression)
        count = select(func.count(Project.id)).where(*restricted, *visible)
        return {"restricted": db.session.scalar(count) or 0, "readers": 1}

    def seen(self, approval: Approval) -> Any:
        """Return its role and agency; another name is the same account."""
        account = _account(approval)
        return [account.role, account.agency_id, account.is_admitted, account.disabled_at is not None]

    def lock(self, approval: Approval) -> None:
        """Lock the account."""
        find_account(approval.payload["account"], lock=True)

    def require_decider(self, actor: Actor, approval: Approval) -> None:
        """Raises OwnAdmission for the person of the account, and for administrators of other agencies."""
        account = _account(approval)
        if account.id in people_of(actor) or not may_admit(actor, account):
            raise OwnAdmission(name=account.name)

    def apply(self, actor: Actor, approval: Approval) -> dict[str, Any]:
        """Admit the account."""
        account = _account(approval)
        account.restricted_admitted_at, account.restricted_admitted_account_id = now(), actor.account_id
        journal.record(actor, "account.admitted", f"account:{account.name}", {"approval": approval.id})
        admitted.publish(account.id)
        return {}


def propose_admission(actor: Actor, account_id: int, values: Mapping[str, Any]) -> Approval:
    """Propose that an account of an agency reads restricted projects; ``values``: what ``AdmissionFields`` validated.

    Raises RoleNotAllowed, StepUpRequired, AccountNotFound, NotYourself, AccountNotYours, AdmissionUnchanged, and what
    ``propose`` raises.
    """
    actor.require(Permission.PEOPLE_MANAGE)
    with transaction():
        account = find_managed_account(actor, account_id)
        if account.is_admitted:
            raise AdmissionUnchanged(name=account.name)
        return propose(actor, ApprovalKindCode.RESTRICTED_READER, _proposal(account, values["reason"]))


def propose_with_change(actor: Actor, account_id: int) -> None:
    """Propose it with the change that made it necessary; one that waits already is enough."""
    try:
        propose_as_consequence(
            actor, ApprovalKindCode.RESTRICTED_READER, _proposal(db.session.get_one(Account, account_id), CHANGED)
        )
    except ApprovalAlreadyWaiting:
        return


def waiting_admission(account: Account) -> int | None:
    """Return the id of the proposal that waits for the account."""
    if Role(account.role) not in AGENCY_ROLES:
        return None
    waiting = waiting_approval(ApprovalKindCode.RESTRICTED_READER, _subject(account))
    return None if waiting is None else waiting.id


def _proposal(account: Account, reason: str) -> Proposal:
    return Proposal(_subject(account), reason, {"account": account.id}, agency_id=account.agency_id)


def _subject(account: Account) -> str:
    return f"account:{account.id}"


def _account(approval: Approval) -> Account:
    return find_account(approval.payload["account"])


class RestrictionUnchanged(Conflict):
    """The project is restricted, or open to all its readers, already."""


class Restriction(ApprovalKind):
    """A restriction, or its end."""

    code = ApprovalKindCode.RESTRICTION
    proposes = Permission.PROJECTS_RESTRICT
    decides = Permission.PROJECTS_RESTRICT
    outlives_withdrawal = True

    def facts(self, approval: Approval) -> Sequence[Fact]:
        """Return whether it is restricted."""
        project = db.session.get_one(Project, approval.project_id)
        return [Fact("is_restricted", project.is_restricted, approval.payload["is_restricted"])]

    def lock(self, approval: Approval) -> None:
        """Lock the project, as whoever proposes does, and before it what follows it."""
        if approval.project_id is None:
            raise RuntimeError("a restriction is of a project")
        project_restricting.publish()
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
