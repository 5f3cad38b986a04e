"""What people do to a case beside deciding it and appealing. Each takes a case that ``find_case_to_change`` locked.

All raise RoleNotAllowed, CaseActionNotPossible, CaseNotYours or CaseTaken as the workflow has it.
"""

from __future__ import annotations

from sqlalchemy import delete, select

from registry.accounts.actors import Actor
from registry.accounts.roles import AGENCY_ROLES
from registry.cases.change_times import CASE, mark_cases, mark_flags_and_cases
from registry.cases.models import Case, CaseDecision, CaseFlag
from registry.cases.orders import Order
from registry.cases.queries import find_case_to_change
from registry.cases.reviewers import may_review, may_review_restricted
from registry.cases.transitions import apply, authorize
from registry.cases.workflow import ACTIONS, Status
from registry.core.clock import now
from registry.core.database import db
from registry.core.errors import RegistryError, invalid
from registry.core.transactions import transaction
from registry.flags.models import FLAGS, Flag


def claim(actor: Actor, case: Case, comment: str | None = None) -> Case:
    """Take a case that nobody holds, or take one's own back under review; one with an order, a supervisor alone."""
    step = authorize(actor, case, "claim")
    case.assignee = actor.principal
    return apply(step, comment, details={"assignee": actor.principal})


def assign(actor: Actor, case: Case, assignee: str, comment: str | None = None) -> Case:
    """Give a case to a reviewer; a reviewer gives a free or the own one, a supervisor any. Raises Invalid."""
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
    """Give a case back to the queue."""
    step = authorize(actor, case, "release")
    case.assignee = None
    return apply(step, comment)


def ask(actor: Actor, case: Case, comment: str | None = None) -> Case:
    """Ask the agency; the review's clock stops and the answer's starts. Without a text: to explain the findings."""
    return apply(authorize(actor, case, "ask"), comment)


def answer(actor: Actor, case: Case, comment: str | None = None) -> Case:
    """Answer for the agency; late answers are taken too."""
    return apply(authorize(actor, case, "answer"), comment)


def refer(actor: Actor, case: Case, comment: str | None = None) -> Case:
    """Refer the case to the Commission. Its decision is recorded as an exemption, or the case is returned."""
    return apply(authorize(actor, case, "refer"), comment)


def send_back(actor: Actor, case: Case, comment: str | None = None) -> Case:
    """Return a proposal to the reviewer, or a case from the Commission or the confirmation to review."""
    step = authorize(actor, case, "return")
    apply_decision(step.proposal, "returned", actor)
    return apply(step, comment)


def withdraw(actor: Actor, case: Case, comment: str | None = None) -> Case:
    """Take back what the case waits for: the question, the proposal, the referral or, for a supervisor, the order."""
    step = authorize(actor, case, "withdraw")
    apply_decision(step.proposal, "withdrawn", actor)
    if case.status == Status.REMEDIATION:
        end_orders(case, "withdrawn")
    return apply(step, comment, details={"withdrawn_from": case.status})


def confirm(actor: Actor, case: Case, comment: str | None = None) -> Case:
    """Confirm that what was found is gone: the case closes as resolved. Weaker flags go back to the watch list."""
    step = authorize(actor, case, "confirm")
    standing = select(Flag.id).where(Flag.project_id == case.project_id, Flag.status != "cleared")
    covered = select(CaseFlag.flag_id).where(CaseFlag.case_id == case.id, CaseFlag.flag_id.in_(standing))
    mark_flags_and_cases(now(), FLAGS.c.id.in_(covered))
    db.session.execute(delete(CaseFlag).where(CaseFlag.case_id == case.id, CaseFlag.flag_id.in_(standing)))
    return apply(step, comment)


def confirm_many(
    actor: Actor, ids: list[int], comment: str | None = None
) -> tuple[list[int], list[tuple[int, RegistryError]]]:
    """Confirm several cases: those that closed, and the others with why not. Each one stands or falls alone."""
    actor.require(ACTIONS["confirm"].needs)
    confirmed: list[int] = []
    refused: list[tuple[int, RegistryError]] = []
    # In the order of ids, so that two people who confirm the same ones never wait for one another.
    with transaction():
        for case_id in sorted(set(ids)):
            try:
                confirm(actor, find_case_to_change(actor, case_id), comment)
            except RegistryError as refusal:
                refused.append((case_id, refusal))
            else:
                confirmed.append(case_id)
    return confirmed, refused


def say(actor: Actor, case: Case, comment: str, *, for_agency: bool = False) -> Case:
    """Put a comment on the timeline: oversight's is a note of its own unless meant for the agency."""
    step = authorize(actor, case, "comment")
    return apply(step, comment, speaks_to_agency=for_agency or actor.role in AGENCY_ROLES)


def decision_in_effect(case: Case) -> CaseDecision | None:
    """The last approved decision of the case, unless it was appealed, withdrawn or replaced."""
    last = db.session.scalar(
        select(CaseDecision)
        .where(CaseDecision.case_id == case.id, CaseDecision.outcome == "approved")
        .order_by(CaseDecision.id.desc())
        .limit(1)
    )
    return last if last is not None and last.ended_because is None else None


def end_orders(case: Case, because: str) -> None:
    """End the project's orders in force and the decisions that they came from."""
    orders = db.session.scalars(
        select(Order).where(Order.project_id == case.project_id, Order.ended_at.is_(None))
    ).all()
    for order in orders:
        order.ended_at, order.ended_because = now(), because
    made = CaseDecision.order_id.in_([order.id for order in orders])
    ended = db.session.scalars(select(CaseDecision).where(made, CaseDecision.ended_because.is_(None))).all()
    for decision in ended:
        decision.ended_because = because
    if ended:
        # They may be shown by earlier cases of the project.
        mark_cases(now(), CASE.c.id.in_([decision.case_id for decision in ended]))


def apply_decision(proposal: CaseDecision | None, outcome: str, actor: Actor) -> None:
    """End a waiting proposal, if there is one, in another way than by its approval."""
    if proposal is not None:
        proposal.outcome, proposal.decided_by, proposal.decided_at = outcome, actor.principal, now()
