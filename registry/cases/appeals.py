"""Appeals: which decision an agency can appeal, until when, and what an appeal ends."""

from __future__ import annotations

from sqlalchemy import select

from registry.accounts.actors import Actor
from registry.cases.models import Case, CaseDecision, CaseEvent
from registry.cases.service import decision_in_effect, end_orders, end_proposal
from registry.cases.transitions import apply, authorize
from registry.cases.vocabulary import ActionName, Status
from registry.core.clock import today
from registry.core.database import db
from registry.core.errors import Conflict
from registry.freeze.current import policy_in_force
from registry.projects.visibility import require_not_withdrawn


class NothingToAppeal(Conflict):
    """No decision on the case is in effect."""


class AppealPending(Conflict):
    """The decision is appealed already, and there is no new one yet."""


class AppealTooLate(Conflict):
    """The appeal period is over."""


class AnotherCaseOpen(Conflict):
    """A later case of the project is open; the agency raises its objection there."""


def appeal(actor: Actor, case: Case, comment: str | None = None) -> Case:
    """Appeal the decision in effect, within the policy's working days.

    The review restarts, and a waiting proposal or question is withdrawn. Whether the appeal suspends the decision is a
    value of the policy: then its order ends; else both stay in force until another decision replaces them.

    Raises ProjectWithdrawn, NothingToAppeal, AppealPending, AppealTooLate, AnotherCaseOpen, and the errors of
    ``authorize``.
    """
    step = authorize(actor, case, "appeal")
    require_not_withdrawn(case.project_record)
    decision = _to_appeal(case)
    end_proposal(step.proposal, "withdrawn", actor)
    if policy_in_force().appeal_suspends:
        end_orders(case.project_id, "appealed")
        decision.ended_because = "appealed"
    return apply(step, comment)


def can_be_appealed(case: Case) -> bool:
    """True when the case has a decision that its agency may appeal now."""
    try:
        require_not_withdrawn(case.project_record)
        _to_appeal(case)
    except Conflict:
        return False
    return True


def is_under_appeal(case: Case) -> bool:
    """True when the agency has appealed since the last decision."""
    last = select(CaseEvent.action).where(
        CaseEvent.case_id == case.id, CaseEvent.action.in_((ActionName.APPEAL.value, ActionName.APPROVE.value))
    )
    return db.session.scalar(last.order_by(CaseEvent.id.desc()).limit(1)) == ActionName.APPEAL


def _to_appeal(case: Case) -> CaseDecision:
    decision = decision_in_effect(case)
    if decision is None or decision.appeal_until is None:
        raise NothingToAppeal(case=case.id)
    if is_under_appeal(case):
        raise AppealPending(case=case.id)
    if today() > decision.appeal_until:
        raise AppealTooLate(case=case.id, until=decision.appeal_until.isoformat())
    other = select(Case.id).where(
        Case.project_id == case.project_id, Case.id != case.id, Case.status != Status.CLOSED.value
    )
    open_already = db.session.scalar(other)
    if open_already is not None:
        raise AnotherCaseOpen(case=case.id, other=open_already)
    return decision
