"""Approvals: propose, approve, reject and cancel. What differs between kinds is in their declarations."""

import hashlib
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.exc import IntegrityError

from registry.accounts.account_changes import command_counts_as_person
from registry.accounts.models import Account
from registry.accounts.roles import Actor, Permission, Role, roles_within
from registry.accounts.same_person import is_another_person
from registry.approvals.models import KINDS, Approval, ApprovalKind, ApprovalKindCode, ApprovalState, Proposal
from registry.approvals.queries import find_approval, find_approval_to_change, is_of_withdrawn_project
from registry.core.clock import now, rfc3339
from registry.core.database import db, require_transaction, transaction, violates
from registry.core.errors import Conflict, NotAllowed
from registry.freeze.policy import policy_in_force
from registry.journal import service as journal
from registry.projects.documents import digests_of_documents
from registry.signatures.models import SignableAct
from registry.signatures.service import ActToSign, SignedAct, attach


class NeedsTwoPeople(NotAllowed):
    """Service accounts neither propose nor decide where two people are required."""


class NeedsAnotherPerson(NotAllowed):
    """The person who proposed cannot decide, under any name or account."""


class ApprovalNeedsASupervisor(NotAllowed):
    """One of the two people is a supervisor."""


class ApprovalAlreadyWaiting(Conflict):
    """A proposal of the same kind about the same subject waits for its decision."""


class ApprovalNotWaiting(Conflict):
    """The proposal was decided or cancelled, or has expired."""


class ApprovalOutOfDate(Conflict):
    """What the proposal rests on has changed since."""


def propose(actor: Actor, code: ApprovalKindCode, proposal: Proposal) -> Approval:
    """Store a proposal that the caller has checked; joins the open transaction.

    Raises RoleNotAllowed, NeedsTwoPeople and ApprovalAlreadyWaiting.
    """
    actor.require(KINDS[code.value].proposes, step_up=False)
    require_person(actor)
    return propose_as_consequence(actor, code, proposal)


def propose_as_consequence(actor: Actor, code: ApprovalKindCode, proposal: Proposal) -> Approval:
    """Store a proposal that follows from what the actor was allowed to do; joins the open transaction.

    Raises ApprovalAlreadyWaiting.
    """
    kind = KINDS[code.value]
    with transaction() as session:
        _end_unusable(actor, code, proposal.subject)
        at = now()
        approval = Approval(
            kind=code.value,
            state=ApprovalState.WAITING.value,
            subject=proposal.subject,
            agency_id=proposal.agency_id,
            project_id=proposal.project_id,
            payload=proposal.payload,
            reason=proposal.reason,
            seen_digest="",
            proposed_by=actor.principal,
            proposed_account_id=actor.account_id,
            proposed_role=actor.role.value,
            proposed_at=at,
            expires_at=at + timedelta(days=kind.valid_days),
        )
        approval.seen_digest = _digest(kind, approval)
        try:
            with session.begin_nested():
                session.add(approval)
        except IntegrityError as error:
            if not violates(error, "uq_approvals_waiting"):
                raise
            raise ApprovalAlreadyWaiting(subject=proposal.subject) from error
        _record(actor, "proposed", approval, {"reason": approval.reason, "payload": approval.payload})
    return approval


def approve(actor: Actor, approval_id: int, reason: str | None = None, *, signed: SignedAct | None = None) -> Approval:
    """Approve a proposal as another person, and apply it.

    Raises RoleNotAllowed, ScopeNotGranted, StepUpRequired, ApprovalNotFound, ApprovalNotWaiting, ApprovalOutOfDate,
    NeedsTwoPeople, NeedsAnotherPerson, ApprovalNeedsASupervisor, and what its kind and ``attach`` raise.
    """
    with transaction():
        kind, approval = _to_approve(actor, approval_id)
        required = "approvals" in policy_in_force().signed
        attach(actor, _act_to_sign(approval, reason), signed, required=required)
        _decide(actor, approval, ApprovalState.APPROVED, reason)
        details = kind.apply(actor, approval)
        require_transaction().flush()
        if details:
            _record(actor, "applied", approval, details)
    return approval


def read_act_to_sign(actor: Actor, approval_id: int, reason: str | None) -> ActToSign:
    """Return what the actor, who may approve the proposal now, signs with it. Raises as ``approve``."""
    with transaction():
        _, approval = _to_approve(actor, approval_id)
        return _act_to_sign(approval, reason)


def _to_approve(actor: Actor, approval_id: int) -> tuple[ApprovalKind, Approval]:
    kind, approval = _to_decide(actor, approval_id)
    _require_another_person(actor, approval)
    if kind.needs_supervisor and Role.SUPERVISOR not in (actor.role, Role(approval.proposed_role)):
        raise ApprovalNeedsASupervisor(id=approval.id)
    kind.require_decider(actor, approval)
    if is_out_of_date(approval):
        raise ApprovalOutOfDate(id=approval.id)
    return kind, approval


def _act_to_sign(approval: Approval, reason: str | None) -> ActToSign:
    """The proposal as it is stored, with its documents and what it rests on by their digests."""
    documents = KINDS[approval.kind].documents(approval)
    values = {
        "kind": approval.kind,
        "subject": approval.subject,
        "payload": approval.payload,
        "reason": approval.reason,
        "seen": approval.seen_digest,
        "documents": digests_of_documents(documents),
        "proposed": {"by": approval.proposed_by, "at": rfc3339(approval.proposed_at)},
        **({} if reason is None else {"comment": reason}),
    }
    return ActToSign(SignableAct.APPROVAL.value, f"approval:{approval.id}", values)


def reject(actor: Actor, approval_id: int, reason: str) -> Approval:
    """Reject a proposal. Raises as ``approve``, but for what concerns its effect."""
    with transaction():
        kind, approval = _to_decide(actor, approval_id)
        _decide(actor, approval, ApprovalState.REJECTED, reason)
        kind.rejected(actor, approval)
    return approval


def cancel(actor: Actor, approval_id: int, reason: str | None = None) -> Approval:
    """Take a proposal back, by whoever may propose its kind.

    Raises RoleNotAllowed, ApprovalNotFound, ApprovalNotWaiting and NeedsTwoPeople.
    """
    with transaction():
        approval = _waiting(actor, approval_id)
        actor.require(KINDS[approval.kind].proposes, step_up=False)
        require_person(actor)
        _decide(actor, approval, ApprovalState.CANCELLED, reason)
    return approval


def may_decide(actor: Actor, approval: Approval) -> bool:
    """Return True when the actor has the permissions to reject it, and, as far as roles go, to approve it."""
    kind = KINDS[approval.kind]
    has_permission = actor.may(Permission.APPROVALS_DECIDE) and actor.has_role_permission(kind.decides)
    return has_permission and (actor.is_person or actor.is_local)


def is_out_of_date(approval: Approval) -> bool:
    """Return True when what the proposal rests on has changed since, or when who proposed it has lost access or the
    role.

    Also when its project was withdrawn, but for what can be decided nevertheless.
    """
    kind = KINDS[approval.kind]
    if not kind.outlives_withdrawal and is_of_withdrawn_project(approval):
        return True
    return not _proposer_remains(approval) or _digest(kind, approval) != approval.seen_digest


def end_outdated(actor: Actor, which: ColumnElement[bool]) -> None:
    """End those of the waiting proposals that are out of date by what the open transaction has done."""
    waiting = select(Approval).where(which, Approval.state == ApprovalState.WAITING.value).order_by(Approval.id)
    for approval in db.session.scalars(waiting.with_for_update(of=Approval)).all():
        if is_out_of_date(approval):
            _end_outdated(actor, approval)


def _proposer_remains(approval: Approval) -> bool:
    """Return whether who proposed still counts as one of two people; a command has no account that could have ended."""
    if approval.proposed_account_id is None:
        return True
    account = db.session.scalars(select(Account).where(Account.id == approval.proposed_account_id)).one()
    return account.status == "active" and Role(approval.proposed_role) in roles_within(Role(account.role))


def require_person(actor: Actor) -> None:
    """Raise NeedsTwoPeople for service accounts, and for commands on the server where two people could act.

    A command counts as a person only while the register has fewer than two people of oversight.
    """
    if actor.is_person:
        return
    if not (actor.is_local and command_counts_as_person()):
        raise NeedsTwoPeople()


def _require_another_person(actor: Actor, approval: Approval) -> None:
    if not is_another_person(actor, [approval.proposer], approval.proposed_at):
        raise NeedsAnotherPerson(id=approval.id)


def _to_decide(actor: Actor, approval_id: int) -> tuple[ApprovalKind, Approval]:
    """Return a waiting approval with its kind, after what its kind locks before it."""
    actor.require(Permission.APPROVALS_DECIDE)
    unlocked = find_approval(actor, approval_id)
    kind = KINDS[unlocked.kind]
    actor.require_role(kind.decides)
    require_person(actor)
    kind.lock(unlocked)
    return kind, _waiting(actor, approval_id)


def _waiting(actor: Actor, approval_id: int) -> Approval:
    approval = find_approval_to_change(actor, approval_id)
    if approval.current_state != ApprovalState.WAITING:
        raise ApprovalNotWaiting(id=approval.id, state=approval.current_state)
    return approval


def _end_unusable(actor: Actor, code: ApprovalKindCode, subject: str) -> None:
    """Store that an expired or outdated proposal about the subject ended. Raises ApprovalAlreadyWaiting for others."""
    same = (Approval.kind == code.value, Approval.subject == subject, Approval.state == ApprovalState.WAITING.value)
    waiting = db.session.scalar(select(Approval).where(*same).with_for_update())
    if waiting is None:
        return
    if waiting.is_expired:
        waiting.state = ApprovalState.EXPIRED.value
    elif is_out_of_date(waiting):
        _end_outdated(actor, waiting)
    else:
        raise ApprovalAlreadyWaiting(subject=subject, id=waiting.id)
    db.session.flush()


def _end_outdated(actor: Actor, approval: Approval) -> None:
    approval.state = ApprovalState.OUTDATED.value
    _record(actor, approval.state, approval, {})


def _decide(actor: Actor, approval: Approval, state: ApprovalState, reason: str | None) -> None:
    approval.state, approval.decision_reason = state.value, reason
    approval.decided_by, approval.decided_account_id = actor.principal, actor.account_id
    approval.decided_at = now()
    require_transaction().flush()
    _record(actor, state.value, approval, {"decision_reason": reason})


def _record(actor: Actor, action: str, approval: Approval, details: dict[str, Any]) -> None:
    about = {"approval_kind": approval.kind, "subject": approval.subject, "proposed_by": approval.proposed_by}
    entry = {name: value for name, value in {**about, **details}.items() if value is not None}
    journal.record(actor, f"approval.{action}", f"approval:{approval.id}", entry)


def _digest(kind: ApprovalKind, approval: Approval) -> str:
    return hashlib.sha256(journal.canonical([approval.payload, kind.seen(approval)]).encode()).hexdigest()
