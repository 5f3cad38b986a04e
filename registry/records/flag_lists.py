"""Lists of flags, each with what would have to be true, what to do next and the clause, in a language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, select

from registry.access.actors import Actor
from registry.access.roles import Permission
from registry.freeze.findings import Finding, explain
from registry.freeze.policy import Policy
from registry.freeze.words import RULES
from registry.language.languages import Language
from registry.records.agencies import Agency
from registry.records.audit_runs import last_good_date
from registry.records.case_tables import CaseFlag, case_of_flag
from registry.records.flags import Flag, rank
from registry.records.plain_filters import PlainFilter, Texts, Words, conditions, day_filters
from registry.records.policy_in_force import policy_in_force
from registry.records.project_table import Project
from registry.records.visibility import journal_restricted_reads, visible_projects
from registry.records.vocabulary import REGIONS, SECTORS, SEVERITIES
from registry.store.database import db
from registry.store.errors import Malformed, Problem
from registry.store.paging import Listing, Page, SortKey, after, cut, order_by

FLAG_STATUSES: Final = ("open", "exempt", "accepted", "cleared")
FLAG_FILTERS: Final[Mapping[str, PlainFilter]] = {
    "project": Texts(Project.number.expression),
    "status": Words(Flag.status.expression, FLAG_STATUSES),
    "rule": Words(Flag.rule.expression, tuple(RULES)),
    "severity": Words(Flag.severity.expression, SEVERITIES),
    "agency": Texts(Agency.bin.expression),
    "region": Words(Project.region.expression, REGIONS),
    "sector": Words(Project.sector.expression, SECTORS),
    **day_filters("opened_on", Flag.opened_on.expression),
}
SORTS: Final[Mapping[str, tuple[ColumnElement[Any], type]]] = {
    "id": (Flag.id.expression, int),
    "opened_on": (Flag.opened_on.expression, date),
    "severity": (rank(Flag.severity.expression), int),
}
DEFAULT_SORT: Final = "-id"


def list_flags(by: Actor, raw: Mapping[str, str], page: Page, language: Language) -> Listing:
    """A page of the flags on projects that the actor may see, the newest first unless sorted otherwise.

    Restricted projects among them are journalled as read. Raises Malformed for a bad filter, sort or cursor.
    """
    by.require(Permission.PROJECTS_READ)
    key, descending = _sort_key(page.sort or DEFAULT_SORT)
    statement = _flags(by, key.column).where(*conditions(FLAG_FILTERS, raw))
    return _page(by, statement, page, key, descending, language)


def flags_of(by: Actor, project: Project, page: Page, language: Language) -> Listing:
    """A page of one project's flags, cleared ones too, the newest first unless sorted otherwise. Raises Malformed."""
    key, descending = _sort_key(page.sort or DEFAULT_SORT)
    return _page(by, _flags(by, key.column).where(Flag.project_id == project.id), page, key, descending, language)


def flags_of_cases(by: Actor, ids: Sequence[int], language: Language) -> dict[int, list[dict[str, Any]]]:
    """The flags that each of some cases covers, cleared ones too, oldest first."""
    statement = (
        _flags(by, CaseFlag.case_id.expression)
        .join(CaseFlag, CaseFlag.flag_id == Flag.id)
        .where(CaseFlag.case_id.in_(ids))
        .order_by(Flag.id)
    )
    last_on = last_good_date()
    found: dict[int, list[dict[str, Any]]] = {case_id: [] for case_id in ids}
    for row in db.session.execute(statement).mappings():
        shown = _shown({**row}, policy_in_force(), last_on, language)
        found[row["_sort"]].append(shown)
    return found


def standing_flags_of(by: Actor, numbers: Sequence[str], language: Language) -> dict[str, list[dict[str, Any]]]:
    """The standing flags of each of some projects, by number, in two queries for all of them; the worst first."""
    worst = rank(Flag.severity.expression)
    wanted = (Project.number.in_(numbers), Flag.status != "cleared")
    statement = _flags(by, worst).where(*wanted).order_by(worst.desc(), Flag.id)
    last_on = last_good_date()
    found: dict[str, list[dict[str, Any]]] = {number: [] for number in numbers}
    for row in db.session.execute(statement).mappings():
        shown = _shown({**row}, policy_in_force(), last_on, language)
        found[row["project"]].append(shown)
    return found


def _page(
    by: Actor,
    statement: Select[*tuple[Any, ...]],
    page: Page,
    key: SortKey,
    descending: bool,
    language: Language,
) -> Listing:
    if page.cursor is not None:
        statement = statement.where(after(key, Flag.id.expression, descending, page.cursor))
    ordered = statement.order_by(*order_by(key, Flag.id.expression, descending)).limit(page.limit + 1)
    listing = cut(db.session.execute(ordered).mappings().all(), page, key, descending)
    last_on, policy = last_good_date(), policy_in_force()
    shown = [_shown(row, policy, last_on, language) for row in listing.items]
    journal_restricted_reads(by, (row["project"] for row in listing.items if row["_restricted"]), "flags")
    return Listing(shown, listing.next)


def _flags(by: Actor, sort: ColumnElement[Any]) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Flag.id,
            Project.number.label("project"),
            Flag.rule,
            Flag.severity,
            Flag.status,
            Flag.observed,
            Flag.opened_on,
            Flag.last_seen_on,
            Flag.cleared_on,
            Flag.exemption_id.label("exemption"),
            case_of_flag(Flag.id.expression).label("case"),
            Project.is_restricted.label("_restricted"),
            sort.label("_sort"),
            Flag.id.label("_id"),
        )
        .join(Project, Project.id == Flag.project_id)
        .join(Agency, Agency.id == Project.agency_id)
        .where(*visible_projects(by))
    )


def _shown(row: Mapping[str, Any], policy: Policy, last_on: date | None, language: Language) -> dict[str, Any]:
    # A standing flag was last seen by the last good audit: a quiet night writes nothing.
    seen_on = row["last_seen_on"] if row["status"] == "cleared" else last_on or row["opened_on"]
    finding = Finding(row["rule"], row["severity"], row["observed"])
    texts = explain(finding, policy, seen_on or row["opened_on"], language)
    return {
        **{name: value for name, value in row.items() if not name.startswith("_")},
        "last_seen_on": seen_on,
        "title": texts.title,
        "required": texts.required,
        "remedy": texts.remedy,
        "clause": texts.clause,
    }


def _sort_key(sort: str) -> tuple[SortKey, bool]:
    name = sort.removeprefix("-")
    if name not in SORTS:
        raise Malformed([Problem("sort", "not-a-choice", {"options": ", ".join(SORTS)})])
    column, kind = SORTS[name]
    return SortKey(name, column, kind), sort.startswith("-")
