"""Decisions of people on which contract is that of which project; what ends findings takes two of them."""

from collections.abc import Sequence
from typing import Any, ClassVar

from sqlalchemy import or_, select

from registry.accounts.roles import Actor, Permission
from registry.approvals.models import Approval, ApprovalKindCode, Fact, Proposal
from registry.approvals.service import propose
from registry.core.clock import now
from registry.core.database import db, require_transaction, transaction
from registry.core.errors import Conflict, NotAllowed, invalid
from registry.journal import service as journal
from registry.procurement.matching import lock_matches, match_contracts
from registry.procurement.models import CONTRACT, COUNTED, MATCH, TERMS, Contract, Match, MatchState
from registry.procurement.queries import AboutContract, contract_subject, find_contract, of_visible_projects
from registry.projects.former_records import FORMER
from registry.projects.models import Project
from registry.projects.service import find_project


class MatchNeedsAPerson(NotAllowed):
    """Service accounts do not decide which contract is that of a project."""


def decide_match(
    actor: Actor, contract_id: int, number: str, state: MatchState, remark: str | None = None
) -> Approval | None:
    """Confirm or reject that a contract is that of a project, whether or not it was proposed.

    What is decided ends findings and makes them: a person does, and no program. To reject a contract that rules read of
    the project or of a former record of it, and to confirm an older contract beside one that may contradict the record,
    is a proposal, which is returned: another person approves it. Raises RoleNotAllowed, MatchNeedsAPerson,
    ContractNotFound, ProjectNotFound, Invalid for a project of another agency and without a remark to propose, and what
    ``propose`` raises.
    """
    actor.require(Permission.CONTRACTS_MATCH)
    if not (actor.is_person or actor.is_local):
        raise MatchNeedsAPerson
    with transaction() as session:
        # Before the row of the match: a night that matches meanwhile would delete what is decided here.
        lock_matches()
        contract = find_contract(actor, contract_id)
        project = find_project(actor, number)
        match = session.scalar(select(Match).where(Match.contract_id == contract.id, Match.project_id == project.id))
        # A match stays with a project that passes to another agency, until a person rejects it.
        if match is None and project.agency_id != contract.agency_id:
            raise invalid("/project", "match-other-agency")
        before = None if match is None else match.match_state
        kind = None
        if state is MatchState.REJECTED and (before in COUNTED or _is_of_former(contract, project)):
            kind = ApprovalKindCode.MATCH_REJECTION
        elif state is MatchState.CONFIRMED and before != MatchState.CONFIRMED and _may_excuse(contract, project):
            kind = ApprovalKindCode.MATCH_CONFIRMATION
        if kind is None:
            _decide(actor, contract, project, state, remark)
            return None
        if remark is None:
            raise invalid("/remark", "match-needs-remark")
        payload = {"contract": contract.id, "project": project.id}
        subject = f"contract-match:{contract.id}:{project.number}"
        return propose(actor, kind, Proposal(subject, remark, payload, project.agency_id, project.id))


def _is_of_former(contract: Contract, project: Project) -> bool:
    """Return whether the contract is read of a former record of the project too, until it is rejected for the project.

    That of a restricted one is not read.
    """
    of_former = (
        select(FORMER.project_id)
        .join(Project, Project.id == FORMER.former_id)
        .join(MATCH, MATCH.c.project_id == FORMER.former_id)
        .where(FORMER.project_id == project.id, MATCH.c.contract_id == contract.id, MATCH.c.match_state.in_(COUNTED))
        .where(Project.is_restricted.is_(False))
    )
    return db.session.scalar(of_former.limit(1)) is not None


def _may_excuse(contract: Contract, project: Project) -> bool:
    """Return whether the project, or a record of the same work, has a contract that was signed later than this one.

    A confirmed contract explains the day that the record states, so that the later one contradicts it no more.
    """
    later = select(FORMER.project_id).where(FORMER.former_id == project.id)
    # Contracts of restricted former records are not read, and to ask for a remark would tell that there is one.
    of_same_work = (
        select(FORMER.former_id)
        .join(Project, Project.id == FORMER.former_id)
        .where(or_(FORMER.project_id == project.id, FORMER.project_id.in_(later)), Project.is_restricted.is_(False))
    )
    among = or_(MATCH.c.project_id == project.id, MATCH.c.project_id.in_(later), MATCH.c.project_id.in_(of_same_work))
    others = select(CONTRACT.c.id).join(MATCH, MATCH.c.contract_id == CONTRACT.c.id)
    signed_later = others.where(among, MATCH.c.match_state.in_(COUNTED), CONTRACT.c.signed_on > contract.signed_on)
    return db.session.scalar(signed_later.limit(1)) is not None


class _MatchDecision(AboutContract):
    """A decision on a match that rules read."""

    proposes = Permission.CONTRACTS_MATCH
    decides = Permission.CONTRACTS_MATCH
    outlives_withdrawal = True
    decided: ClassVar[MatchState]

    def facts(self, approval: Approval) -> Sequence[Fact]:
        """Return the contract and the state of the match."""
        contract, project = _subject(approval)
        state = select(Match.match_state).where(Match.contract_id == contract.id, Match.project_id == project.id)
        return [
            Fact("contract", contract.number_sys, contract.number_sys),
            Fact("match_state", db.session.scalar(state), self.decided.value),
        ]

    def lock(self, approval: Approval) -> None:  # noqa: ARG002 - the base's
        """Wait until no other transaction matches contracts."""
        lock_matches()

    def apply(self, actor: Actor, approval: Approval) -> dict[str, Any]:
        """Decide it."""
        _decide(actor, *_subject(approval), self.decided, approval.reason)
        return {}


class MatchRejection(_MatchDecision):
    """The rejection of a match by number or of one that a person confirmed: it ends what the contract contradicts."""

    code = ApprovalKindCode.MATCH_REJECTION
    decided = MatchState.REJECTED


class MatchConfirmation(_MatchDecision):
    """The confirmation of a contract that is older than another one of the project, and may explain its day."""

    code = ApprovalKindCode.MATCH_CONFIRMATION
    decided = MatchState.CONFIRMED


class ContractHasProject(Conflict):
    """A project is known for the contract, or proposed."""


def propose_no_project(actor: Actor, contract_id: int, why: str, reason: str) -> Approval:
    """Propose that a contract belongs to no project of the register, as its agency; oversight decides.

    Raises RoleNotAllowed, ContractNotFound, ContractHasProject, and what ``propose`` raises.
    """
    actor.require(Permission.PROJECTS_WRITE)
    with transaction():
        lock_matches()
        contract = find_contract(actor, contract_id)
        if any(state != MatchState.REJECTED for _, state in _matches_of(actor, contract.id)):
            raise ContractHasProject(id=contract.id)
        payload = {"contract": contract.id, "no_project": why}
        proposal = Proposal(contract_subject(contract.id), reason, payload, contract.agency_id)
        return propose(actor, ApprovalKindCode.CONTRACT_NO_PROJECT, proposal)


class ContractNoProject(AboutContract):
    """That a contract belongs to no project: it leaves the open lists and the coverage until its terms change."""

    code = ApprovalKindCode.CONTRACT_NO_PROJECT
    proposes = Permission.PROJECTS_WRITE
    decides = Permission.CONTRACTS_MATCH
    # The agency and oversight are two people, and who decides cannot propose.
    needs_supervisor = False

    def facts(self, approval: Approval) -> Sequence[Fact]:
        """Return the contract and why it belongs to no project."""
        contract = db.session.get_one(Contract, approval.payload["contract"])
        return [
            Fact("contract", contract.number_sys, contract.number_sys),
            Fact("no_project", contract.no_project, approval.payload["no_project"]),
        ]

    def seen(self, approval: Approval) -> Any:
        """Return the terms of the contract, and its matches with projects too."""
        contract = db.session.get_one(Contract, approval.payload["contract"])
        terms = [str(getattr(contract, name)) for name in (*TERMS, "amendments", "no_project")]
        return [terms, [[*row] for row in _matches_of(None, contract.id)]]

    def lock(self, approval: Approval) -> None:  # noqa: ARG002 - the base's
        """Wait until no other transaction matches contracts."""
        lock_matches()

    def apply(self, actor: Actor, approval: Approval) -> dict[str, Any]:  # noqa: ARG002 - the base's
        """Note it with the contract."""
        contract = db.session.get_one(Contract, approval.payload["contract"])
        contract.no_project, contract.no_project_reason = approval.payload["no_project"], approval.reason
        return {"contract": contract.number_sys, "no_project": contract.no_project}


def _matches_of(actor: Actor | None, contract_id: int) -> list[tuple[int, str]]:
    """Return the projects and states of a contract's matches that have not ended."""
    matches = select(MATCH.c.project_id, MATCH.c.match_state).join(Project, Project.id == MATCH.c.project_id)
    ended = MATCH.c.match_state != MatchState.ENDED.value
    rows = db.session.execute(matches.where(MATCH.c.contract_id == contract_id, ended, *of_visible_projects(actor)))
    return sorted(map(tuple, rows))


def _subject(approval: Approval) -> tuple[Contract, Project]:
    return (
        db.session.get_one(Contract, approval.payload["contract"]),
        db.session.get_one(Project, approval.payload["project"]),
    )


def _decide(actor: Actor, contract: Contract, project: Project, state: MatchState, remark: str | None) -> None:
    session = require_transaction()
    match = session.scalar(select(Match).where(Match.contract_id == contract.id, Match.project_id == project.id))
    match = match or Match(contract_id=contract.id, project_id=project.id, score=0)
    if match.match_state != state:
        match.match_state, match.changed_at = state.value, now()
    match.remark, match.decided_account_id, match.decided_at = remark, actor.account_id, now()
    session.add(match)
    session.flush()
    details = {"contract": contract.number_sys, "match_state": state.value, "remark": remark}
    known = {name: value for name, value in details.items() if value is not None}
    journal.record(actor, "contract.match-decided", f"project:{project.number}", known)
    match_contracts([contract.agency_id])
