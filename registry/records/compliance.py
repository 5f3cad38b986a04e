"""The compliance report: where projects stand, by agency, region, kind of agency or sector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, case, func, select

from registry.access.actors import Actor
from registry.access.roles import Permission
from registry.records.agencies import Agency
from registry.records.policy_in_force import policy_in_force
from registry.records.project_table import Project
from registry.records.standing import freeze_status, judged_up_to, severity
from registry.records.visibility import visible_projects
from registry.store.database import db

GROUPS: Final[Mapping[str, ColumnElement[Any]]] = {
    "agency": Agency.bin.expression,
    "region": Project.region.expression,
    "kind": Agency.kind.expression,
    "sector": Project.sector.expression,
}


def compliance(by: Actor, grouped_by: str) -> dict[str, Any]:
    """Rows of counts and whole tenge by ``agency``, ``region``, ``kind`` or ``sector``, and their totals.

    ``flagged`` counts projects with an open flag, apart by severity of the highest standing flag; exempt projects are
    counted apart and never as clear. ``clear_percent`` is of the projects in scope that an audit has judged, None when
    there are none. An agency sees itself and those below it. Raises RoleNotAllowed.
    """
    by.require(Permission.REPORTS_READ)
    group = GROUPS[grouped_by]
    # One row a project first, so that each status is worked out once.
    stand = (
        select(
            group.label("key"),
            freeze_status(policy_in_force(), judged_up_to()).label("status"),
            severity().label("severity"),
            Project.budget_kzt.label("budget"),
        )
        .join(Agency, Agency.id == Project.agency_id)
        .where(*visible_projects(by))
        .subquery()
    )

    def count(*conditions: ColumnElement[bool]) -> ColumnElement[int]:
        if not conditions:
            return func.count()
        matches = conditions[0] if len(conditions) == 1 else conditions[0] & conditions[1]
        return func.count(case((matches, 1)))

    status, worst = stand.c.status, stand.c.severity
    counted = (
        select(
            stand.c.key,
            count().label("projects"),
            *(count(status == name).label(name) for name in ("clear", "flagged", "exempt", "accepted")),
            *(count(status == "flagged", worst == name).label(f"flagged_{name}") for name in ("high", "medium", "low")),
            *(count(status == name).label(name) for name in ("out_of_scope", "unaudited")),
            func.sum(func.coalesce(stand.c.budget, 0)).label("budget_kzt"),
            func.sum(case((status == "flagged", func.coalesce(stand.c.budget, 0)), else_=0)).label(
                "budget_flagged_kzt"
            ),
        )
        .group_by(stand.c.key)
        .order_by(stand.c.key.is_(None), stand.c.key)
    )
    items = [_with_share({**row}) for row in db.session.execute(counted).mappings()]
    names = _agency_names([row["key"] for row in items]) if grouped_by == "agency" else {}
    for row in items:
        row.update(names.get(row["key"], {}))
    totals = {name: sum(row[name] for row in items) for name in COUNTED}
    return {"by": grouped_by, "items": items, "totals": _with_share(totals)}


COUNTED: Final = (
    "projects",
    "clear",
    "flagged",
    "flagged_high",
    "flagged_medium",
    "flagged_low",
    "exempt",
    "accepted",
    "out_of_scope",
    "unaudited",
    "budget_kzt",
    "budget_flagged_kzt",
)


def _with_share(row: dict[str, Any]) -> dict[str, Any]:
    # PostgreSQL sums bigint to numeric, and money is whole tenge.
    row["budget_kzt"], row["budget_flagged_kzt"] = int(row["budget_kzt"]), int(row["budget_flagged_kzt"])
    judged = row["clear"] + row["flagged"] + row["exempt"] + row["accepted"]
    row["clear_percent"] = round(100 * row["clear"] / judged, 1) if judged else None
    return row


def _agency_names(bins: list[str]) -> dict[str, dict[str, Any]]:
    rows = db.session.execute(
        select(Agency.bin, Agency.name_kk, Agency.name_ru, Agency.name_en).where(Agency.bin.in_(bins))
    )
    return {row.bin: {"name_kk": row.name_kk, "name_ru": row.name_ru, "name_en": row.name_en} for row in rows}
