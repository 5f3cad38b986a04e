"""Restriction: who may see a project is proposed by one supervisor and approved by another."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import func, select

from registry.accounts.account_management import find_managed_account
from registry.accounts.agency_tree import subtree
from registry.accounts.models import Account, admitted, find_account, may_admit
from registry.accounts.roles import AGENCY_ROLES, Actor, Permission, Role
from registry.accounts.same_person import people_of
from registry.approvals.models import MAX_REASON_LENGTH, Approval, ApprovalKind, ApprovalKindCode, Fact, Proposal
from registry.approvals.queries import waiting_approval
from registry.approvals.service import ApprovalAlreadyWaiting, propose, propose_as_consequence
from registry.core.clock import now
from registry.core.database import db, require_transaction, transaction
from registry.core.errors import Conflict, NotAllowed
from registry.core.fields import BaseSchema, Text
from registry.core.translations import lazy_text
from registry.journal import service as journal
from registry.projects.models import Project, project_restricting
from registry.projects.service import find_project_to_change, restrict_project
from registry.projects.visibility import among_visible

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
