"""Compliance report: projects by freeze status, grouped by agency, region, kind of agency or sector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, func, select

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.agencies.models import Agency
from registry.agencies.service import own_agencies
from registry.core.bulk import table_of
from registry.core.database import db
from registry.freeze.vocabulary import Severity
from registry.projects.models import Project
from registry.projects.visibility import visible_projects
from registry.projects.vocabulary import FreezeStatus

# Grouping by an agency's id is cheaper than by its BIN, and the id also gives the kind.
GROUPS: Final[Mapping[str, ColumnElement[Any]]] = {
    "agency": table_of(Project).c.agency_id,
    "region": table_of(Project).c.region,
    "kind": table_of(Agency).c.kind,
    "sector": table_of(Project).c.sector,
}
NAMES: Final = ("name_kk", "name_ru", "name_en")
# The statuses beside ``flagged``, in the order of the columns.
UNFLAGGED: Final = (
    FreezeStatus.CLEAR.value,
    FreezeStatus.EXEMPT.value,
    FreezeStatus.ACCEPTED.value,
    FreezeStatus.OUT_OF_SCOPE.value,
    FreezeStatus.UNAUDITED.value,
)
BY_SEVERITY: Final = tuple(f"flagged_{severity}" for severity in Severity.worst_first())
COUNTED: Final = (
    "projects",
    FreezeStatus.CLEAR.value,
    FreezeStatus.FLAGGED.value,
    *BY_SEVERITY,
    *UNFLAGGED[1:],
    "budget_kzt",
    "budget_flagged_kzt",
)
Agencies = Mapping[int, Mapping[str, Any]]


def compliance(actor: Actor, grouped_by: str, agencies: Agencies | None = None) -> dict[str, Any]:
    """Return rows of counts and whole tenge by ``agency``, ``region``, ``kind`` or ``sector``, and their totals.

    ``flagged`` counts projects with an open flag, split by the severity of the highest active flag. Exempt projects are
    counted separately and never as clear. ``clear_percent`` refers to the projects in scope that an audit has judged;
    None when there are none. Agencies see themselves and the agencies below them. ``agencies``: the result of
    seen_agencies(), to avoid a second query. Raises RoleNotAllowed.
    """
    actor.require(Permission.REPORTS_READ)
    if grouped_by == "agency" and agencies is None:
        agencies = seen_agencies(actor)
    rows: dict[Any, dict[str, Any]] = {}
    for key, status, severity, projects, budget in db.session.execute(pieces(actor, grouped_by)).all():
        row = rows.get(key)
        if row is None:
            row = rows[key] = dict.fromkeys(("key", *COUNTED), 0)
        # PostgreSQL sums bigint to numeric; amounts are whole tenge.
        money = int(budget or 0)
        row["projects"] += projects
        row["budget_kzt"] += money
        row[status] += projects
        if status == "flagged":
            row[f"flagged_{severity}"] += projects
            row["budget_flagged_kzt"] += money
    for key, row in rows.items():
        row["key"] = key if agencies is None else agencies[key]["bin"]
        if agencies is not None:
            row |= {name: agencies[key][name] for name in NAMES}
    items = sorted(map(with_share, rows.values()), key=lambda row: (row["key"] is None, row["key"]))
    return {"by": grouped_by, "items": items, "totals": added(items)}


def seen_agencies(actor: Actor) -> Agencies:
    """Return the agencies whose projects the actor may see, by id: ``bin``, ``kind``, ``parent_id`` and names."""
    agency = table_of(Agency).c
    columns = (agency.id, agency.bin, agency.kind, agency.parent_id, *(agency[name] for name in NAMES))
    own = own_agencies(actor)
    statement = select(*columns) if own is None else select(*columns).where(agency.id.in_(own))
    return {row["id"]: dict(row) for row in db.session.execute(statement).mappings()}


def added(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the sum of rows of the report."""
    return with_share({name: sum(row[name] for row in rows) for name in COUNTED})


def with_share(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row with its ``clear_percent``."""
    judged = row["clear"] + row["flagged"] + row["exempt"] + row["accepted"]
    row["clear_percent"] = round(100 * row["clear"] / judged, 1) if judged else None
    return row


def pieces(actor: Actor, grouped_by: str) -> Select[*tuple[Any, ...]]:
    """Query counts and budgets of projects by group, freeze status and severity.

    Projects are read once, from ``ix_projects_counted`` alone.
    """
    project, agency = table_of(Project), table_of(Agency)
    alike = (GROUPS[grouped_by], project.c.freeze_status, project.c.severity)
    counted = select(*alike, func.count(), func.sum(project.c.budget_kzt)).select_from(project)
    if grouped_by == "kind":
        counted = counted.join(agency, agency.c.id == project.c.agency_id)
    # By the status: the index has no time of withdrawal.
    counted = counted.where(project.c.freeze_status != FreezeStatus.WITHDRAWN.value)
    return counted.where(*visible_projects(actor)).group_by(*alike)
