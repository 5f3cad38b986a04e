"""Applies the workflow: may this person do this to this case now, and what every act leaves behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select

from registry.accounts.actors import Actor, RoleNotAllowed
from registry.accounts.models import account_named
from registry.accounts.roles import AGENCY_ROLES, Permission
from registry.cases.deadlines import Clock, adjusted
from registry.cases.models import Case, CaseDecision, CaseEvent
from registry.cases.orders import Order
from registry.cases.workflow import ACTIONS, Action, Move, Status, Who, fits, target
from registry.core import outbox
from registry.core.clock import now, rfc3339, today
from registry.core.database import db
from registry.core.errors import Conflict, NotAllowed
from registry.core.transactions import require_transaction
from registry.core.working_days import national_calendar
from registry.freeze.current import policy_in_force
from registry.journal import service as journal


class CaseActionNotPossible(Conflict):
    """The case is in a status that the action does not start from: somebody acted since the caller read it."""


class CaseTaken(Conflict):
    """Another reviewer holds the case."""


class CaseNotYours(NotAllowed):
    """Another reviewer holds the case; a supervisor may act, or assign it."""


class ApprovalNeedsAPerson(NotAllowed):
    """A service account may do anything to a case but approve a decision."""


class ProposalNeedsAPerson(NotAllowed):
    """A service account proposed the decision: with one person's approval, only one person would have decided."""


class DecisionNeedsAnotherPerson(NotAllowed):
    """Four eyes: who proposed a decision never approves it, whatever the token or the role."""


@dataclass(frozen=True, slots=True)
class Step:
    """An act that may be done: the case as it is, and where the act leads."""

    actor: Actor
    case: Case
    action: Action
    move: Move
    proposal: CaseDecision | None


def authorize(actor: Actor, case: Case, name: str) -> Step:
    """Check role, status and person, in this order, on a case that is locked in the open transaction.

    Raises RoleNotAllowed, CaseActionNotPossible, CaseTaken, CaseNotYours, ApprovalNeedsAPerson,
    ProposalNeedsAPerson and DecisionNeedsAnotherPerson.
    """
    require_transaction()
    action = ACTIONS[name]
    actor.require(action.needs)
    move = _move(case, action)
    if move is None:
        raise CaseActionNotPossible(case=case.id, action=name, status=case.status, **_last(actor, case))
    proposal = waiting_proposal(case)
    if not _fits(actor, case, action, move, proposal):
        raise _refusal(actor, case, action, move.who, proposal)
    return Step(actor, case, action, move, proposal)


def apply(
    step: Step,
    comment: str | None = None,
    *,
    details: Mapping[str, Any] | None = None,
    decision: str | None = None,
    ordered_until: date | None = None,
    speaks_to_agency: bool | None = None,
) -> Case:
    """Move the case and its clocks, write its timeline, the journal and the outbox.

    ``details`` show on the timeline, to the agency too where the action tells it. ``speaks_to_agency`` overrules the
    workflow for one comment.
    """
    case, action, actor = step.case, step.action, step.actor
    before = Status(case.status)
    after = target(step.move, before, case.assignee, decision)
    clock = adjusted(
        Clock(case.due_on, case.review_days_left),
        before,
        after,
        today(),
        national_calendar(),
        policy_in_force().clocks,
        ordered_until,
    )
    case.status, case.due_on, case.review_days_left = after.value, clock.due_on, clock.review_days_left
    if after is not before:
        case.exempt_since = None
        case.closed_at = now() if after is Status.CLOSED else None
        case.outcome = None if after is not Status.CLOSED else decision or "resolved"
    case.version += 1
    case.changed_at = now()
    from_agency = actor.role in AGENCY_ROLES
    speaks = action.speaks_to_agency if speaks_to_agency is None else speaks_to_agency
    event = CaseEvent(
        case_id=case.id,
        at=now(),
        action=action.name,
        by=actor.principal,
        side="agency" if from_agency else "oversight",
        from_status=before.value,
        to_status=after.value,
        comment=comment,
        details=dict(details or {}),
        tells_agency=action.tells_agency or from_agency or speaks,
        speaks_to_agency=from_agency or speaks,
    )
    require_transaction().add(event)
    db.session.flush()
    told = {"project": case.project_record.number, "from": before.value, "to": after.value, **(details or {})}
    if comment is not None:
        told["comment"] = comment
    journal.record(actor, f"case.{action.name}", f"case:{case.id}", told)
    outbox.enqueue(f"case.{action.name}", {"case": case.id, "event": event.id})
    return case


def waiting_proposal(case: Case) -> CaseDecision | None:
    """The proposal that waits for approval."""
    return db.session.scalar(
        select(CaseDecision)
        .where(CaseDecision.case_id == case.id, CaseDecision.outcome.is_(None))
        .execution_options(populate_existing=True)
    )


def possible_actions(actor: Actor, case: Case, proposal: CaseDecision | None) -> list[str]:
    """The actions that the person may do to the case now, as far as role, status and person decide it."""
    return [
        action.name
        for action in ACTIONS.values()
        if actor.may(action.needs)
        and (move := _move(case, action)) is not None
        and _fits(actor, case, action, move, proposal)
    ]


def _move(case: Case, action: Action) -> Move | None:
    move = action.moves.get(Status(case.status))
    return None if move is not None and move.under_order and not is_under_order(case) else move


def is_under_order(case: Case) -> bool:
    """Whether an order that came from the case is in force."""
    in_force = (
        select(Order.id)
        .join(CaseDecision, CaseDecision.order_id == Order.id)
        .where(CaseDecision.case_id == case.id, CaseDecision.ended_because.is_(None), Order.ended_at.is_(None))
    )
    return db.session.scalar(in_force.limit(1)) is not None


def _fits(actor: Actor, case: Case, action: Action, move: Move, proposal: CaseDecision | None) -> bool:
    if action.needs_person and not (actor.is_person and _is_of_a_person(proposal)):
        return False
    return fits(
        move.who,
        actor.principal,
        leads=actor.may(Permission.CASES_LEAD),
        assignee=case.assignee,
        proposed_by=None if proposal is None else proposal.proposed_by,
    )


def _is_of_a_person(proposal: CaseDecision | None) -> bool:
    account = None if proposal is None else account_named(proposal.proposed_by)
    return account is None or account.is_person


def _refusal(actor: Actor, case: Case, action: Action, who: Who, proposal: CaseDecision | None) -> Exception:
    if action.needs_person and not actor.is_person:
        return ApprovalNeedsAPerson(case=case.id)
    if action.needs_person and proposal is not None and not _is_of_a_person(proposal):
        return ProposalNeedsAPerson(case=case.id, proposed_by=proposal.proposed_by)
    match who:
        case Who.ANOTHER:
            return DecisionNeedsAnotherPerson(case=case.id)
        case Who.FREE_OR_OWN:
            return CaseTaken(case=case.id, assignee=case.assignee)
        case Who.LEAD:
            return RoleNotAllowed(role=actor.role.value, permission=Permission.CASES_LEAD.value)
    return CaseNotYours(case=case.id, assignee=case.assignee or "-")


def _last(actor: Actor, case: Case) -> dict[str, str]:
    """What happened last on the case, as far as the person may know."""
    mine = [CaseEvent.case_id == case.id]
    if actor.role in AGENCY_ROLES:
        mine.append(CaseEvent.tells_agency.is_(True))
    event = db.session.scalars(select(CaseEvent).where(*mine).order_by(CaseEvent.id.desc()).limit(1)).one()
    return {"last": event.action, "by": event.by, "at": rfc3339(event.at)}
