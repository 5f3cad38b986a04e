"""Flags whose status a decision, or a revoked exemption, changed between audits; the next audit lists the changes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select

from registry.cases.models import Case, CaseDecision, CaseEvent
from registry.core.database import db
from registry.exemptions.models import Exemption
from registry.flags.former_flags import FORMER
from registry.flags.models import FLAGS

# Keys of an approval's timeline event, and the status that their flags had before it.
STATUS_BEFORE = {"flags_accepted": "open", "flags_opened": "accepted"}


def statuses_before(since: datetime, until: datetime | None = None) -> Mapping[tuple[int, str], str]:
    """Map (project id, rule) to the flag's earlier status, for each flag that people changed after ``since``.

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
    statuses = _exempt_before(since, until)
    for project_id, details in db.session.execute(approvals):
        for key, before in STATUS_BEFORE.items():
            for rule in details.get(key, ()):
                statuses.setdefault((project_id, rule), before)
    return statuses


def _exempt_before(since: datetime, until: datetime | None) -> dict[tuple[int, str], str]:
    revoked = (
        select(FLAGS.c.project_id, FLAGS.c.rule)
        .join(FORMER, FORMER.c.flag_id == FLAGS.c.id)
        .join(Exemption, Exemption.project_id == FLAGS.c.project_id)
        .where(Exemption.revoked_at > since, FORMER.c.until >= Exemption.revoked_at)
        .where(FORMER.c.status == "exempt", FORMER.c.ended_by_audit.is_(None))
    )
    if until is not None:
        revoked = revoked.where(Exemption.revoked_at <= until, FORMER.c.until <= until)
    return dict.fromkeys(db.session.execute(revoked), "exempt")
