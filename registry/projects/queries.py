"""Project queries: the paginated list with filters and search, and single projects."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, RowMapping, Select, bindparam, select, text
from sqlalchemy.orm import contains_eager

from registry.accounts.roles import Actor, Permission
from registry.agencies.models import Agency
from registry.agencies.queries import BY_NAME
from registry.core import lists
from registry.core.clock import today
from registry.core.database import db, table_of
from registry.core.dialects import date_literal, has_statistics, is_sqlite, planned_for_values
from registry.core.fields import AMOUNT, YearlyAmounts
from registry.core.values import InvalidValue
from registry.freeze import rules
from registry.freeze.facts import EarlierRevision
from registry.freeze.policy import Policy, policy_in_force
from registry.projects.fields import FILTERED_TEXTS, is_asked
from registry.projects.filters import (
    FILTERS,
    OF_STATUS,
    filter_conditions,
    reads_references,
    split_agency_filters,
    started_on,
)
from registry.projects.models import BY_FILTERS, STATUS, STATUS_COLUMNS, Project, is_project_number
from registry.projects.revisions import LAW_LOOKS_AT, Revision
from registry.projects.service import ProjectNotFound
from registry.projects.visibility import OWN_AGENCY, journal_restricted_reads, visible_projects, visible_with


def asked_texts(texts: Mapping[str, str]) -> dict[str, str]:
    """Return the texts of a draft without those of questions that its answers do not ask any more."""
    return {name: text for name, text in texts.items() if is_asked(name, texts)}


def with_budget(texts: Mapping[str, str]) -> dict[str, str]:
    """Return the texts with the sum of the years as the budget, where only the years are given."""
    if texts.get("budget_kzt", "").strip() or not texts.get("cost_by_year", "").strip():
        return dict(texts)
    try:
        amounts = YearlyAmounts().from_text(texts["cost_by_year"])
    except InvalidValue:
        return dict(texts)
    if not isinstance(amounts, list) or not all(type(each[AMOUNT]) is int for each in amounts):
        return dict(texts)
    return {**texts, "budget_kzt": f"{sum(each[AMOUNT] for each in amounts):,}".replace(",", " ")}


def without_year(values: Mapping[str, Any]) -> int | None:
    """Return the part of the budget that no year has; None when there is none or the cost is not given by year."""
    amounts, budget = values.get("cost_by_year"), values.get("budget_kzt")
    if not amounts or budget is None:
        return None
    rest: int = budget - sum(each[AMOUNT] for each in amounts)
    return rest or None


def in_order(names: Iterable[str], order: Iterable[str]) -> list[str]:
    """Return the names in this order."""
    chosen = set(names)
    return [name for name in order if name in chosen]


PROJECT: Final = table_of(Project).c
# The sort that the indexes of filters have, and those for which SQLite has no index.
BY_FILTERS_FIRST: Final = ("registered_at", "budget_kzt", "started_on")
# Filters that may find few projects by an index of their own.
SELECTIVE: Final = frozenset({*FILTERED_TEXTS, "number", "agency", "freeze_status", "q"})
# Conditions of these depend on what the database has: how rare the words are, and when the last audit was.
NOT_CACHED: Final = frozenset({"q", "flag_age"})
READ_BY_FILTERS: Final[Any] = text(f"projects.{BY_FILTERS}")
# What stands for no budget in the indexes ``ix_projects_budget_down`` and ``…_up``.
BUDGET_ENDS: Final = ("-1", str(2**63 - 1))


def _by_start() -> lists.SortKey:
    ends = (date_literal("0001-01-01"), date_literal("9999-12-31"))
    return lists.SortKey("started_on", started_on(policy_in_force()), date, nullable=True, ends=ends)


def _matching(
    actor: Actor,
    raw: Mapping[str, str],
    *columns: ColumnElement[Any],
    reads: Sequence[str] = (),
    only: Sequence[ColumnElement[bool]] = (),
) -> Select[Any]:
    project, agency = table_of(Project), table_of(Agency)
    statement = select(*columns).join_from(project, agency, agency.c.id == PROJECT.agency_id)
    if not OF_STATUS.isdisjoint(reads):
        statement = statement.where(STATUS.c.project_id == PROJECT.id)
    sort = next(iter(reads), BY_FILTERS_FIRST[0])
    return statement.where(*_criteria(actor, raw, only, sort))


PROJECT_LIST: Final = lists.ListDeclaration[Actor](
    name="projects",
    permission=Permission.PROJECTS_READ,
    filters=FILTERS,
    sorts={
        **lists.sort_keys(PROJECT.registered_at, PROJECT.updated_at, STATUS.c.changed_at, PROJECT.number),
        "budget_kzt": lists.SortKey("budget_kzt", PROJECT.budget_kzt, int, nullable=True, ends=BUDGET_ENDS),
        "started_on": _by_start,
        **lists.sort_keys(STATUS.c.freeze_status),
        BY_NAME.name: BY_NAME,
    },
    default_sort="-registered_at",
    negatable=True,
    counted=True,
    split=split_agency_filters,
    statement=_matching,
    unique=PROJECT.id,
    amount=("budget_kzt", PROJECT.id),
)


def list_projects(
    actor: Actor, raw_filters: Mapping[str, str], page: lists.Page, *, only: Sequence[ColumnElement[bool]] = ()
) -> lists.Listing:
    """Return a page of the projects that are visible to the actor and match the filters, as mappings.

    ``only``: additional conditions on Project. Restricted projects among them are journalled as read.
    Raises Malformed for an invalid filter, sort or cursor.
    """
    sort, filters = page.sort or PROJECT_LIST.default_sort, tuple(raw_filters.items())
    key, descending = PROJECT_LIST.sort_key(sort)
    filtered = _filtered_list if not only and NOT_CACHED.isdisjoint(raw_filters) else _filtered_list.__wrapped__
    reader = actor.agency_id is not None, actor.may(Permission.RESTRICTED_READ), reads_references(actor)
    statement = filtered(sort, page.limit, reader, filters, tuple(only), (policy_in_force(), today(), is_sqlite()))
    if page.cursor is not None:
        statement = statement.where(lists.after(key, _unique(key), descending, page.cursor))
    # A plan for any value looks for a rare one along the order: among 100,000 projects 36 ms in place of 3.
    with planned_for_values(db.session()):
        result = db.session.execute(statement, {OWN_AGENCY: actor.agency_id})
    names = tuple(result.keys())
    # A third of the time of SQLAlchemy's mappings: a page reads each value of each row.
    rows = [dict(zip(names, row, strict=True)) for row in result]
    listing = lists.build_page(rows, page, key, descending)
    journal_restricted_reads(actor, (row["number"] for row in listing.items if row["_restricted"]), "list")
    return lists.with_count(
        listing, lambda: _matching(actor, raw_filters, PROJECT.id, reads=[key.name], only=only), page
    )


def list_histories(actor: Actor, raw_filters: Mapping[str, str], page: lists.Page) -> lists.Listing:
    """Return the revisions of a page of projects, as ``list_projects`` has it, of each the oldest first."""
    listing = list_projects(actor, raw_filters, page)
    numbers = [each["number"] for each in listing.items]
    shown = (PROJECT.number.label("project"), Revision.version, Revision.at, Revision.by, Revision.changes)
    statement = select(*shown, Revision.reason).join(Project, PROJECT.id == Revision.project_id)
    statement = statement.where(PROJECT.number.in_(numbers), *visible_projects(actor))
    statement = statement.order_by(PROJECT.number, Revision.version)
    return lists.Listing([dict(row) for row in db.session.execute(statement).mappings()], listing.next)


def _criteria(
    actor: Actor, raw_filters: Mapping[str, str], only: Sequence[ColumnElement[bool]], sort: str
) -> list[ColumnElement[bool]]:
    bound = actor.agency_id is not None
    conditions = _conditions(raw_filters, only, references=reads_references(actor))
    return [*visible_projects(actor), *conditions, *_by_filters(raw_filters, only, sort, bound)]


def _conditions(
    raw_filters: Mapping[str, str], only: Sequence[ColumnElement[bool]], *, references: bool
) -> list[ColumnElement[bool]]:
    # The search last: PostgreSQL evaluates in this order, and a text search costs as much as ten comparisons.
    in_order = sorted(raw_filters.items(), key=lambda item: item[0] == "q")
    return [*only, *filter_conditions(dict(in_order), references=references)]


def _by_filters(
    raw_filters: Mapping[str, str], only: Sequence[ColumnElement[bool]], sort: str, bound: bool
) -> list[ColumnElement[bool]]:
    """Let SQLite read an index of filters, unless another one finds few rows, or fills a page from its first ones."""
    if has_statistics() or sort not in BY_FILTERS_FIRST or only or bound:
        return []
    single = {name for name, value in raw_filters.items() if "," not in value}
    fitting = "stage" in single or {"region", "sector"} <= single
    return [READ_BY_FILTERS] if fitting and SELECTIVE.isdisjoint(raw_filters) else []


# Cached, because programs and dashboards repeat their filters: an eighth of the processor time of Python of a list.
# ``circumstances``: what filters depend on beside their values: the policy, the day, whether this is SQLite.
@lru_cache(maxsize=256)
def _filtered_list(
    sort: str,
    limit: int,
    reader: tuple[bool, bool, bool],
    filters: tuple[tuple[str, str], ...],
    only: tuple[ColumnElement[bool], ...],
    circumstances: tuple[Policy, date, bool],
) -> Select[*tuple[Any, ...]]:
    raw_filters, (bound, restricted, references) = dict(filters), reader
    return (
        _list_statement(sort, circumstances[0])
        .limit(lists.literal_limit(limit + 1))
        .where(
            *visible_with(bound=bound, restricted=restricted),
            *_conditions(raw_filters, only, references=references),
            *_by_filters(raw_filters, only, sort.removeprefix("-"), bound),
        )
    )


@lru_cache(maxsize=64)
def _list_statement(sort: str, policy: Policy) -> Select[*tuple[Any, ...]]:
    # Cached per sort: 0.1 to 0.3 ms of the 4 ms of processor time of a list.
    key, descending = PROJECT_LIST.sort_key(sort)
    project, agency = table_of(Project).c, table_of(Agency).c
    columns = (
        project.number,
        agency.bin.label("agency"),
        project.external_id,
        *(project[name] for name in ("name_kk", "name_ru", "name_en", "object_kind", "work_type", "stage")),
        project.placement,
        started_on(policy).label("started_on"),
        *(project[name] for name in ("budget_kzt", "sector", "region", "updated_at")),
        *STATUS_COLUMNS,
        project.is_restricted.label("_restricted"),
        key.column.label("_sort"),
        project.id.label("_id"),
    )
    return (
        select(*columns)
        .join(table_of(Agency), agency.id == project.agency_id)
        .join(STATUS, STATUS.c.project_id == project.id)
        .order_by(*lists.order_by(key, _unique(key), descending))
    )


def _unique(key: lists.SortKey) -> ColumnElement[int]:
    """Return the id of the project, of the same table as the key, so that an index serves both."""
    return STATUS.c.project_id if key.name == "changed_at" else table_of(Project).c.id


def projects_numbered(actor: Actor, numbers: Iterable[str]) -> dict[str, Project]:
    """Return the projects with these numbers that the actor may see, by number, with their agencies."""
    statement = (
        select(Project)
        .join(Project.agency)
        .options(contains_eager(Project.agency))
        .where(Project.number.in_(set(numbers)), *visible_projects(actor))
    )
    return {project.number: project for project in db.session.scalars(statement)}


# One project for display, read with a single statement, as a mapping and not as an ORM object.

Statement = Callable[[bool, bool], Select[Any]]
NUMBER_PARAMETER: Final = "requested_number"


def read_whole(actor: Actor, number: str, what: str) -> Mapping[str, Any]:
    """Return all displayed values of a project; reading a restricted project is journalled as ``what``.

    Raises ProjectNotFound, also for projects that the actor may not see.
    """
    return _with_start(_read(actor, number, what, _details_statement))


def _with_start(row: RowMapping) -> dict[str, Any]:
    work_started = rules.started_on(EarlierRevision(**{name: row[name] for name in LAW_LOOKS_AT}), policy_in_force())
    return {**row, "started_on": work_started}


def read_several(actor: Actor, numbers: Collection[str], what: str) -> list[Mapping[str, Any]]:
    """Return the same of each of these projects that the actor may see."""
    reader = actor.agency_id is not None, actor.may(Permission.RESTRICTED_READ)
    statement = _details(*reader).where(table_of(Project).c.number.in_(numbers))
    rows = db.session.execute(statement, {OWN_AGENCY: actor.agency_id}).mappings().all()
    journal_restricted_reads(actor, (row["number"] for row in rows if row["is_restricted"]), what)
    return [_with_start(row) for row in rows]


def read_id(actor: Actor, number: str, what: str) -> int:
    """Return the id of a project, for reading its related records; otherwise as ``read_whole``."""
    project_id: int = _read(actor, number, what, _id_statement)["id"]
    return project_id


def _read(actor: Actor, number: str, what: str, statement: Statement) -> RowMapping:
    row = _row(actor, number, statement)
    if not row["is_restricted"]:
        return row
    journal_restricted_reads(actor, [number], what)
    return _row(actor, number, statement)


def _row(actor: Actor, number: str, statement: Statement) -> RowMapping:
    prepared = statement(actor.agency_id is not None, actor.may(Permission.RESTRICTED_READ))
    # PostgreSQL rejects NUL in a parameter.
    valid = is_project_number(number)
    values = {NUMBER_PARAMETER: number, OWN_AGENCY: actor.agency_id}
    row = db.session.execute(prepared, values).mappings().one_or_none() if valid else None
    if row is None:
        raise ProjectNotFound(number=number)
    return row


# Cached per kind of reader: 0.4 ms of the 2.8 ms of processor time of a project.
@lru_cache(maxsize=4)
def _details_statement(bound: bool, restricted: bool) -> Select[Any]:
    return _details(bound, restricted).where(table_of(Project).c.number == bindparam(NUMBER_PARAMETER))


def _details(bound: bool, restricted: bool) -> Select[Any]:
    project, agency = table_of(Project).c, table_of(Agency).c
    columns: list[ColumnElement[Any]] = [column for column in project if column.name != "words"]
    shown = select(*columns, *STATUS_COLUMNS, agency.bin.label("agency"))
    joined = shown.join(table_of(Agency), agency.id == project.agency_id).join(
        STATUS, STATUS.c.project_id == project.id
    )
    return joined.where(*visible_with(bound=bound, restricted=restricted))


# Cached: 0.3 ms of the 3.7 ms of processor time of a project's flags.
@lru_cache(maxsize=4)
def _id_statement(bound: bool, restricted: bool) -> Select[Any]:
    project = table_of(Project).c
    named = select(project.id, project.is_restricted).where(project.number == bindparam(NUMBER_PARAMETER))
    return named.where(*visible_with(bound=bound, restricted=restricted))
