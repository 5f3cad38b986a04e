"""Flag statuses that people changed between two audits: an approved decision acts at once, an audit lists it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select

from registry.cases.models import Case, CaseDecision, CaseEvent
from registry.core.database import db

# What the timeline's entry of an approval keeps of the flags, and the status that they had before it.
STATUS_BEFORE = {"flags_accepted": "open", "flags_opened": "accepted"}


def statuses_before(since: datetime) -> Mapping[tuple[int, str], str]:
    """The status until then, by (project id, rule), of each flag that an approved decision changed after an instant."""
    decided = select(CaseDecision.case_id).where(CaseDecision.decided_at > since)
    approvals = (
        select(Case.project_id, CaseEvent.details)
        .join(Case, Case.id == CaseEvent.case_id)
        .where(CaseEvent.case_id.in_(decided), CaseEvent.action == "approve", CaseEvent.at > since)
        .order_by(CaseEvent.id)
    )
    found: dict[tuple[int, str], str] = {}
    for project_id, details in db.session.execute(approvals):
        for kept, before in STATUS_BEFORE.items():
            for rule in details.get(kept, ()):
                found.setdefault((project_id, rule), before)
    return found
