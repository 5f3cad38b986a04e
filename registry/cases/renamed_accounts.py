"""What follows the rename of an account: its assigned cases and open proposals go on under the new name."""

from __future__ import annotations

from typing import Final

from sqlalchemy import select, update

from registry.cases.change_times import mark_cases
from registry.cases.models import CASE, CASE_SUBJECT, CaseDecision
from registry.changes.service import record_changes
from registry.core.bulk import table_of
from registry.core.clock import now
from registry.core.transactions import require_transaction

DECISION: Final = table_of(CaseDecision)


def rename_in_cases(account_id: int, old: str, new: str) -> None:  # noqa: ARG001 - the event's arguments
    """Move assignments and proposals that wait for approval; the timeline keeps the names of its time."""
    session = require_transaction()
    waiting = (DECISION.c.proposed_by == old, DECISION.c.outcome.is_(None))
    mark_cases(now(), CASE.c.id.in_(select(DECISION.c.case_id).where(*waiting)))
    session.execute(update(DECISION).where(*waiting).values(proposed_by=new))
    record_changes(CASE_SUBJECT, CASE.c.assignee == old)
    session.execute(update(CASE).where(CASE.c.assignee == old).values(assignee=new, changed_at=now()))
