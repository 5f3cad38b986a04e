"""Representation of a case. Agencies see neither internal notes nor proposals that are not approved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select

from registry.accounts.actors import Actor
from registry.accounts.roles import AGENCY_ROLES
from registry.cases.appeals import can_be_appealed
from registry.cases.decisions import TEXTS, with_both_languages
from registry.cases.documents import documents_by_event
from registry.cases.models import Case, CaseDecision, CaseEvent
from registry.cases.queries import flags_of_cases
from registry.cases.transitions import possible_actions, waiting_proposal
from registry.core.clock import rfc3339, today
from registry.core.database import db
from registry.core.translations import Language


def show_case(actor: Actor, case: Case, language: Language) -> dict[str, Any]:
    """Return the whole case: its summary, its timeline and the actions that the actor may take now."""
    actions = possible_actions(actor, case, waiting_proposal(case))
    return show_cases(actor, [case], language)[0] | {
        "events": _events(actor, case),
        "actions": [name for name in actions if name != "appeal" or can_be_appealed(case)],
    }


def show_cases(actor: Actor, cases: Sequence[Case], language: Language) -> list[dict[str, Any]]:
    """Return the cases as lists display them, in the same order, with two queries for all of them."""
    ids = [case.id for case in cases]
    flags = flags_of_cases(actor, ids, language)
    decisions = _decisions(actor, ids)
    return [
        {
            "id": case.id,
            "project": case.project_record.number,
            "agency": case.project_record.agency.bin,
            "status": case.status,
            "severity": case.severity,
            "assignee": case.assignee,
            "flags": flags[case.id],
            "proposal": next((shown for shown in decisions.get(case.id, []) if shown["outcome"] is None), None),
            "decisions": [shown for shown in decisions.get(case.id, []) if shown["outcome"] == "approved"],
            "due_on": case.due_on,
            "is_overdue": is_overdue(case),
            "opened_at": case.opened_at,
            "closed_at": case.closed_at,
            "exempt_since": case.exempt_since,
            "outcome": case.outcome,
            "changed_at": case.changed_at,
        }
        for case in cases
    ]


def is_overdue(case: Case) -> bool:
    """True from the day after the due date."""
    return case.due_on is not None and case.due_on < today()


def _decisions(actor: Actor, ids: Sequence[int]) -> Mapping[int, list[dict[str, Any]]]:
    statement = select(CaseDecision).where(CaseDecision.case_id.in_(ids)).order_by(CaseDecision.id)
    for_agency = actor.role in AGENCY_ROLES
    if for_agency:
        statement = statement.where(CaseDecision.outcome == "approved")
    decisions: dict[int, list[dict[str, Any]]] = {}
    for decision in db.session.scalars(statement.execution_options(populate_existing=True)):
        shown = with_both_languages({name: _plain(getattr(decision, name)) for name in DECISION_SHOWN})
        shown["missing_texts"] = [name for name in TEXTS if shown[name] is None]
        if for_agency:
            shown["comment"] = None
        decisions.setdefault(decision.case_id, []).append(shown)
    return decisions


DECISION_SHOWN = (
    "id",
    "decision",
    "reason_code",
    "reason",
    "legal_basis",
    *TEXTS,
    "due_on",
    "comment",
    "proposed_by",
    "proposed_at",
    "outcome",
    "decided_by",
    "decided_at",
    "appeal_until",
    "ended_because",
)


def _events(actor: Actor, case: Case) -> list[dict[str, Any]]:
    statement = select(CaseEvent).where(CaseEvent.case_id == case.id).order_by(CaseEvent.id)
    for_agency = actor.role in AGENCY_ROLES
    if for_agency:
        statement = statement.where(CaseEvent.tells_agency.is_(True))
    documents = documents_by_event(actor, case)
    return [
        {
            "id": event.id,
            "at": rfc3339(event.at),
            "action": event.action,
            "by": event.by,
            "from": event.from_status,
            "to": event.to_status,
            "comment": event.comment if event.speaks_to_agency or not for_agency else None,
            "details": event.details,
            "documents": documents.get(event.id, []),
            **({} if for_agency else {"for_agency": event.speaks_to_agency}),
        }
        for event in db.session.scalars(statement)
    ]


def _plain(value: Any) -> Any:
    if hasattr(value, "hour"):
        return rfc3339(value)
    return value.isoformat() if hasattr(value, "isoformat") else value
