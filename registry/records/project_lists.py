"""Lists of projects in their short shape, page by page, with search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Final

from sqlalchemy import ColumnElement, select

from registry.access.actors import Actor
from registry.records.agencies import Agency
from registry.records.policy_in_force import policy_in_force
from registry.records.project_filters import project_conditions
from registry.records.project_table import Project
from registry.records.standing import freeze_status, judged_up_to, severity, started_on
from registry.records.visibility import journal_restricted_reads
from registry.store.database import db
from registry.store.errors import Malformed, Problem
from registry.store.paging import Listing, Page, SortKey, after, cut, order_by

SORTS: Final = ("registered_at", "updated_at", "number", "budget_kzt", "started_on")
DEFAULT_SORT: Final = "-registered_at"


def list_projects(
    by: Actor, raw_filters: Mapping[str, str], page: Page, *, only: Sequence[ColumnElement[bool]] = ()
) -> Listing:
    """A page of the projects that the actor may see and the filters leave, as mappings in the short shape.

    ``only``: the conditions on projects of a narrower list. Restricted projects among them are journalled as read.
    Raises Malformed for a bad filter, sort or cursor.
    """
    policy = policy_in_force()
    judged = judged_up_to()
    key, descending = sort_key(page.sort or DEFAULT_SORT)
    shown = (
        Project.number,
        Agency.bin.label("agency"),
        Project.name_kk,
        Project.name_ru,
        Project.name_en,
        Project.object_kind,
        Project.work_type,
        Project.stage,
        Project.placement,
        started_on(policy).label("started_on"),
        Project.budget_kzt,
        Project.sector,
        Project.region,
        freeze_status(policy, judged).label("freeze_status"),
        severity().label("severity"),
        Project.updated_at,
        Project.is_restricted.label("_restricted"),
        key.column.label("_sort"),
        Project.id.label("_id"),
    )
    statement = (
        select(*shown).join(Agency, Agency.id == Project.agency_id).where(*project_conditions(by, raw_filters), *only)
    )
    if page.cursor is not None:
        statement = statement.where(after(key, Project.id.expression, descending, page.cursor))
    statement = statement.order_by(*order_by(key, Project.id.expression, descending)).limit(page.limit + 1)
    listing = cut(db.session.execute(statement).mappings().all(), page, key, descending)
    journal_restricted_reads(by, (row["number"] for row in listing.items if row["_restricted"]), "list")
    return listing


def sort_key(sort: str) -> tuple[SortKey, bool]:
    """The key and direction of ``name`` or ``-name``. Raises Malformed for a field that lists are not sorted by."""
    descending = sort.startswith("-")
    name = sort.removeprefix("-")
    if name not in SORTS:
        raise Malformed([Problem("sort", "not-a-choice", {"options": ", ".join(SORTS)})])
    if name == "started_on":
        return SortKey(name, started_on(policy_in_force()), date, nullable=True), descending
    column = getattr(Project, name).expression
    kind = {"number": str, "budget_kzt": int}.get(name, datetime)
    return SortKey(name, column, kind, nullable=name == "budget_kzt"), descending
