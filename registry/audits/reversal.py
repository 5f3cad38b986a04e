"""Takes back what a voided audit did to flags and to the terms of cases.

Flags are put back where they stood before, so that no date in the future is left and the next audit compares with the
facts of before. Cases stay where they are: the next audit moves them after their flags, and only people close them.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, case, func, select, update

from registry.cases.models import Case, CaseEvent
from registry.cases.sync import WAITING_FOR_REVIEWER
from registry.core.clock import now
from registry.core.transactions import require_transaction
from registry.core.working_days import national_calendar
from registry.flags.models import Flag
from registry.freeze.current import policy_in_force


def reverse_flags(audit_id: int, day: date) -> dict[str, int]:
    """Clear the flags that the audit opened, dated ``day``, and open again those that it cleared; the counts.

    A flag that people accepted since stays, from ``day`` on. Values and severities that the audit changed are those of
    the next audit.
    """
    opened = Flag.opened_by_audit == audit_id
    undecided = Flag.status.in_(("open", "exempt"))
    cleared = (Flag.cleared_by_audit == audit_id, Flag.opened_by_audit != audit_id)
    counts = {
        "flags_cleared": _count(opened, undecided),
        "flags_restored": _count(*cleared),
    }
    _update(Flag, opened, Flag.status != "cleared", opened_on=day)
    _update(Flag, opened, undecided, status="cleared", cleared_on=day, cleared_by_audit=audit_id, last_seen_on=None)
    accepted = Flag.accepted_fingerprint == Flag.fingerprint
    before = case((Flag.exemption_id.is_not(None), "exempt"), (accepted, "accepted"), else_="open")
    _update(Flag, *cleared, status=before, cleared_on=None, cleared_by_audit=None, last_seen_on=None)
    return counts


def reverse_cases(audit_id: int, day: date) -> int:
    """Take dates in the future from the cases that the audit opened or moved; how many cases had one."""
    session = require_transaction()
    moved = Case.id.in_(select(CaseEvent.case_id).where(CaseEvent.by == f"audit:{audit_id}"))
    until = national_calendar().after(day, policy_in_force().clocks.review)
    reviewed = Case.status.in_(WAITING_FOR_REVIEWER)
    late, future, exempt = Case.due_on > until, Case.opened_at > now(), Case.exempt_since > day
    changed = set(session.scalars(select(Case.id).where(moved, (reviewed & late) | future | exempt)))
    _update(Case, moved, reviewed, late, due_on=until)
    _update(Case, moved, future, opened_at=now())
    _update(Case, moved, exempt, exempt_since=day)
    _update(Case, Case.id.in_(changed), version=Case.version + 1)
    return len(changed)


def _count(*which: ColumnElement[bool]) -> int:
    return require_transaction().scalar(select(func.count()).select_from(Flag).where(*which)) or 0


def _update(table: Any, *which: ColumnElement[bool], **values: Any) -> None:
    require_transaction().execute(
        update(table).where(*which).values(**values), execution_options={"synchronize_session": False}
    )
