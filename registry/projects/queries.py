"""Lists of projects in their short shape, page by page, with search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, select

from registry.accounts.actors import Actor
from registry.agencies.service import Agency
from registry.core.bulk import estimated_rows, table_of
from registry.core.database import db, is_sqlite
from registry.core.errors import Malformed, Problem
from registry.core.pagination import Listing, Page, SortKey, after, cut_page, literal_limit, order_by
from registry.core.search import has_words, holds_words, words_of
from registry.freeze.current import policy_in_force
from registry.freeze.policy import Policy
from registry.projects.filters import project_conditions
from registry.projects.models import Project
from registry.projects.started import started_on
from registry.projects.visibility import journal_restricted_reads

SORTS: Final = ("registered_at", "updated_at", "changed_at", "number", "budget_kzt", "started_on")
DEFAULT_SORT: Final = "-registered_at"
# Of so many rows the index is read, and they are sorted, in a hundredth of a second.
COMMON: Final = 10_000


def list_projects(
    actor: Actor, raw_filters: Mapping[str, str], page: Page, *, only: Sequence[ColumnElement[bool]] = ()
) -> Listing:
    """A page of the projects that the actor may see and the filters leave, as mappings in the short shape.

    ``only``: the conditions on projects of a narrower list. Restricted projects among them are journalled as read.
    Raises Malformed for a bad filter, sort or cursor.
    """
    key, descending = sort_key(page.sort or DEFAULT_SORT)
    conditions = [*project_conditions(actor, raw_filters), *only]
    statement = _shown(page.sort or DEFAULT_SORT, policy_in_force(), is_sqlite()).limit(literal_limit(page.limit + 1))
    behind = [] if page.cursor is None else [after(key, table_of(Project).c.id, descending, page.cursor)]
    words = words_of(raw_filters.get("q", ""))
    if words and not is_sqlite():
        others = {name: value for name, value in raw_filters.items() if name != "q"}
        # The words last: PostgreSQL asks in this order, and looking through a text takes as long as ten comparisons.
        conditions = [*project_conditions(actor, others), *only, _with_words(words)]
    rows = db.session.execute(statement.where(*conditions, *behind)).mappings().all()
    listing = cut_page(rows, page, key, descending)
    journal_restricted_reads(actor, (row["number"] for row in listing.items if row["_restricted"]), "list")
    return Listing([{**row} for row in listing.items], listing.next)


def _with_words(words: list[str]) -> ColumnElement[bool]:
    """That a project has the words, asked of PostgreSQL in the way that fits how common they are.

    A common word fills a page from the first rows of the list, a rare one is found by the index. The planner knows
    which is which, but not that it must never walk the whole list for a rare one.
    """
    project = table_of(Project).c
    found = select(project.id).where(has_words(project.words, words))
    if estimated_rows(db.session(), found) > COMMON:
        return holds_words(project.words, words)
    hits = found.cte("hits").prefix_with("MATERIALIZED")
    return project.id.in_(select(hits.c.id))


@lru_cache(maxsize=64)
def _shown(sort: str, policy: Policy, _on_sqlite: bool) -> Select[*tuple[Any, ...]]:
    # Made once a sort: a statement of so many columns takes longer to make than to run.
    key, descending = sort_key(sort)
    project, agency = table_of(Project).c, table_of(Agency).c
    shown = (
        project.number,
        agency.bin.label("agency"),
        project.external_id,
        *(project[name] for name in ("name_kk", "name_ru", "name_en", "object_kind", "work_type", "stage")),
        project.placement,
        started_on(policy).label("started_on"),
        *(project[name] for name in ("budget_kzt", "sector", "region", "updated_at", "changed_at")),
        project.freeze_status,
        project.severity,
        project.is_restricted.label("_restricted"),
        key.column.label("_sort"),
        project.id.label("_id"),
    )
    return (
        select(*shown)
        .join(table_of(Agency), agency.id == project.agency_id)
        .order_by(*order_by(key, project.id, descending))
    )


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
