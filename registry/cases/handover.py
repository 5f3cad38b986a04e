"""Hand-over of cases: the open cases of a person who leaves get another assignee."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import contains_eager

from registry.accounts.handover import HandOver
from registry.cases.models import CASE_SUBJECT, Case, CaseEvent, cases_handed_over
from registry.cases.queries import may_review, may_review_restricted
from registry.cases.vocabulary import ActionName, Status
from registry.changes.service import record_change
from registry.core import outbox
from registry.core.clock import now
from registry.core.database import db
from registry.core.errors import invalid
from registry.core.transactions import require_transaction
from registry.flags.lock import lock_flags_for_review
from registry.journal import service as journal
from registry.projects.models import Project

HANDED_OVER = "cases.handed-over"


def count_open_cases(name: str) -> int:
    """How many open cases the person has."""
    counted = select(func.count(Case.id)).where(Case.assignee == name, Case.status != Status.CLOSED)
    return db.session.execute(counted).scalar_one()


def hand_over_cases(step: HandOver) -> None:
    """Assign the open cases of the giver to the receiver, whatever their status. Proposals keep their proposer.

    Raises Invalid at ``/to`` when there are some and the receiver cannot review them.
    """
    lock_flags_for_review()
    session = require_transaction()
    statement = (
        select(Case)
        .join(Case.project_record)
        .options(contains_eager(Case.project_record))
        .where(Case.assignee == step.giver.name, Case.status != Status.CLOSED)
        .order_by(Case.id)
        .execution_options(populate_existing=True)
    )
    cases = session.scalars(statement.with_for_update(of=Case)).unique().all()
    _require_receiver(step, [case.project_record for case in cases])
    at, events = now(), []
    for case in cases:
        record_change(CASE_SUBJECT, case.id, case.status, case.severity)
        case.assignee, case.version, case.changed_at = step.receiver.name, case.version + 1, at
        details = {"assignee": step.receiver.name, "previous_assignee": step.giver.name}
        event = CaseEvent(
            case_id=case.id,
            at=at,
            action=ActionName.ASSIGN.value,
            by=step.actor.principal,
            side="oversight",
            from_status=case.status,
            to_status=case.status,
            details=details,
            tells_agency=False,
            speaks_to_agency=False,
        )
        session.add(event)
        events.append(event)
        journal_entry = {"project": case.project_record.number, "from": case.status, "to": case.status, **details}
        journal.record(step.actor, "case.assign", f"case:{case.id}", journal_entry)
    session.flush()
    if events:
        event_ids = [event.id for event in events]
        outbox.enqueue(HANDED_OVER, {"events": event_ids})
        cases_handed_over.publish(step, event_ids)
    step.counts["cases"] = len(cases)


def _require_receiver(step: HandOver, projects: list[Project]) -> None:
    name = step.receiver.name
    if projects and not may_review(name):
        raise invalid("/to", "assignee-not-a-reviewer", assignee=name)
    if any(project.is_restricted for project in projects) and not may_review_restricted(name):
        raise invalid("/to", "assignee-may-not-see", assignee=name)
