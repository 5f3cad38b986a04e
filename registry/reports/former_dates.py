"""Compliance by agency on a former date, from the counts that the audits stored: a former agency keeps its own."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import select

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.agencies.models import Agency
from registry.agencies.service import own_agencies
from registry.audits.agency_counts import counts_on
from registry.core.bulk import table_of
from registry.core.database import db
from registry.flags.audit_runs import AuditRun, newest_good
from registry.projects.vocabulary import FreezeStatus
from registry.reports.compliance import COUNTED, NAMES, added, with_share


def compliance_on(actor: Actor, day: date) -> dict[str, Any]:
    """The report by agency as the last audit of that day, or an earlier one, left it; empty before the first.

    An agency also sees the agencies that it succeeded, since their projects are its own now. Raises RoleNotAllowed.
    """
    actor.require(Permission.REPORTS_READ)
    agency = table_of(Agency).c
    seen = _seen(actor)
    rows: dict[int, dict[str, Any]] = {}
    for agency_id, status, severity, projects, budget in db.session.execute(counts_on(actor, day)):
        if seen is not None and agency_id not in seen:
            continue
        row = rows.setdefault(agency_id, dict.fromkeys(COUNTED, 0))
        row["projects"] += projects
        row["budget_kzt"] += int(budget)
        row[status] += projects
        if status == FreezeStatus.FLAGGED:
            row[f"flagged_{severity}"] += projects
            row["budget_flagged_kzt"] += int(budget)
    named = select(agency.id, agency.bin.label("key"), *(agency[name] for name in NAMES))
    names = {row["id"]: row for row in db.session.execute(named).mappings() if row["id"] in rows}
    items = [
        with_share({"key": names[agency_id]["key"], **row, **{name: names[agency_id][name] for name in NAMES}})
        for agency_id, row in rows.items()
    ]
    items.sort(key=lambda row: str(row["key"]))
    return {"by": "agency", "items": items, "totals": added(items)}


def audit_on(day: date) -> AuditRun | None:
    """The last successful audit of that day, or an earlier one."""
    run: AuditRun | None = db.session.scalar(newest_good(AuditRun).where(table_of(AuditRun).c.on <= day))
    return run


def _seen(actor: Actor) -> set[int] | None:
    """The ids of the actor's agencies and of those that they succeeded; None for all."""
    own = own_agencies(actor)
    if own is None:
        return None
    seen: set[int] = set()
    newest: set[int] = set(db.session.scalars(select(Agency.id).where(Agency.id.in_(own))))
    while newest:
        seen |= newest
        former = select(Agency.id).where(Agency.successor_id.in_(newest))
        newest = set(db.session.scalars(former)) - seen
    return seen
