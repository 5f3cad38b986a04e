"""The last returned proposal and the remark of the person who returned it, to prefill the next proposal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from registry.cases.models import Case, CaseDecision, CaseEvent
from registry.cases.vocabulary import Status
from registry.core.database import db


@dataclass(frozen=True, slots=True)
class ReturnedProposal:
    """A proposal as submitted; ``returned_by``, ``returned_at`` and ``remark`` describe its return."""

    proposal: CaseDecision
    returned_by: str
    returned_at: datetime
    remark: str | None


def returned_proposal(case: Case) -> ReturnedProposal | None:
    """Return the case's newest proposal if it was returned; None if it was withdrawn, was approved or has lapsed."""
    of_case = (CaseDecision.case_id == case.id,)
    newest = db.session.scalar(select(CaseDecision).where(*of_case).order_by(CaseDecision.id.desc()).limit(1))
    if newest is None or newest.outcome != "returned":
        return None
    returned = (
        CaseEvent.case_id == case.id,
        CaseEvent.action == "return",
        CaseEvent.from_status == Status.AWAITING_APPROVAL.value,
    )
    event = db.session.scalars(select(CaseEvent).where(*returned).order_by(CaseEvent.id.desc()).limit(1)).one()
    return ReturnedProposal(newest, event.by, event.at, event.comment)
