"""Lists of projects in their short shape, page by page, with search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, RowMapping, Select, select

from registry.access.actors import Actor
from registry.freeze.policy import Policy
from registry.records.agencies import Agency
from registry.records.policy_in_force import policy_in_force
from registry.records.project_filters import FILTERS, project_conditions
from registry.records.project_table import Project
from registry.records.standing import JUDGED_UP_TO, standing_code, started_on, told_standing
from registry.records.visibility import journal_restricted_reads
from registry.store.bulk import table_of
from registry.store.database import db, is_sqlite
from registry.store.errors import Malformed, Problem
from registry.store.paging import Listing, Page, SortKey, after, cut, order_by

SORTS: Final = ("registered_at", "updated_at", "number", "budget_kzt", "started_on")
DEFAULT_SORT: Final = "-registered_at"
LOOKED_THROUGH: Final = 1000


def list_projects(
    by: Actor, raw_filters: Mapping[str, str], page: Page, *, only: Sequence[ColumnElement[bool]] = ()
) -> Listing:
    """A page of the projects that the actor may see and the filters leave, as mappings in the short shape.

    ``only``: the conditions on projects of a narrower list. Restricted projects among them are journalled as read.
    Raises Malformed for a bad filter, sort or cursor.
    """
    key, descending = sort_key(page.sort or DEFAULT_SORT)
    conditions = [*project_conditions(by, raw_filters), *only]
    statement = _shown(page.sort or DEFAULT_SORT, policy_in_force(), is_sqlite()).limit(page.limit + 1)
    behind = [] if page.cursor is None else [after(key, Project.id.expression, descending, page.cursor)]
    if "q" in raw_filters and not is_sqlite():
        others = {name: value for name, value in raw_filters.items() if name != "q"}
        words = FILTERS["q"].condition("q", raw_filters["q"])
        rows = _search(statement, words, [*project_conditions(by, others), *only, *behind], page)
    else:
        rows = db.session.execute(statement.where(*conditions, *behind)).mappings().all()
    listing = cut(rows, page, key, descending)
    journal_restricted_reads(by, (row["number"] for row in listing.items if row["_restricted"]), "list")
    return Listing([_told(row) for row in listing.items], listing.next)


def _search(
    statement: Select[*tuple[Any, ...]], words: ColumnElement[bool], others: Sequence[ColumnElement[bool]], page: Page
) -> Sequence[RowMapping]:
    """The rows with these words. PostgreSQL cannot tell a common beginning of a word from a rare one, and is told.

    First it looks at the next thousand rows of the list: a common word fills the page from them. A word that does not
    is in a few percent of all projects at most, and the index over the words gives these at once.
    """
    key, descending = sort_key(page.sort or DEFAULT_SORT)
    project, agency = table_of(Project), table_of(Agency)
    near = (
        select(project.c.id)
        .join(agency, agency.c.id == project.c.agency_id)
        .where(*others)
        .order_by(*order_by(key, project.c.id, descending))
        .limit(LOOKED_THROUGH)
    )
    rows = db.session.execute(statement.where(project.c.id.in_(near), words)).mappings().all()
    if len(rows) > page.limit:
        return rows
    hits = select(project.c.id).where(words).cte("hits").prefix_with("MATERIALIZED")
    found = statement.where(project.c.id.in_(select(hits.c.id)), *others)
    return db.session.execute(found).mappings().all()


@lru_cache(maxsize=64)
def _shown(sort: str, policy: Policy, _on_sqlite: bool) -> Select[*tuple[Any, ...]]:
    # Made once a sort: a statement of so many columns takes longer to make than to run.
    key, descending = sort_key(sort)
    project, agency = table_of(Project).c, table_of(Agency).c
    shown = (
        project.number,
        agency.bin.label("agency"),
        *(project[name] for name in ("name_kk", "name_ru", "name_en", "object_kind", "work_type", "stage")),
        project.placement,
        started_on(policy).label("started_on"),
        *(project[name] for name in ("budget_kzt", "sector", "region", "updated_at")),
        standing_code(project.id).label("_standing"),
        JUDGED_UP_TO.label("_judged"),
        agency.kind.label("_kind"),
        project.is_restricted.label("_restricted"),
        key.column.label("_sort"),
        project.id.label("_id"),
    )
    return (
        select(*shown)
        .join(table_of(Agency), agency.id == project.agency_id)
        .order_by(*order_by(key, project.id, descending))
    )


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    status, severity = told_standing(row["_standing"], row["_id"], row["_kind"], row["_judged"])
    return {**row, "freeze_status": status, "severity": severity}


def sort_key(sort: str) -> tuple[SortKey, bool]:
    """The key and direction of ``name`` or ``-name``. Raises Malformed for a field that lists are not sorted by."""
    descending = sort.startswith("-")
    name = sort.removeprefix("-")
    if name not in SORTS:
        raise Malformed([Problem("sort", "not-a-choice", {"options": ", ".join(SORTS)})])
    if name == "started_on":
        earliest, latest = ("'0001-01-01'", "'9999-12-31'")
        ends = (earliest, latest) if is_sqlite() else (f"{earliest}::date", f"{latest}::date")
        return SortKey(name, started_on(policy_in_force()), date, nullable=True, ends=ends), descending
    column = table_of(Project).c[name]
    if name == "budget_kzt":
        return SortKey(name, column, int, nullable=True, ends=("-1", str(2**63 - 1))), descending
    return SortKey(name, column, str if name == "number" else datetime), descending
