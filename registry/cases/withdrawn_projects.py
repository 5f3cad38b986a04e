"""What becomes of a project's case and orders when the project is withdrawn because it was registered in error."""

from __future__ import annotations

from sqlalchemy import select

from registry.accounts.actors import Actor
from registry.cases.events import timeline_written
from registry.cases.models import CASE_SUBJECT, Case, CaseEvent
from registry.cases.service import end_orders, end_proposal
from registry.cases.transitions import waiting_proposal
from registry.cases.vocabulary import FurtherEvent, Status
from registry.changes.service import record_change
from registry.core.clock import now
from registry.core.transactions import require_transaction
from registry.journal import service as journal

OUTCOME = "withdrawn"


def lock_open_case(project_id: int) -> Case | None:
    """The open case of a project, locked in the open transaction; to be called before the project is locked."""
    statement = select(Case).where(Case.project_id == project_id, Case.status != Status.CLOSED.value)
    locked = statement.with_for_update(of=Case).execution_options(populate_existing=True)
    return require_transaction().scalars(locked).first()


def close_case_of_withdrawn(actor: Actor, project_id: int, number: str, comment: str) -> int | None:
    """Close the open case of a withdrawn project and end its orders, in the open transaction; returns the case's id.

    A waiting proposal lapses. The agency sees the entry of the timeline, with the reason for the withdrawal.
    """
    case = lock_open_case(project_id)
    end_orders(project_id, "withdrawn")
    if case is None:
        return None
    end_proposal(waiting_proposal(case), "lapsed", actor)
    at, before = now(), case.status
    record_change(CASE_SUBJECT, case.id, before, case.severity)
    case.status, case.outcome, case.closed_at = Status.CLOSED.value, OUTCOME, at
    case.due_on = case.review_days_left = case.exempt_since = None
    case.version += 1
    case.changed_at = at
    event = CaseEvent(
        case_id=case.id,
        at=at,
        action=FurtherEvent.PROJECT_WITHDRAWN.value,
        by=actor.principal,
        side="oversight",
        from_status=before,
        to_status=case.status,
        comment=comment,
        details={},
        tells_agency=True,
        speaks_to_agency=True,
    )
    session = require_transaction()
    session.add(event)
    session.flush()
    details = {"project": number, "from": before, "to": case.status, "comment": comment}
    journal.record(actor, f"case.{FurtherEvent.PROJECT_WITHDRAWN.value}", f"case:{case.id}", details)
    timeline_written.publish(actor, event.id)
    return case.id
