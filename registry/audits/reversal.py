"""Reversal: undoes what a voided audit did to flags and to the deadlines of cases.

Flags get their state from before the audit, so that no future date remains and the next audit compares with earlier
facts. Cases keep their status: the next audit moves them to match their flags, and only people close them.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select, update

from registry.cases.models import Case, CaseEvent
from registry.cases.sync import WAITING_FOR_REVIEWER
from registry.core.clock import now
from registry.core.transactions import require_transaction
from registry.core.working_days import national_calendar
from registry.flags.former_flags import keep_former
from registry.flags.models import Flag
from registry.freeze.current import policy_in_force


def reverse_flags(audit_id: int, day: date) -> dict[str, int]:
    """Clear the flags that the audit opened, dated ``day``, and reopen those that it cleared. Return the counts.

    A flag that people accepted since stays, from ``day`` on. The next audit restores changed values and severities.
    """
    opened = Flag.opened_by_audit == audit_id
    undecided = Flag.status.in_(("open", "exempt"))
    cleared = (Flag.cleared_by_audit == audit_id, Flag.opened_by_audit != audit_id)
    counts = {
        "flags_cleared": _count(opened, undecided),
        "flags_restored": _count(*cleared),
    }
    keep_former(now(), or_(and_(opened, Flag.status != "cleared"), and_(*cleared)))
    _update(Flag, opened, Flag.status != "cleared", opened_on=day)
    _update(Flag, opened, undecided, status="cleared", cleared_on=day, cleared_by_audit=audit_id, last_seen_on=None)
    accepted = Flag.accepted_fingerprint == Flag.fingerprint
    status_before = case((Flag.exemption_id.is_not(None), "exempt"), (accepted, "accepted"), else_="open")
    _update(Flag, *cleared, status=status_before, cleared_on=None, cleared_by_audit=None, last_seen_on=None)
    return counts


def reverse_cases(audit_id: int, day: date) -> int:
    """Replace future dates of the cases that the audit opened or moved. Return the number of cases changed."""
    session = require_transaction()
    moved = Case.id.in_(select(CaseEvent.case_id).where(CaseEvent.by == f"audit:{audit_id}"))
    until = national_calendar().after(day, policy_in_force().deadlines.review)
    reviewed = Case.status.in_(WAITING_FOR_REVIEWER)
    late, future, exempt = Case.due_on > until, Case.opened_at > now(), Case.exempt_since > day
    changed = set(session.scalars(select(Case.id).where(moved, (reviewed & late) | future | exempt)))
    _update(Case, moved, reviewed, late, due_on=until)
    _update(Case, moved, future, opened_at=now())
    _update(Case, moved, exempt, exempt_since=day)
    _update(Case, Case.id.in_(changed), version=Case.version + 1)
    return len(changed)


def _count(*conditions: ColumnElement[bool]) -> int:
    return require_transaction().scalar(select(func.count()).select_from(Flag).where(*conditions)) or 0


def _update(table: Any, *conditions: ColumnElement[bool], **values: Any) -> None:
    require_transaction().execute(
        update(table).where(*conditions).values(**values), execution_options={"synchronize_session": False}
    )
