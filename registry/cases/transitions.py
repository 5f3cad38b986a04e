"""Case transitions: authorizes an action, applies it, and writes timeline and journal."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any, Final

from sqlalchemy import select

from registry.accounts.absences import substituted_by
from registry.accounts.roles import AGENCY_ROLES, Actor, Permission, Role, RoleNotAllowed
from registry.accounts.same_person import ProposerLostAccess, is_another_person, may_still
from registry.cases.models import Appeal, Case, CaseDecision, CaseEvent, Order, add_event, case_acted
from registry.cases.vocabulary import Status
from registry.cases.workflow import ACTIONS, ORDERING, REVIEW_CLOCK_RUNS, Action, Transition, Who, is_permitted, target
from registry.core.clock import Calendar, national_calendar, now, rfc3339, today
from registry.core.database import db, require_transaction
from registry.core.errors import Conflict, NotAllowed
from registry.freeze.policy import DeadlineDays, policy_in_force
from registry.journal import service as journal

# Case deadlines in working days: the review deadline, which pauses while others act, and the deadlines of others.


@dataclass(frozen=True, slots=True)
class CaseDeadline:
    """``due_on``: the date by which the responsible party must act; None when nothing is due.

    ``review_days_left``: working days left of a paused review; negative when the review was already overdue.
    """

    due_on: date | None = None
    review_days_left: int | None = None


def adjusted(
    deadline: CaseDeadline,
    before: Status,
    after: Status,
    on: date,
    calendar: Calendar,
    days: DeadlineDays,
    ordered_until: date | None = None,
) -> CaseDeadline:
    """Return the deadlines after a status change on a date. The date itself does not count.

    The review resumes when the agency answers or the Commission decides, and restarts when a case reopens or comes
    back from remediation. ``ordered_until`` is the due date of the new order.
    """
    if before is after:
        return deadline
    if after in REVIEW_CLOCK_RUNS:
        if before in REVIEW_CLOCK_RUNS and deadline.due_on is not None:
            return deadline
        left = days.review if deadline.review_days_left is None else deadline.review_days_left
        return CaseDeadline(calendar.after(on, left))
    match after:
        case Status.AWAITING_AGENCY:
            return CaseDeadline(calendar.after(on, days.answer), _left(deadline, on, calendar))
        case Status.WITH_COMMISSION:
            return CaseDeadline(None, _left(deadline, on, calendar))
        case Status.REMEDIATION:
            return CaseDeadline(ordered_until)
    return CaseDeadline()


def _left(deadline: CaseDeadline, on: date, calendar: Calendar) -> int | None:
    return None if deadline.due_on is None else calendar.between(on, deadline.due_on)


class CaseActionNotPossible(Conflict):
    """The action is not allowed in the case's status; the case changed since the caller read it."""


class CaseTaken(Conflict):
    """The case is assigned to another reviewer."""


class CaseNotYours(NotAllowed):
    """The case is assigned to another reviewer; a supervisor may act or reassign it."""


class ApprovalNeedsAPerson(NotAllowed):
    """A service account may not approve decisions."""


class ProposalNeedsAPerson(NotAllowed):
    """A service account proposed the decision: with one person's approval, only one person would have decided."""


class DecisionNeedsAnotherPerson(NotAllowed):
    """Four-eyes principle: the proposer may not approve the decision, whatever the token or role."""


class AppealNeedsOthers(NotAllowed):
    """Whoever proposed or approved a decision takes no part in the appeal of it, under whatever name or role, and
    decides nothing again while the order on the appeal is the last decision (Code 350-VI, Art. 91(3)).
    """


class OrderDecidedOnAppeal(Conflict):
    """Nobody withdraws alone what two people ordered on an appeal; another decision of two people replaces it."""


# What an appealed case is reviewed by; answers and comments are open to all.
OF_REVIEW: Final = (Permission.CASES_REVIEW, Permission.CASES_APPROVE)


@dataclass(frozen=True, slots=True)
class AuthorizedAction:
    """An authorized action: the case before it and the transition that it takes."""

    actor: Actor
    case: Case
    action: Action
    transition: Transition
    proposal: CaseDecision | None


def authorize(actor: Actor, case: Case, name: str) -> AuthorizedAction:
    """Check role, status and person, in this order, on a case that is locked in the open transaction.

    Raises RoleNotAllowed, CaseActionNotPossible, AppealNeedsOthers, OrderDecidedOnAppeal, CaseTaken, CaseNotYours,
    ApprovalNeedsAPerson, ProposalNeedsAPerson, DecisionNeedsAnotherPerson and ProposerLostAccess.
    """
    require_transaction()
    action = ACTIONS[name]
    actor.require(action.needs)
    transition = _transition(case, action)
    if transition is None:
        raise CaseActionNotPossible(case=case.id, action=name, status=case.status, **_last(actor, case))
    proposal = waiting_proposal(case)
    appealed = appealed_decision(case) if action.needs in OF_REVIEW else None
    if appealed is not None and not took_no_part(actor, appealed):
        raise AppealNeedsOthers(case=case.id)
    if transition.before_appeal and order_on_appeal(case) is not None:
        raise OrderDecidedOnAppeal(case=case.id)
    if not _is_permitted(actor, action, transition, proposal, lambda: holder_for(actor, case, appealed)):
        raise _error(actor, case, action, transition.who, proposal)
    if transition.who is Who.ANOTHER and proposal is not None:
        proposer = proposal.proposer_record
        if proposer is not None and not may_still(proposer, Permission.CASES_REVIEW):
            raise ProposerLostAccess(name=proposal.proposed_by)
        # A proposal of the time before the appeal.
        if appealed is not None and not _others_proposed(proposal, appealed):
            raise AppealNeedsOthers(case=case.id)
    return AuthorizedAction(actor, case, action, transition, proposal)


def apply(
    step: AuthorizedAction,
    comment: str | None = None,
    *,
    details: Mapping[str, Any] | None = None,
    decision: str | None = None,
    ordered_until: date | None = None,
    comment_visible_to_agency: bool | None = None,
) -> Case:
    """Change the case's status and deadlines; write its timeline and the journal.

    ``details`` are part of the timeline entry, also for the agency if it sees the action. ``comment_visible_to_agency``
    overrides the workflow for one comment.
    """
    case, action, actor = step.case, step.action, step.actor
    before = Status(case.status)
    after = target(step.transition, before, case.assignee, decision)
    clock = adjusted(
        CaseDeadline(case.due_on, case.review_days_left),
        before,
        after,
        today(),
        national_calendar(),
        policy_in_force().deadlines,
        ordered_until,
    )
    case.status, case.due_on, case.review_days_left = after.value, clock.due_on, clock.review_days_left
    if after is not before:
        case.exempt_since = None
        case.closed_at = now() if after is Status.CLOSED else None
        case.outcome = None if after is not Status.CLOSED else decision or "resolved"
    case.version += 1
    case.changed_at = now()
    if comment_visible_to_agency is None:
        comment_visible_to_agency = action.comment_visible_to_agency
    event = add_event(
        actor,
        case,
        action.name,
        from_status=before.value,
        comment=comment,
        details=details,
        for_agency=action.visible_to_agency or comment_visible_to_agency,
        comment_for_agency=comment_visible_to_agency,
    )
    db.session.flush()
    moved = {"project": case.project_record.number, "from": before.value, "to": after.value}
    journal_entry = {"event": event.id, **moved, **(details or {})}
    if comment is not None:
        journal_entry["comment"] = comment
    journal.record(actor, f"case.{action.name}", f"case:{case.id}", journal_entry)
    case_acted.publish(actor, case, event, step.proposal)
    return case


def add_entry(
    actor: Actor, case: Case, action: str, details: Mapping[str, Any], comment: str | None = None
) -> CaseEvent:
    """Write timeline and journal of an act of oversight that moves nothing. The agency sees it, not its comment."""
    event = add_event(actor, case, action, from_status=case.status, comment=comment, details=details)
    case.version += 1
    case.changed_at = now()
    db.session.flush()
    entry = {"event": event.id, "project": case.project_record.number, **details}
    journal.record(actor, f"case.{action}", f"case:{case.id}", entry)
    return event


def waiting_proposal(case: Case) -> CaseDecision | None:
    """Return the proposal that waits for approval."""
    return next((each for each in case.decisions if each.outcome is None), None)


def possible_actions(actor: Actor, case: Case, proposal: CaseDecision | None) -> list[str]:
    """Return the actions that role, status and person allow the actor to take now."""
    appealed = appealed_decision(case) if actor.may(Permission.CASES_REVIEW) else None
    is_barred = appealed is not None and not took_no_part(actor, appealed)
    holder = cache(lambda: holder_for(actor, case, appealed))
    return [
        action.name
        for action in ACTIONS.values()
        if actor.may(action.needs)
        and not (is_barred and action.needs in OF_REVIEW)
        and (transition := _transition(case, action)) is not None
        and not (transition.before_appeal and order_on_appeal(case) is not None)
        and _is_permitted(actor, action, transition, proposal, holder)
    ]


def appealed_decision(case: Case) -> CaseDecision | None:
    """Return the decision of which the appeal is open, or led to an order that is the last decision of the case."""
    made = newest_appeal(case)
    if made is None or (made.outcome is not None and order_on_appeal(case) is None):
        return None
    return next(each for each in case.decisions if each.id == made.decision_id)


def order_on_appeal(case: Case) -> CaseDecision | None:
    """Return the last decision of the case if it is an order on an appeal, or replaced one for the same findings."""
    last = last_decision(case)
    is_final = last is not None and last.decision in ORDERING and last.appeal_until is None
    return last if is_final and case.appeals else None


def last_decision(case: Case) -> CaseDecision | None:
    """Return the last approved decision of the case."""
    return next((each for each in reversed(case.decisions) if each.outcome == "approved"), None)


def newest_appeal(case: Case) -> Appeal | None:
    """Return the last appeal of the case, open or decided."""
    return case.appeals[-1] if case.appeals else None


def open_appeal(case: Case) -> Appeal | None:
    """Return the appeal of the case that is not decided yet."""
    made = newest_appeal(case)
    return made if made is not None and made.outcome is None else None


def took_no_part(actor: Actor, decision: CaseDecision) -> bool:
    """Return True when the actor neither proposed nor approved the decision."""
    decider = decision.decided_account_id or decision.decided_by
    people = [decision.proposer, *([] if decider is None else [decider])]
    return is_another_person(actor, people, decision.proposed_at)


def account_took_no_part(account_id: int | None, name: str, decision: CaseDecision) -> bool:
    """Return True when whoever has the account, or had the name, neither proposed nor approved the decision."""
    actor = Actor(principal=name, role=Role.REVIEWER, account_id=account_id, is_admitted=False)
    return took_no_part(actor, decision)


def _others_proposed(proposal: CaseDecision, appealed: CaseDecision) -> bool:
    return account_took_no_part(proposal.proposed_account_id, proposal.proposed_by, appealed)


def holder_for(actor: Actor, case: Case, appealed: CaseDecision | None = None) -> str | None:
    """Return the assignee of the case; the actor, when the actor is today the deputy of the assignee.

    Nobody holds a case under appeal for whoever took part in the ``appealed`` decision.
    """
    if case.assignee_account_id is None:
        return None
    if appealed is not None and not account_took_no_part(case.assignee_account_id, case.assignee or "", appealed):
        return None
    if case.assignee_account_id == actor.account_id:
        return actor.principal
    if not actor.may(Permission.CASES_REVIEW):
        return case.assignee
    return actor.principal if case.assignee in substituted_by(actor) else case.assignee


def _transition(case: Case, action: Action) -> Transition | None:
    transition = action.transitions.get(Status(case.status))
    return None if transition is not None and transition.under_order and not is_under_order(case) else transition


def is_under_order(case: Case) -> bool:
    """Return True when an order from this case is in force."""
    in_force = (
        select(Order.id)
        .join(CaseDecision, CaseDecision.order_id == Order.id)
        .where(CaseDecision.case_id == case.id, CaseDecision.ended_because.is_(None), Order.ended_at.is_(None))
    )
    return db.session.scalar(in_force.limit(1)) is not None


def _is_permitted(
    actor: Actor,
    action: Action,
    transition: Transition,
    proposal: CaseDecision | None,
    holder: Callable[[], str | None],
) -> bool:
    if action.needs_person and not (actor.is_person and _is_by_person(proposal)):
        return False
    who, leads = transition.who, actor.may(Permission.CASES_LEAD)
    # Deputies are looked up only where it matters who holds the case.
    by_holder = who is Who.FREE_OR_OWN or (who in (Who.HOLDER, Who.FREE_OR_HOLDER) and not leads)
    permitted = is_permitted(
        who,
        actor.principal,
        leads=leads,
        assignee=holder() if by_holder else None,
        proposed_by=None if proposal is None else proposal.proposed_by,
    )
    if permitted and who is Who.ANOTHER and proposal is not None:
        return is_another_person(actor, [proposal.proposer], proposal.proposed_at)
    return permitted


def _is_by_person(proposal: CaseDecision | None) -> bool:
    account = None if proposal is None else proposal.proposer_record
    return account is None or account.is_person


def _error(actor: Actor, case: Case, action: Action, who: Who, proposal: CaseDecision | None) -> Exception:
    if action.needs_person and not actor.is_person:
        return ApprovalNeedsAPerson(case=case.id)
    if action.needs_person and proposal is not None and not _is_by_person(proposal):
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
    """Return the last event of the case that the actor may see."""
    visible = [CaseEvent.case_id == case.id]
    if actor.role in AGENCY_ROLES:
        visible.append(CaseEvent.visible_to_agency.is_(True))
    event = db.session.scalars(select(CaseEvent).where(*visible).order_by(CaseEvent.id.desc()).limit(1)).one()
    return {"last": event.action, "by": event.by, "at": rfc3339(event.at)}
