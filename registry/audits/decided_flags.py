"""Flags whose status a decision changed between two audits; the next audit lists these changes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select

from registry.cases.models import Case, CaseDecision, CaseEvent
from registry.core.database import db

# Keys of an approval's timeline event, and the status that their flags had before it.
STATUS_BEFORE = {"flags_accepted": "open", "flags_opened": "accepted"}


def statuses_before(since: datetime, until: datetime | None = None) -> Mapping[tuple[int, str], str]:
    """Map (project id, rule) to the flag's earlier status, for each flag that a decision changed after ``since``.

    ``until``: the last moment to look at, to repeat an audit.
    """
    decided = select(CaseDecision.case_id).where(CaseDecision.decided_at > since)
    approvals = (
        select(Case.project_id, CaseEvent.details)
        .join(Case, Case.id == CaseEvent.case_id)
        .where(CaseEvent.case_id.in_(decided), CaseEvent.action == "approve", CaseEvent.at > since)
        .order_by(CaseEvent.id)
    )
    if until is not None:
        approvals = approvals.where(CaseEvent.at <= until)
    statuses: dict[tuple[int, str], str] = {}
    for project_id, details in db.session.execute(approvals):
        for key, before in STATUS_BEFORE.items():
            for rule in details.get(key, ()):
                statuses.setdefault((project_id, rule), before)
    return statuses
