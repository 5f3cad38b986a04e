"""Compliance report: projects by freeze status, grouped by agency, region, kind of agency or sector."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause, Select, and_, case, func, select, true

from registry.accounts.agency_tree import subtree
from registry.accounts.models import Account, AccountKind, is_active
from registry.accounts.roles import Actor, Permission
from registry.agencies.models import Agency
from registry.agencies.queries import agencies_above
from registry.agencies.service import AgencyNotFound, may_act_for, own_agencies
from registry.audits.counting import counts_on, counts_over_time
from registry.cases.models import Case
from registry.cases.vocabulary import Status
from registry.core.clock import today
from registry.core.database import db, table_of
from registry.core.errors import Malformed, Problem
from registry.core.lists import conditions
from registry.flags.models import AHEAD, COMING, AuditRun, last_good_date, newest_good
from registry.freeze.facts import AI_ENTRY, AI_REVIEW_MONTHS
from registry.freeze.rules import latest_before
from registry.freeze.vocabulary import FINAL_STAGES, AiRisk, Severity, Stage
from registry.procurement.coverage import added_coverage, coverage_by_agency
from registry.projects.filters import FILTERS, filter_conditions
from registry.projects.models import STATUS, Project
from registry.projects.visibility import visible_projects
from registry.projects.vocabulary import FreezeStatus

# Grouping by an agency's id is cheaper than by its BIN, and the id also gives the kind.
GROUPS: Final[Mapping[str, ColumnElement[Any]]] = {
    "agency": STATUS.c.agency_id,
    "region": STATUS.c.region,
    "kind": table_of(Agency).c.kind,
    "sector": STATUS.c.sector,
}
NAMES: Final = ("name_kk", "name_ru", "name_en")
# The statuses beside ``flagged``, in the order of the columns.
UNFLAGGED: Final = (
    FreezeStatus.CLEAR.value,
    FreezeStatus.TO_MIGRATE.value,
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


def compliance(
    actor: Actor, grouped_by: str, agencies: Agencies | None = None, until: date | None = None
) -> dict[str, Any]:
    """Return rows of counts and whole tenge by ``agency``, ``region``, ``kind`` or ``sector``, and their totals.

    ``flagged`` counts projects with an open flag, split by the severity of the highest active flag. Exempt projects are
    counted separately and never as clear. ``clear_percent`` refers to the projects in scope that an audit has judged;
    None when there are none. ``contracts``: the Coverage of an agency at present, also of one without projects; None
    for other groups and dates. Agencies see themselves and the agencies below them. ``agencies``: the result of
    seen_agencies(), to avoid a second query. ``until``: as it would be on a later date if nothing changes but the
    date, by what the last audit saw ahead. Raises RoleNotAllowed, and Malformed for a date beyond that.
    """
    actor.require(Permission.REPORTS_READ)
    if grouped_by == "agency" and agencies is None:
        agencies = seen_agencies(actor)
    rows: dict[Any, dict[str, Any]] = {}
    for key, status, severity, projects, budget in db.session.execute(pieces(actor, grouped_by, until)).all():
        row = rows.get(key)
        if row is None:
            row = rows[key] = dict.fromkeys(("key", *COUNTED), 0)
        add_projects(row, status, severity, projects, budget)
    covered = coverage_by_agency(actor) if grouped_by == "agency" and until is None else {}
    for key in covered.keys() - rows.keys():
        rows[key] = dict.fromkeys(("key", *COUNTED), 0)
    for key, row in rows.items():
        row["key"] = key if agencies is None else agencies[key]["bin"]
        row["contracts"] = covered.get(key)
        if agencies is not None:
            row |= {name: agencies[key][name] for name in NAMES}
    items = sorted(map(with_share, rows.values()), key=lambda row: (row["key"] is None, row["key"]))
    return {"by": grouped_by, "items": items, "totals": _totals_of(items)}


def seen_agencies(actor: Actor) -> Agencies:
    """Return the agencies whose projects the actor may see, by id: ``bin``, ``kind``, ``parent_id`` and names."""
    own = own_agencies(actor)
    return _named_agencies() if own is None else _named_agencies(table_of(Agency).c.id.in_(own))


def _named_agencies(*conditions: ColumnElement[bool]) -> Agencies:
    agency = table_of(Agency).c
    columns = (agency.id, agency.bin, agency.kind, agency.parent_id, *(agency[name] for name in NAMES))
    return {row["id"]: dict(row) for row in db.session.execute(select(*columns).where(*conditions)).mappings()}


def add_projects(row: dict[str, Any], status: str, severity: str | None, projects: int, budget: Any) -> None:
    """Add projects with one status and severity to a row."""
    # PostgreSQL sums bigint to numeric; amounts are whole tenge.
    money = int(budget or 0)
    row["projects"] += projects
    row["budget_kzt"] += money
    row[status] += projects
    if status == FreezeStatus.FLAGGED:
        row[f"flagged_{severity}"] += projects
        row["budget_flagged_kzt"] += money


def added(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the sum of rows of the report."""
    return with_share({name: sum(row[name] for row in rows) for name in COUNTED})


def _totals_of(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return added(rows) | {"contracts": added_coverage(row["contracts"] for row in rows)}


def with_share(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row with its ``clear_percent``."""
    judged = row["clear"] + row["flagged"] + row["to_migrate"] + row["exempt"] + row["accepted"]
    row["clear_percent"] = round(100 * row["clear"] / judged, 1) if judged else None
    return row


def pieces(actor: Actor, grouped_by: str, until: date | None = None) -> Select[*tuple[Any, ...]]:
    """Query counts and budgets of projects by group, freeze status and severity, from the table of statuses; as they
    would be on the date ``until``. Raises Malformed for one that no audit has looked at.
    """
    agency = table_of(Agency)
    status: ColumnElement[Any] = STATUS.c.freeze_status
    severity: ColumnElement[Any] = STATUS.c.severity
    projects: FromClause = STATUS
    if until is not None:
        first = last_good_date() or today()
        if until > first + AHEAD:
            params: dict[str, object] = {"earliest": first.isoformat(), "latest": (first + AHEAD).isoformat()}
            raise Malformed([Problem("until", "date-out-of-range", params)])
        newest = select(COMING.c.project_id, func.max(COMING.c.on).label("on")).where(COMING.c.on <= until)
        last_until = newest.group_by(COMING.c.project_id).subquery()
        then = COMING.join(
            last_until, and_(COMING.c.project_id == last_until.c.project_id, COMING.c.on == last_until.c.on)
        )
        changed = select(COMING.c.project_id, COMING.c.freeze_status, COMING.c.severity).select_from(then).subquery()
        # What became of a project since the audit counts: it may be out of scope, or withdrawn.
        is_judged = status.not_in((FreezeStatus.OUT_OF_SCOPE.value, FreezeStatus.WITHDRAWN.value))
        joined = and_(changed.c.project_id == STATUS.c.project_id, is_judged)
        projects = STATUS.outerjoin(changed, joined)
        status = func.coalesce(changed.c.freeze_status, status)
        severity = case((changed.c.project_id.is_(None), severity), else_=changed.c.severity)
    alike = (GROUPS[grouped_by], status, severity)
    counted = select(*alike, func.count(), func.sum(STATUS.c.budget_kzt)).select_from(projects)
    if grouped_by == "kind":
        counted = counted.join(agency, agency.c.id == STATUS.c.agency_id)
    counted = counted.where(STATUS.c.freeze_status != FreezeStatus.WITHDRAWN.value)
    return counted.where(*visible_projects(actor, STATUS.c)).group_by(*alike)


# Compliance report by agency as a tree: each agency with all agencies below it, one level at a time.

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Level:
    """The agencies directly below an agency, or the top level that the actor sees.

    ``above``: the agencies from the top to this one, inclusive. ``rows``: as in the report, most flagged first, each
    with ``below``, the number of agencies below it that have projects. The agency itself comes first, with its own
    projects and ``below`` None.
    """

    above: list[Mapping[str, Any]]
    rows: list[Row]
    totals: Row


def compliance_below(actor: Actor, bin_number: str | None, until: date | None = None) -> Level:
    """Return the level below the agency of that BIN (None: the top level). A single agency at the top is skipped.
    ``until``: as it would be on a later date.

    Raises RoleNotAllowed, and AgencyNotFound for an unknown agency or one that the actor may not see.
    """
    agencies = seen_agencies(actor)
    own = {row["key"]: row for row in compliance(actor, "agency", agencies, until)["items"]}
    totals_by_agency: dict[int, Row] = {}
    below: dict[int, int] = {}
    for agency in agencies.values():
        row = own.get(agency["bin"])
        if row is None:
            continue
        for place, holder in enumerate(_ancestors(agencies, agency)):
            sums = totals_by_agency.setdefault(holder["id"], dict.fromkeys(COUNTED, 0) | {"contracts": None})
            for name in COUNTED:
                sums[name] += row[name]
            sums["contracts"] = added_coverage((sums["contracts"], row["contracts"]))
            below[holder["id"]] = below.get(holder["id"], 0) + (place > 0)
    top = _find_agency(agencies, bin_number)
    members = _directly_below(agencies, totals_by_agency, top)
    if top is None and len(members) == 1 and below[members[0]["id"]]:
        top = members[0]
        members = _directly_below(agencies, totals_by_agency, top)
    rows = [_row(agency, totals_by_agency[agency["id"]], below[agency["id"]]) for agency in members]
    rows.sort(key=lambda row: (-row["flagged"], -row["projects"], row["key"]))
    if top is not None and top["bin"] in own:
        rows.insert(0, _row(top, own[top["bin"]], None))
    above = [] if top is None else [*_ancestors(agencies, top)][::-1]
    return Level(above, rows, _totals_of(rows))


def parents(actor: Actor) -> dict[str, str | None]:
    """Map the BIN of each visible agency to that of its parent, if that is visible too."""
    agencies = seen_agencies(actor)
    return {
        agency["bin"]: agencies[agency["parent_id"]]["bin"] if agency["parent_id"] in agencies else None
        for agency in agencies.values()
    }


def _find_agency(agencies: Agencies, bin_number: str | None) -> Mapping[str, Any] | None:
    if bin_number is None:
        return None
    for agency in agencies.values():
        if agency["bin"] == bin_number:
            return agency
    raise AgencyNotFound(bin=bin_number)


def _ancestors(agencies: Agencies, agency: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the agency and each visible ancestor."""
    current: Mapping[str, Any] | None = agency
    while current is not None:
        yield current
        current = agencies.get(current["parent_id"])


def _directly_below(
    agencies: Agencies, totals_by_agency: Mapping[int, Row], top: Mapping[str, Any] | None
) -> list[Mapping[str, Any]]:
    if top is None:
        members = (agency for agency in agencies.values() if agency["parent_id"] not in agencies)
    else:
        members = (agency for agency in agencies.values() if agency["parent_id"] == top["id"])
    return [agency for agency in members if agency["id"] in totals_by_agency]


def _row(agency: Mapping[str, Any], sums: Row, below: int | None) -> Row:
    counts = with_share({name: sums[name] for name in (*COUNTED, "contracts")})
    return {"key": agency["bin"], "below": below, **{name: agency[name] for name in NAMES}, **counts}


# Compliance by agency on a former date, from the counts that the audits stored: a former agency keeps its own.


def compliance_on(actor: Actor, day: date) -> dict[str, Any]:
    """Return the report by agency as the last audit of that day, or an earlier one, left it; empty before the first.

    An agency also sees the agencies that it succeeded, since their projects are its own now. Raises RoleNotAllowed.
    """
    actor.require(Permission.REPORTS_READ)
    seen = _seen(actor)
    rows: dict[int, dict[str, Any]] = {}
    for agency_id, status, severity, projects, budget in db.session.execute(counts_on(actor, day)):
        if seen is not None and agency_id not in seen:
            continue
        row = rows.setdefault(agency_id, dict.fromkeys(COUNTED, 0) | {"contracts": None})
        add_projects(row, status, severity, projects, budget)
    agencies = _named_agencies() if rows else {}
    items = [
        with_share(
            {"key": agencies[each]["bin"], **row, "contracts": None, **{name: agencies[each][name] for name in NAMES}}
        )
        for each, row in rows.items()
    ]
    items.sort(key=lambda row: str(row["key"]))
    return {"by": "agency", "items": items, "totals": _totals_of(items)}


def audit_on(day: date) -> AuditRun | None:
    """Return the last successful audit of that day, or an earlier one."""
    run: AuditRun | None = db.session.scalar(newest_good(AuditRun).where(table_of(AuditRun).c.on <= day))
    return run


def _seen(actor: Actor) -> set[int] | None:
    """Return the ids of the actor's agencies and of those that they succeeded; None for all."""
    own = own_agencies(actor)
    if own is None:
        return None
    return with_former(set(db.session.scalars(select(Agency.id).where(Agency.id.in_(own)))))


def with_former(agencies: set[int]) -> set[int]:
    """Return the ids of agencies and of all that they succeeded."""
    seen: set[int] = set()
    newest = agencies
    while newest:
        seen |= newest
        newest = set(db.session.scalars(select(Agency.id).where(Agency.successor_id.in_(newest)))) - seen
    return seen


# What a page of an agency shows: the agencies around it, people, projects, cases, orders, compliance over time.

SHOWN_AUDITS: Final = 12
PROJECT: Final = table_of(Project).c
OUT_OF_SCOPE: Final = (FreezeStatus.OUT_OF_SCOPE.value, FreezeStatus.UNAUDITED.value)


@dataclass(frozen=True, slots=True)
class AgencyOverview:
    """An agency with the agencies below it. ``people`` is None for who may not see its accounts.

    ``above``: from the top to the agency above it. ``former``: the agencies that it succeeded. ``open_cases`` and
    ``orders``, those to carry out, are with the agencies below. ``days``: the last audited days, newest first, also
    with the agencies that these succeeded. Everything but the agencies is empty for who may not see its projects.
    """

    above: Sequence[Agency]
    below: Sequence[Agency]
    former: Sequence[Agency]
    people: int | None
    totals: dict[str, Any] | None
    open_cases: int
    orders: int
    days: Sequence[dict[str, Any]]


def agency_overview(actor: Actor, agency: Agency) -> AgencyOverview:
    """Return the overview of an agency, as far as the actor may see it."""
    below = _agencies(Agency.parent_id == agency.id, Agency.closed_on.is_(None))
    former = _agencies(Agency.successor_id == agency.id)
    around = (agencies_above(agency), below, former)
    if not may_act_for(actor, agency.id):
        return AgencyOverview(*around, None, None, 0, 0, [])
    ids = list(db.session.scalars(select(subtree(agency.id).c.id)))
    cases = _count(actor, ids, Case.status != Status.CLOSED.value)
    orders = _count(actor, ids, Case.status == Status.REMEDIATION.value)
    days = _days(actor, with_former(set(ids)))
    return AgencyOverview(*around, _people(actor, agency), _totals(actor, ids), cases, orders, days)


def _agencies(*conditions: Any) -> list[Agency]:
    return list(db.session.scalars(select(Agency).where(*conditions).order_by(Agency.bin)))


def _people(actor: Actor, agency: Agency) -> int | None:
    """Return how many people can sign in for the agency itself."""
    if not actor.may(Permission.PEOPLE_READ):
        return None
    of_agency = (Account.agency_id == agency.id, Account.kind == AccountKind.PERSON.value, is_active())
    return db.session.scalar(select(func.count()).select_from(Account).where(*of_agency))


def _count(actor: Actor, ids: Collection[int], condition: ColumnElement[bool]) -> int:
    """Count the cases of these agencies, as the list of cases has them."""
    statement = (
        select(func.count())
        .select_from(Case)
        .join(table_of(Project), PROJECT.id == Case.project_id)
        .where(PROJECT.agency_id.in_(ids), *visible_projects(actor), condition)
    )
    return db.session.scalar(statement) or 0


def _totals(actor: Actor, ids: Collection[int]) -> dict[str, Any]:
    totals: dict[str, Any] = dict.fromkeys(COUNTED, 0)
    rows = db.session.execute(pieces(actor, "agency").where(STATUS.c.agency_id.in_(ids)))
    for _agency, status, severity, projects, budget in rows:
        add_projects(totals, status, severity, projects, budget)
    return with_share(totals)


def _days(actor: Actor, ids: Collection[int]) -> list[dict[str, Any]]:
    """Return the last audited days; of several audits of one day the last."""
    by_audit: dict[tuple[date, int], dict[str, int]] = {}
    for audit_id, day, status, projects in db.session.execute(counts_over_time(actor, ids)):
        by_audit.setdefault((day, audit_id), {})[status] = projects
    last_of_day = {day: (audit_id, counts) for (day, audit_id), counts in by_audit.items()}
    return [_day(day, *last_of_day[day]) for day in sorted(last_of_day, reverse=True)[:SHOWN_AUDITS]]


def _day(day: date, audit_id: int, counts: dict[str, int]) -> dict[str, Any]:
    judged = sum(count for status, count in counts.items() if status not in OUT_OF_SCOPE)
    flagged, exempt = counts.get(FreezeStatus.FLAGGED.value, 0), counts.get(FreezeStatus.EXEMPT.value, 0)
    to_migrate = counts.get(FreezeStatus.TO_MIGRATE.value, 0)
    unflagged = judged - flagged - to_migrate - exempt
    return {
        "on": day,
        "audit": audit_id,
        "projects": sum(counts.values()),
        "judged": judged,
        "flagged": flagged,
        FreezeStatus.TO_MIGRATE.value: to_migrate,
        "exempt": exempt,
        "unflagged": unflagged,
        "percent": round(100 * unflagged / judged, 1) if judged else None,
    }


# AI systems by agency or degree of risk: how many there are, and what is missing of their entries.

AI_GROUPS: Final = ("agency", "ai_risk_class")
# The filters of the list of projects that select what is counted: figures lead to the same projects.
SYSTEMS: Final = {"is_ai": "true", "stage": ",".join(stage for stage in Stage.codes() if stage not in FINAL_STAGES)}
RISKS: Final = tuple(reversed(AiRisk.codes()))


def counted_by() -> dict[str, dict[str, str]]:
    """Return what is counted of AI systems that have not ended, each with the further filters that select it.

    ``missing_`` and the name of a field: without a value of it.
    """
    outdated = latest_before(today(), AI_REVIEW_MONTHS)
    return {
        "systems": {},
        **{f"risk_{risk}": {"ai_risk_class": risk} for risk in RISKS},
        "incomplete": {"ai_incomplete": "true"},
        "outdated": {"ai_reviewed_on_to": outdated.isoformat()},
        **{f"missing_{name}": {"is_null": name} for name in AI_ENTRY},
    }


def ai_systems(actor: Actor, grouped_by: str) -> dict[str, Any]:
    """Return rows of counts by ``agency`` or ``ai_risk_class``, the group with most systems first, and their totals.

    Agencies see themselves and the agencies below them. Raises RoleNotAllowed.
    """
    actor.require(Permission.REPORTS_READ)
    project, agency = table_of(Project), table_of(Agency).c
    keys = (agency.bin, *(agency[name] for name in NAMES)) if grouped_by == "agency" else (project.c.ai_risk_class,)
    counts = {
        name: func.count(case((and_(true(), *conditions(FILTERS, filters)), 1)))
        for name, filters in counted_by().items()
    }
    statement = (
        select(keys[0].label("key"), *keys[1:], *(count.label(name) for name, count in counts.items()))
        .join_from(project, table_of(Agency), agency.id == project.c.agency_id)
        .where(*visible_projects(actor), *filter_conditions(SYSTEMS))
        .group_by(*keys)
    )
    items = [dict(row) for row in db.session.execute(statement).mappings()]
    items.sort(key=lambda row: (-row["systems"], row["key"] or ""))
    return {"by": grouped_by, "items": items, "totals": {name: sum(row[name] for row in items) for name in counts}}
