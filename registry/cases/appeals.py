"""Appeals: which decision an agency can appeal, until when, and what an appeal ends."""

from __future__ import annotations

from sqlalchemy import select

from registry.accounts.actors import Actor
from registry.cases.models import Case, CaseDecision
from registry.cases.service import decision_in_effect, end_orders, end_proposal
from registry.cases.transitions import apply, authorize
from registry.cases.vocabulary import Status
from registry.core.clock import today
from registry.core.database import db
from registry.core.errors import Conflict
from registry.projects.withdrawn import require_not_withdrawn


class NothingToAppeal(Conflict):
    """No decision on the case is in effect."""


class AppealTooLate(Conflict):
    """The appeal period is over."""


class AnotherCaseOpen(Conflict):
    """A later case of the project is open; the agency raises its objection there."""


def appeal(actor: Actor, case: Case, comment: str | None = None) -> Case:
    """Appeal the decision in effect, within the policy's working days.

    The decision's order ends and the review restarts. A waiting proposal or question is withdrawn.

    Raises ProjectWithdrawn, NothingToAppeal, AppealTooLate, AnotherCaseOpen, and the errors of ``authorize``.
    """
    step = authorize(actor, case, "appeal")
    require_not_withdrawn(case.project_record)
    decision = _to_appeal(case)
    end_proposal(step.proposal, "withdrawn", actor)
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


def _to_appeal(case: Case) -> CaseDecision:
    decision = decision_in_effect(case)
    if decision is None or decision.appeal_until is None:
        raise NothingToAppeal(case=case.id)
    if today() > decision.appeal_until:
        raise AppealTooLate(case=case.id, until=decision.appeal_until.isoformat())
    other = select(Case.id).where(
        Case.project_id == case.project_id, Case.id != case.id, Case.status != Status.CLOSED.value
    )
    open_already = db.session.scalar(other)
    if open_already is not None:
        raise AnotherCaseOpen(case=case.id, other=open_already)
    return decision
