"""Bulk writes of a plan: opens, updates and clears flags, and stores the run's changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from itertools import chain, islice
from typing import Any, TypeVar

from sqlalchemy import bindparam, delete, insert, literal, select, update

from registry.audits.reconciliation import Plan
from registry.changes.service import record_added_where
from registry.core.bulk import insert_rows
from registry.core.dialects import refresh_statistics
from registry.core.transactions import require_transaction
from registry.flags.audit_runs import AuditChange
from registry.flags.former_flags import keep_former
from registry.flags.models import FLAG_SUBJECT, FLAGS, Flag

ROWS_AT_ONCE = 5000
MANY = 1000
Row = TypeVar("Row")


def write_flags(plan: Plan, audit_id: int, on: date, at: datetime, last_seen_on: date | None) -> None:
    """Write the plan's flags inside the open transaction, with ``changed_at`` = ``at``.

    ``last_seen_on`` is the date of the last successful audit.
    """
    session = require_transaction()
    for opened in _chunks(plan.opened):
        rows = [
            {
                "project_id": project_id,
                "rule": finding.rule,
                "severity": finding.severity,
                "status": "open" if exemption_id is None else "exempt",
                "observed": finding.observed,
                "fingerprint": finding.fingerprint,
                "exemption_id": exemption_id,
                "opened_on": on,
                "opened_by_audit": audit_id,
                "changed_at": at,
            }
            for project_id, finding, exemption_id in opened
        ]
        insert_rows(session, Flag, rows)
    if plan.opened:
        record_added_where(FLAG_SUBJECT, FLAGS.c.opened_by_audit == audit_id)
    flag_table: Any = Flag.__table__
    changed = (
        update(flag_table)
        .where(flag_table.c.id == bindparam("flag"))
        .values({name: bindparam(f"new_{name}") for name in UPDATED} | {"changed_at": at})
    )
    for updated in _chunks(plan.updated):
        keep_former(at, FLAGS.c.id.in_([flag.id for flag, *_ in updated]), audit_id=audit_id)
        session.execute(
            changed,
            [
                {
                    "flag": flag.id,
                    "new_status": status,
                    "new_severity": finding.severity,
                    "new_observed": finding.observed,
                    "new_fingerprint": finding.fingerprint,
                    "new_accepted_fingerprint": accepted,
                    "new_exemption_id": exemption_id,
                }
                for flag, finding, status, accepted, exemption_id in updated
            ],
        )
    for cleared in _chunks(plan.cleared):
        keep_former(at, FLAGS.c.id.in_([flag.id for flag in cleared]), audit_id=audit_id)
        session.execute(
            update(Flag)
            .where(Flag.id.in_([flag.id for flag in cleared]))
            .values(
                status="cleared", cleared_on=on, cleared_by_audit=audit_id, last_seen_on=last_seen_on, changed_at=at
            ),
            execution_options={"synchronize_session": False},
        )
    if len(plan.opened) + len(plan.cleared) >= MANY:
        refresh_statistics(session, "flags")


CHANGE_COLUMNS = ("audit_id", "project_id", "rule", "severity", "change")
UPDATED = ("status", "severity", "observed", "fingerprint", "accepted_fingerprint", "exemption_id")


def write_changes(plan: Plan, audit_id: int, *, carried_out: bool) -> None:
    """Store the changes that the run made, or would make. Replaces those of an earlier attempt of the same run."""
    session = require_transaction()
    session.execute(delete(AuditChange).where(AuditChange.audit_id == audit_id))
    if carried_out and plan.opened:
        # The flags exist already, so their changes are copied inside the database.
        opened = (
            select(literal(audit_id), Flag.project_id, Flag.rule, Flag.severity, literal("opened"))
            .where(Flag.opened_by_audit == audit_id)
            .order_by(Flag.id)
        )
        session.execute(insert(AuditChange).from_select(CHANGE_COLUMNS, opened))
    changes = chain(() if carried_out else plan.opening(), plan.other_changes())
    while chunk := list(islice(changes, ROWS_AT_ONCE)):
        insert_rows(
            session, AuditChange, [dict(zip(CHANGE_COLUMNS, (audit_id, *change), strict=True)) for change in chunk]
        )


def _chunks(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    for start in range(0, len(rows), ROWS_AT_ONCE):
        yield rows[start : start + ROWS_AT_ONCE]
