"""Lists of flags, each with what would have to be true, what to do next and the clause, in a language."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause, Integer, Select, and_, bindparam, case, func, or_, select

from registry.accounts.roles import Actor, Permission
from registry.agencies.models import Agency
from registry.agencies.queries import BY_NAME
from registry.core import lists
from registry.core.clock import today
from registry.core.database import db, table_of
from registry.core.lists import Listing, Page, after, build_page, order_by, split_values, with_count
from registry.core.translations import Language, translator
from registry.core.values import InvalidValue, exact_day
from registry.flags import models
from registry.freeze.findings import Finding, explain
from registry.freeze.policy import Policy, policy_in_force
from registry.freeze.rules import RULES
from registry.freeze.vocabulary import Severity
from registry.projects.filters import FILTERS, OF_PROJECT, split_below
from registry.projects.models import STATUS, Project, is_project_number
from registry.projects.queries import read_id
from registry.projects.visibility import OWN_AGENCY, journal_restricted_reads, visible_projects, visible_with
from registry.projects.vocabulary import FLAG_AGES, FlagAge, FreezeStatus

# Columns that slices above add to what is shown of a flag, such as its case. ``registry/hooks.py`` does it.

OfFlag = Callable[[ColumnElement[int]], ColumnElement[Any]]
_columns: Final[dict[str, tuple[OfFlag, Permission]]] = {}


def link_column(name: str, of_flag: OfFlag, permission: Permission) -> None:
    """Let every list of flags show the value of this function of a flag's id, under that name.

    Without the permission it shows null.
    """
    _columns[name] = of_flag, permission


def linked_columns(flag_id: ColumnElement[int]) -> list[ColumnElement[Any]]:
    """Return all of them for a flag, labelled with their names."""
    return [of_flag(flag_id).label(name) for name, (of_flag, _) in _columns.items()]


def hidden_columns(actor: Actor) -> dict[str, None]:
    """Nulls for the columns that the actor may not read."""
    return {name: None for name, (_, permission) in _columns.items() if not actor.may(permission)}


# The filters of lists of projects by their flags.

PROJECT: Final = table_of(Project).c


def has_open_flag(value: str) -> ColumnElement[bool]:
    """``flagged``: true or false. Raises InvalidValue."""
    if value not in ("true", "false"):
        raise InvalidValue("expected-true-or-false")
    flagged = _has_flag(and_(models.FLAGS.c.status == "open", models.FLAGS.c.severity != Severity.PLAN.value))
    return flagged if value == "true" else ~flagged


def has_active_flag_of_rule(value: str) -> ColumnElement[bool]:
    """``rule``: rules of the policy with commas between them. Raises InvalidValue."""
    return _has_flag(models.FLAGS.c.rule.in_(_rules(value)))


def has_open_flag_of_rule(value: str) -> ColumnElement[bool]:
    """``open_rule``: the same, of flags that are neither exempt nor accepted. Raises InvalidValue."""
    return _has_flag(and_(models.FLAGS.c.status == "open", models.FLAGS.c.rule.in_(_rules(value))))


def _rules(value: str) -> list[str]:
    rules = split_values(value)
    for rule in rules:
        if rule not in policy_in_force().rules:
            raise InvalidValue("not-a-choice", options=", ".join(policy_in_force().rules))
    return rules


def has_open_flag_of_age(value: str) -> ColumnElement[bool]:
    """``flag_age``: ages of open flags as of the last audit, each alone or with a severity (``31-high``), with commas
    between them. Flags of the plan have none. Raises InvalidValue.
    """
    ages = split_values(value)
    for age in ages:
        if age not in FLAG_AGES:
            raise InvalidValue("not-a-choice", options=", ".join(FLAG_AGES))
    on = models.last_good_date() or today()
    return _has_flag(and_(models.FLAGS.c.status == "open", or_(*(_opened(age, on) for age in ages))))


def _opened(value: str, on: date) -> ColumnElement[bool]:
    age, _, severity = value.partition("-")
    first, last = FlagAge(age).opened(on)
    conditions = [models.FLAGS.c.opened_on <= last]
    if first is not None:
        conditions.append(models.FLAGS.c.opened_on >= first)
    conditions.append(
        models.FLAGS.c.severity == severity if severity else models.FLAGS.c.severity != Severity.PLAN.value
    )
    return and_(*conditions)


def is_flagged_until(value: str) -> ColumnElement[bool]:
    """``flagged_until``: a date; projects that get an open flag, or a more severe one, by then if nothing changes but
    the date. Raises InvalidValue.
    """
    return _changes_to_flagged(models.COMING.c.on <= exact_day(value))


def is_flagged_next_for(value: str) -> ColumnElement[bool]:
    """``flagged_next_for``: the rules that flag them then. Raises InvalidValue."""
    return _changes_to_flagged(models.COMING.c.flagged_for.in_(_rules(value)))


def _changes_to_flagged(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    coming = select(models.COMING.c.on).where(
        models.COMING.c.project_id == PROJECT.id, models.COMING.c.flagged_for.is_not(None), condition
    )
    return coming.correlate_except(models.COMING).exists()


def coming_flags(actor: Actor, column: ColumnElement[Any], until: Sequence[date]) -> dict[Any, list[int]]:
    """Count the visible projects that get a flag by each of the dates if nothing changes, grouped by a column of
    ``COMING`` or of the table of statuses, the most first.
    """
    number = [func.count(case((models.COMING.c.on <= day, models.COMING.c.project_id)).distinct()) for day in until]
    statement = (
        select(column, *number)
        .select_from(models.COMING.join(STATUS, STATUS.c.project_id == models.COMING.c.project_id))
        .where(models.COMING.c.flagged_for.is_not(None), models.COMING.c.on <= max(until))
        .where(STATUS.c.freeze_status != FreezeStatus.WITHDRAWN.value, *visible_projects(actor, STATUS.c))
        .group_by(column)
        .order_by(number[-1].desc(), column)
    )
    return {row[0]: list(row[1:]) for row in db.session.execute(statement)}


def next_coming_flag(project_id: int) -> models.ComingChange | None:
    """Return the next change by which time alone flags the project, as the last good audit saw it."""
    coming = select(models.ComingChange).where(
        models.ComingChange.project_id == project_id,
        models.ComingChange.on > today(),
        models.ComingChange.flagged_for.is_not(None),
    )
    change: models.ComingChange | None = db.session.scalar(coming.order_by(models.ComingChange.on).limit(1))
    return change


def _has_flag(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    flags = select(models.FLAGS.c.id).where(models.FLAGS.c.project_id == PROJECT.id, models.IS_ACTIVE, condition)
    return flags.correlate_except(models.FLAGS).exists()


FLAG: Final = models.FLAGS.c
AGENCY: Final = table_of(Agency).c
OF_NUMBER: Final = PROJECT.number == bindparam("project")


def _matching(
    actor: Actor,
    raw: Mapping[str, str],
    *columns: ColumnElement[Any],
    reads: Sequence[str] = (),  # noqa: ARG001 - projects and agencies are joined for visibility
    only: Sequence[ColumnElement[bool]] = (),
) -> Select[Any]:
    statement = select(*columns).join_from(models.FLAGS, table_of(Project), PROJECT.id == FLAG.project_id)
    statement = statement.join(table_of(Agency), AGENCY.id == PROJECT.agency_id)
    return statement.where(*visible_projects(actor), *FLAG_LIST.criteria(actor, raw), *only)


FLAG_LIST: Final = lists.ListDeclaration[Actor](
    name="flags",
    permission=Permission.PROJECTS_READ,
    filters={
        "status": lists.ChoiceFilter(FLAG.status, models.FlagStatus.codes()),
        "rule": lists.ChoiceFilter(FLAG.rule, tuple(RULES)),
        "severity": lists.ChoiceFilter(FLAG.severity, Severity.codes()),
        **OF_PROJECT,
        **lists.date_filters("opened_on", FLAG.opened_on),
        **lists.date_filters("cleared_on", FLAG.cleared_on),
        "is_null": lists.NullFilter({"cleared_on": FLAG.cleared_on, "exemption": FLAG.exemption_id}),
        **lists.instant_filters("changed_at", FLAG.changed_at),
        "q": FILTERS["q"],
    },
    sorts={
        **lists.sort_keys(FLAG.id, FLAG.opened_on),
        "severity": lists.SortKey("severity", models.rank(FLAG.severity), int),
        **lists.sort_keys(FLAG.changed_at, FLAG.rule, PROJECT.budget_kzt),
        BY_NAME.name: BY_NAME,
    },
    negatable=True,
    counted=True,
    split=split_below,
    statement=_matching,
    unique=FLAG.id,
    amount=("budget_kzt", FLAG.project_id),
)


def list_flags(
    actor: Actor, raw: Mapping[str, str], page: Page, language: Language, *, only: Sequence[ColumnElement[bool]] = ()
) -> Listing:
    """Return a page of the flags on projects that the actor may see, the newest first unless sorted otherwise.

    Restricted projects among them are journalled as read. ``only``: further conditions. Raises Malformed for a bad
    filter, sort or cursor.
    """
    actor.require(Permission.PROJECTS_READ)
    return _page(actor, raw, page, language, only)


def flags_of(actor: Actor, number: str, page: Page, language: Language) -> Listing:
    """Return a page of one project's flags, cleared ones too, the newest first unless sorted otherwise. Raises
    Malformed.
    """
    return _page(actor, {"project": number}, page, language, of_project=True)


def read_flags(actor: Actor, number: str, page: Page, language: Language) -> Listing:
    """Return the same of a project that may not exist. Raises ProjectNotFound, also for projects that the actor may
    not see.

    A flag shows that its project is there and visible: the project itself is looked up only where there is none.
    """
    listing = flags_of(actor, number, page, language) if is_project_number(number) else None
    if listing is None or not listing.items:
        read_id(actor, number, "flags")
    return listing or Listing([], None)


def active_flags_of(actor: Actor, numbers: Sequence[str], language: Language) -> dict[str, list[dict[str, Any]]]:
    """Return the active flags of each of some projects, by number, in two queries for all of them; the worst first."""
    worst = models.rank(FLAG.severity)
    criteria = (PROJECT.number.in_(numbers), FLAG.status != "cleared")
    statement = flag_rows(worst, visible_projects(actor)).where(*criteria).order_by(worst.desc(), FLAG.id)
    last_on = models.last_good_date()
    flags: dict[str, list[dict[str, Any]]] = {number: [] for number in numbers}
    for row in db.session.execute(statement).mappings():
        shown = flag_representation(actor, {**row}, policy_in_force(), last_on, language)
        flags[row["project"]].append(shown)
    return flags


def _page(
    actor: Actor,
    raw: Mapping[str, str],
    page: Page,
    language: Language,
    only: Sequence[ColumnElement[bool]] = (),
    *,
    of_project: bool = False,
) -> Listing:
    sort = page.sort or FLAG_LIST.default_sort
    key, descending = FLAG_LIST.sort_key(sort)
    filters = [*(() if of_project else FLAG_LIST.criteria(actor, raw)), *only]
    reader = actor.agency_id is not None, actor.may(Permission.RESTRICTED_READ)
    statement = _sorted(sort, *reader, of_project=of_project)
    behind = () if page.cursor is None else (after(key, FLAG.id, descending, page.cursor),)
    # As it is where it can be: SQLAlchemy then knows its compiled form and does not look at each of its columns.
    if filters or behind:
        statement = statement.where(*filters, *behind)
    values = {"project": raw.get("project"), OWN_AGENCY: actor.agency_id, "most": page.limit + 1}
    listing = build_page(db.session.execute(statement, values).mappings().all(), page, key, descending)
    policy = policy_in_force()
    shown = [flag_representation(actor, row, policy, row["_last_on"], language) for row in listing.items]
    journal_restricted_reads(actor, (row["project"] for row in listing.items if row["_restricted"]), "flags")
    return with_count(replace(listing, items=shown), lambda: _matching(actor, raw, FLAG.id, only=only), page)


# Cached per sort and kind of reader: 0.5 ms of the 4 ms of processor time of a list of flags.
@lru_cache(maxsize=32)
def _sorted(sort: str, bound: bool, restricted: bool, *, of_project: bool) -> Select[*tuple[Any, ...]]:
    key, descending = FLAG_LIST.sort_key(sort)
    visible = visible_with(bound=bound, restricted=restricted)
    return (
        flag_rows(key.column, [*visible, OF_NUMBER] if of_project else visible)
        .add_columns(models.LAST_GOOD_DATE.scalar_subquery().label("_last_on"))
        .order_by(*order_by(key, FLAG.id, descending))
        .limit(bindparam("most", type_=Integer))
    )


def flag_rows(
    sort: ColumnElement[Any], visible: Sequence[ColumnElement[bool]], flags: FromClause = models.FLAGS
) -> Select[*tuple[Any, ...]]:
    """Return a query of what is shown of flags on visible projects. ``sort``: the column that it will be sorted by.

    ``flags``: the table, or a subquery with its columns.
    """
    flag = flags.c
    return (
        select(
            flag.id,
            PROJECT.number.label("project"),
            flag.rule,
            flag.severity,
            flag.status,
            flag.observed,
            flag.opened_on,
            flag.last_seen_on,
            flag.cleared_on,
            flag.exemption_id.label("exemption"),
            *linked_columns(flag.id),
            flag.changed_at,
            PROJECT.is_restricted.label("_restricted"),
            sort.label("_sort"),
            flag.id.label("_id"),
        )
        .select_from(flags)
        .join(table_of(Project), PROJECT.id == flag.project_id)
        .join(table_of(Agency), AGENCY.id == PROJECT.agency_id)
        .where(*visible)
    )


def flag_representation(
    actor: Actor, row: Mapping[str, Any], policy: Policy, last_on: date | None, language: Language
) -> dict[str, Any]:
    """Return a row of ``flag_rows`` as the actor may see it, with its texts. ``last_on``: the date of the last good
    audit.
    """
    # An active flag was last seen by the last good audit: an audit without changes writes nothing.
    seen_on = row["last_seen_on"] if row["status"] == "cleared" else max(last_on or row["opened_on"], row["opened_on"])
    finding = Finding(row["rule"], row["severity"], row["observed"])
    texts = explain(finding, policy, seen_on or row["opened_on"], language, translator(language))
    return {
        **{name: value for name, value in row.items() if not name.startswith("_")},
        **hidden_columns(actor),
        "last_seen_on": seen_on,
        "title": texts.title,
        "reason": texts.reason,
        "required": texts.required,
        "remedy": texts.remedy,
        "clause": texts.clause,
    }
