"""Actions on a case other than decisions and appeals. Each takes a case locked by ``find_case_to_change``.

All raise RoleNotAllowed, CaseActionNotPossible, CaseNotYours and CaseTaken, according to the workflow.
"""

from __future__ import annotations

from sqlalchemy import delete, select

from registry.accounts.actors import Actor
from registry.accounts.roles import AGENCY_ROLES
from registry.cases.change_times import mark_cases, mark_flags_and_cases
from registry.cases.models import CASE, Case, CaseDecision, CaseFlag, Order
from registry.cases.queries import may_review, may_review_restricted
from registry.cases.transitions import apply, authorize
from registry.cases.vocabulary import Status
from registry.core.clock import now
from registry.core.database import db
from registry.core.errors import invalid
from registry.flags.models import FLAGS, Flag


def claim(actor: Actor, case: Case, comment: str | None = None) -> Case:
    """Assign an unassigned case to the actor, or take back one's own case for review. An order needs a supervisor."""
    step = authorize(actor, case, "claim")
    case.assignee = actor.principal
    return apply(step, comment, details={"assignee": actor.principal})


def assign(actor: Actor, case: Case, assignee: str, comment: str | None = None) -> Case:
    """Assign a case to a reviewer. Reviewers assign unassigned cases and their own; supervisors any. Raises Invalid."""
    step = authorize(actor, case, "assign")
    if assignee != actor.principal:
        _require_reviewer(case, assignee)
    case.assignee = assignee
    return apply(step, comment, details={"assignee": assignee})


def _require_reviewer(case: Case, assignee: str) -> None:
    if not may_review(assignee):
        raise invalid("/assignee", "assignee-not-a-reviewer", assignee=assignee)
    if case.project_record.is_restricted and not may_review_restricted(assignee):
        raise invalid("/assignee", "assignee-may-not-see", assignee=assignee)


def release(actor: Actor, case: Case, comment: str | None = None) -> Case:
    """Return a case to the queue."""
    step = authorize(actor, case, "release")
    case.assignee = None
    return apply(step, comment)


def ask(actor: Actor, case: Case, comment: str | None = None) -> Case:
    """Ask the agency: the review pauses and the answer deadline starts. Without a text, ask to explain the findings."""
    return apply(authorize(actor, case, "ask"), comment)


def answer(actor: Actor, case: Case, comment: str | None = None) -> Case:
    """Answer for the agency. Late answers are accepted."""
    return apply(authorize(actor, case, "answer"), comment)


def refer(actor: Actor, case: Case, comment: str | None = None) -> Case:
    """Refer the case to the Commission. Its decision is recorded as an exemption, or the case is returned."""
    return apply(authorize(actor, case, "refer"), comment)


def send_back(actor: Actor, case: Case, comment: str | None = None) -> Case:
    """Return a proposal to its reviewer, or a case from the Commission or from confirmation to review."""
    step = authorize(actor, case, "return")
    end_proposal(step.proposal, "returned", actor)
    return apply(step, comment)


def withdraw(actor: Actor, case: Case, comment: str | None = None) -> Case:
    """Withdraw what the case waits for: the question, the proposal, the referral or, for a supervisor, the order."""
    step = authorize(actor, case, "withdraw")
    end_proposal(step.proposal, "withdrawn", actor)
    if case.status == Status.REMEDIATION:
        end_orders(case.project_id, "withdrawn")
    return apply(step, comment, details={"withdrawn_from": case.status})


def confirm(actor: Actor, case: Case, comment: str | None = None) -> Case:
    """Close a case as resolved because its flags are cleared. Weaker flags go back to the watch list."""
    step = authorize(actor, case, "confirm")
    active = select(Flag.id).where(Flag.project_id == case.project_id, Flag.status != "cleared")
    covered = select(CaseFlag.flag_id).where(CaseFlag.case_id == case.id, CaseFlag.flag_id.in_(active))
    mark_flags_and_cases(now(), FLAGS.c.id.in_(covered))
    db.session.execute(delete(CaseFlag).where(CaseFlag.case_id == case.id, CaseFlag.flag_id.in_(active)))
    return apply(step, comment)


def say(actor: Actor, case: Case, comment: str, *, for_agency: bool = False) -> Case:
    """Add a comment to the timeline. An oversight comment is an internal note unless ``for_agency``."""
    step = authorize(actor, case, "comment")
    return apply(step, comment, speaks_to_agency=for_agency or actor.role in AGENCY_ROLES)


def decision_in_effect(case: Case) -> CaseDecision | None:
    """Return the last approved decision of the case, unless it was appealed, withdrawn or replaced."""
    last = db.session.scalar(
        select(CaseDecision)
        .where(CaseDecision.case_id == case.id, CaseDecision.outcome == "approved")
        .order_by(CaseDecision.id.desc())
        .limit(1)
    )
    return last if last is not None and last.ended_because is None else None


def end_orders(project_id: int, because: str) -> None:
    """End a project's orders in force and their decisions."""
    orders = db.session.scalars(select(Order).where(Order.project_id == project_id, Order.ended_at.is_(None))).all()
    for order in orders:
        order.ended_at, order.ended_because = now(), because
    from_orders = CaseDecision.order_id.in_([order.id for order in orders])
    ended = db.session.scalars(select(CaseDecision).where(from_orders, CaseDecision.ended_because.is_(None))).all()
    for decision in ended:
        decision.ended_because = because
    if ended:
        # Earlier cases of the project may display these decisions.
        mark_cases(now(), CASE.c.id.in_([decision.case_id for decision in ended]))


def end_proposal(proposal: CaseDecision | None, outcome: str, actor: Actor) -> None:
    """End a waiting proposal, if any, with an outcome other than approval."""
    if proposal is not None:
        proposal.outcome, proposal.decided_by, proposal.decided_at = outcome, actor.principal, now()
