"""The overview: where the country stands after the last audit, how it changed, and where it is going."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from math import sqrt
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Select, TextClause, and_, func, select, text

from registry.accounts.agency_tree import subtree
from registry.accounts.roles import Actor, Permission
from registry.agencies.models import Agency, Region
from registry.agencies.service import AgencyNotFound, agency_by_bin
from registry.audits.models import COUNTRY, AgencyCount, DailyCount, Dimension
from registry.audits.queries import visible_run
from registry.cases.models import Case
from registry.cases.vocabulary import Status
from registry.core.clock import rfc3339, today
from registry.core.database import db, table_of
from registry.core.errors import Malformed, Problem
from registry.exemptions.models import Exemption
from registry.exemptions.service import in_force_on
from registry.flags.former_flags import FlagsNotKnown, flags_known_at
from registry.flags.models import COMING, IS_GOOD, AuditRun, FlagStatus, last_good_audit, last_good_date, newest_good
from registry.flags.queries import coming_flags
from registry.freeze.policy import Policy, policy_in_force
from registry.freeze.rules import RULES
from registry.freeze.vocabulary import Severity
from registry.journal.service import JournalEntry
from registry.procurement.coverage import Coverage, added_coverage, coverage_by_agency
from registry.projects.migration_plans import planned_months
from registry.projects.models import STATUS, Project
from registry.projects.revisions import projects_known_at
from registry.projects.visibility import NOT_WITHDRAWN, visible_projects
from registry.projects.vocabulary import FreezeStatus, Sector
from registry.reports.compliance import with_former

# Figures of the overview: projects, shares and money of a group after an audit, added up from stored counts.

# A project with one of these has an active flag.
WITH_FINDINGS: Final = (
    FreezeStatus.FLAGGED.value,
    FreezeStatus.TO_MIGRATE.value,
    FreezeStatus.EXEMPT.value,
    FreezeStatus.ACCEPTED.value,
    FlagStatus.OPEN.value,
)


class Count(NamedTuple):
    """One stored row: so many projects that are alike. ``claimed`` and ``confirmed`` to be on the platform are None
    where they were not stored.
    """

    status: str
    severity: str
    counted: int
    claimed: int | None
    confirmed: int | None
    budget_kzt: int

    @property
    def known_confirmed(self) -> int | None:
        """Of how many it is confirmed; None where that is not known.

        Audits that stored claims alone say it of rows without claims, and of those with findings: the law has none on
        what is confirmed.
        """
        if self.confirmed is None and (self.claimed == 0 or self.status in WITH_FINDINGS):
            return 0
        return self.confirmed


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts of projects, and whole tenge. Rows of rules and ages count flags instead: the open ones are ``flagged``,
    those of the plan ``to_migrate``.

    ``in_scope``: all but those out of scope. ``on_platform``: of those in scope, how many are confirmed to be on the
    platform; ``on_platform_claimed``: how many say so, confirmed or not. Each None where it was not stored.
    ``at_risk_kzt``: the budgets of flagged projects.
    """

    projects: int = 0
    in_scope: int = 0
    on_platform: int | None = 0
    on_platform_claimed: int | None = 0
    clear: int = 0
    flagged: int = 0
    flagged_high: int = 0
    flagged_medium: int = 0
    flagged_low: int = 0
    to_migrate: int = 0
    exempt: int = 0
    accepted: int = 0
    unaudited: int = 0
    out_of_scope: int = 0
    budget_kzt: int = 0
    at_risk_kzt: int = 0

    @property
    def platform_percent(self) -> float | None:
        """The share of projects in scope that are confirmed to be on the platform; None without any."""
        return percent(self.on_platform, self.in_scope)

    @property
    def platform_claimed_percent(self) -> float | None:
        """The share of projects in scope that say that they are on the platform; None without any."""
        return percent(self.on_platform_claimed, self.in_scope)

    @property
    def flagged_percent(self) -> float | None:
        """The share of projects in scope that are flagged; None without any."""
        return percent(self.flagged, self.in_scope)


COUNTED: Final = tuple(field.name for field in fields(Figures))


def percent(part: int | None, whole: int) -> float | None:
    """Return a share in percent, to one decimal; None where it is not known."""
    return None if part is None or not whole else round(100 * part / whole, 1)


def figures(counts: Iterable[Count]) -> Figures:
    """Add up stored rows."""
    sums: dict[str, Any] = dict.fromkeys(COUNTED, 0)
    for count in counts:
        status = count.status
        if status == FlagStatus.OPEN:
            of_plan = count.severity == Severity.PLAN
            status = FreezeStatus.TO_MIGRATE.value if of_plan else FreezeStatus.FLAGGED.value
        sums["projects"] += count.counted
        sums["budget_kzt"] += count.budget_kzt
        sums[status] += count.counted
        if status == FreezeStatus.FLAGGED:
            sums[f"flagged_{Severity(count.severity).value}"] += count.counted
            sums["at_risk_kzt"] += count.budget_kzt
        if status != FreezeStatus.OUT_OF_SCOPE:
            sums["in_scope"] += count.counted
            sums["on_platform"] = _added(sums["on_platform"], count.known_confirmed)
            sums["on_platform_claimed"] = _added(sums["on_platform_claimed"], count.claimed)
    return Figures(**sums)


def _added(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


# Stored counts of audits as figures, without restricted projects for those who may not see them.

RUN: Final = table_of(AuditRun).c
DAILY: Final = table_of(DailyCount).c
COUNT: Final = table_of(AgencyCount).c


def audited_days(since: date, until: date | None = None) -> dict[date, int]:
    """Return the last successful audit of each day since that date, oldest first."""
    good = (RUN.status == "succeeded", RUN.dry_run.is_(False), RUN.on >= since)
    statement = select(RUN.on, RUN.id).where(*good).order_by(RUN.on, RUN.judged_up_to, RUN.finished_at, RUN.id)
    if until is not None:
        statement = statement.where(RUN.on <= until)
    return {row.on: row.id for row in db.session.execute(statement)}


def by_audit(actor: Actor, dimension: Dimension, member: str, audits: Collection[int]) -> dict[int, Figures]:
    """Return the figures of one member of a dimension after each of these audits; none where nothing was counted."""
    of_member = (DAILY.dimension == dimension.value, DAILY.member == member)
    return _grouped(actor, DAILY, DAILY.audit_id, DAILY.audit_id.in_(audits), *of_member)


def by_member(actor: Actor, dimension: Dimension, audit_id: int) -> dict[str, Figures]:
    """Return the figures of each member of a dimension after an audit."""
    return _grouped(actor, DAILY, DAILY.member, DAILY.audit_id == audit_id, DAILY.dimension == dimension.value)


def of_agencies_by_audit(actor: Actor, agency_ids: Collection[int], audits: Collection[int]) -> dict[int, Figures]:
    """Return the figures of these agencies together after each of these audits."""
    return _grouped(actor, COUNT, COUNT.audit_id, COUNT.audit_id.in_(audits), COUNT.agency_id.in_(agency_ids))


def at_risk_by_agency(actor: Actor, audit_id: int, most: int | None = None) -> dict[int, tuple[int, int]]:
    """Flagged projects and their budgets of each agency after an audit, as the agencies were then.

    ``most``: only so many, those with the largest budgets. Added up in SQL: 2,000 agencies in 5 ms.
    """
    budgets = func.sum(COUNT.budget_kzt)
    statement: Select[Any] = select(COUNT.agency_id, func.sum(COUNT.projects), budgets).where(
        COUNT.audit_id == audit_id, COUNT.freeze_status == FreezeStatus.FLAGGED.value
    )
    statement = _visible(actor, statement, COUNT.is_restricted).group_by(COUNT.agency_id)
    if most is not None:
        statement = statement.order_by(budgets.desc(), COUNT.agency_id).limit(most)
    # PostgreSQL sums bigint to numeric; amounts are whole tenge.
    return {row[0]: (int(row[1]), int(row[2])) for row in db.session.execute(statement)}


def _visible(actor: Actor, statement: Select[Any], is_restricted: Any) -> Select[Any]:
    return statement if actor.may(Permission.RESTRICTED_READ) else statement.where(is_restricted.is_(False))


def _grouped(actor: Actor, table: Any, key: ColumnElement[Any], *conditions: ColumnElement[bool]) -> dict[Any, Figures]:
    status, counted = (table.freeze_status, table.projects) if table is COUNT else (table.status, table.counted)
    columns = (status, table.severity, counted, table.on_platform, table.confirmed_on_platform, table.budget_kzt)
    rows: Mapping[Any, list[Count]] = defaultdict(list)
    statement = _visible(actor, select(key, *columns).where(*conditions), table.is_restricted)
    for member, *values in db.session.execute(statement):
        rows[member].append(Count(*values))
    return {member: figures(counts) for member, counts in rows.items()}


# History of the overview: the figures of the country, an agency, a region, a sector or a rule, one point a week.

BY_COUNTRY: Final = "country"
BY_AGENCY: Final = "agency"
MEMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    "region": Region.codes(),
    "sector": Sector.codes(),
    "rule": tuple(RULES),
}
GROUPS: Final = (BY_COUNTRY, BY_AGENCY, *MEMBERS)
WEEK: Final = timedelta(days=7)
WEEKS: Final = 52


@dataclass(frozen=True, slots=True)
class Point:
    """The figures after the last audit of a day."""

    on: date
    audit: int
    figures: Figures


def history(actor: Actor, group: str, of: str | None) -> list[Point]:
    """Return the last twelve months, one point a week, oldest first; the last point is the last audit.

    ``of``: the BIN, the code of the region or sector, or the rule; not for the country. An agency is counted with those
    below it and with those that they succeeded, so that a merger makes no step. The first point is the first audit
    that counted something; where a later one counted nothing, all figures are 0. Raises RoleNotAllowed and Malformed.
    """
    actor.require(Permission.OVERVIEW_READ)
    agencies = _agencies(group, of)
    last = last_good_date()
    if last is None:
        return []
    days = weekly(audited_days(last - WEEKS * WEEK), last, WEEKS)
    if group == BY_AGENCY:
        stored = of_agencies_by_audit(actor, agencies, days.values())
    else:
        stored = by_audit(actor, Dimension(group), of or COUNTRY, days.values())
    points: list[Point] = []
    for day, audit_id in days.items():
        if points or audit_id in stored:
            points.append(Point(day, audit_id, stored.get(audit_id, Figures())))
    return points


def weekly(days: Mapping[date, int], last: date, weeks: int) -> dict[date, int]:
    """Return the last audited day of each week that ends ``last`` or whole weeks before, oldest first."""
    newest: dict[int, date] = {}
    for day in days:
        week = (last - day).days // 7
        if day <= last and week <= weeks:
            newest[week] = max(day, newest.get(week, day))
    return {newest[week]: days[newest[week]] for week in sorted(newest, reverse=True)}


def _agencies(group: str, of: str | None) -> set[int]:
    if group == BY_COUNTRY:
        if of is not None:
            raise Malformed([Problem("of", "unknown-parameter", {"name": "of"})])
        return set()
    if group != BY_AGENCY:
        if of not in MEMBERS[group]:
            raise Malformed([Problem("of", "not-a-choice", {"options": ", ".join(MEMBERS[group])})])
        return set()
    try:
        agency = agency_by_bin(of or "")
    except AgencyNotFound as error:
        raise Malformed([Problem("of", "agency-unknown", {"bin": of or ""})]) from error
    return with_former(set(db.session.scalars(select(subtree(agency.id).c.id))))


# Comparison of two dates: the figures of a group after the audits of both, and what the policy changed meanwhile.

# An audit that is this much older than asked still stands for the day: audits may be missed.
SLACK: Final = timedelta(days=7)
COMPARED_BACK: Final = 30


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """The first audit with another version of the policy than the one before it."""

    on: date
    version: str


@dataclass(frozen=True, slots=True)
class Compared:
    """The figures of a member of a group after both audits; None where an audit stored none."""

    key: str
    before: Figures | None
    after: Figures | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The members of a group after two audits: of each date, or at most a week earlier; None where no audit is."""

    since: AuditRun | None
    until: AuditRun | None
    rows: Sequence[Compared]
    policies: Sequence[PolicyChange]


def compared_dates(since: date | None, until: date | None) -> tuple[date, date]:
    """Return the dates of a comparison: by default that of the last audit, and thirty days before it."""
    until = until or last_good_date() or today()
    return since or until - timedelta(days=COMPARED_BACK), until


def comparison(actor: Actor, group: str, of: str | None, since: date, until: date) -> Comparison:
    """Compare the country, an agency, a region, a sector or a rule on two dates; without ``of`` all regions, sectors or
    rules. Agencies as in history(). Raises RoleNotAllowed and Malformed.
    """
    actor.require(Permission.OVERVIEW_READ)
    agencies = set() if of is None and group in MEMBERS else _agencies(group, of)
    if since > until:
        raise Malformed([Problem("from", "date-out-of-range", {"earliest": "1991-12-16", "latest": until.isoformat()})])
    audits = (_audit_on(since), _audit_on(until))
    before, after = (None if audit is None else _members(actor, group, of, agencies, audit) for audit in audits)
    keys = [of or COUNTRY] if of or group == BY_COUNTRY else sorted({*(before or ()), *(after or ())})
    rows = [
        Compared(key, *(None if stored is None else stored.get(key, Figures()) for stored in (before, after)))
        for key in keys
    ]
    return Comparison(*audits, rows, policy_changes(since, until))


def policy_changes(since: date, until: date) -> list[PolicyChange]:
    """Return the changes of the policy between the audits of two dates, the date of the first left out."""
    audits = select(RUN.on, RUN.policy_version).where(IS_GOOD, RUN.on <= until)
    ordered = audits.order_by(RUN.on, RUN.judged_up_to, RUN.finished_at, RUN.id)
    changes, former = [], None
    for on, version in db.session.execute(ordered):
        if former not in (None, version) and on > since:
            changes.append(PolicyChange(on, version))
        former = version
    return changes


def _audit_on(day: date) -> AuditRun | None:
    audit = newest_good(AuditRun).where(RUN.on <= day, RUN.on > day - SLACK)
    return db.session.scalar(audit)  # type: ignore[no-any-return]


def _members(
    actor: Actor, group: str, of: str | None, agencies: Collection[int], audit: AuditRun
) -> Mapping[str, Figures] | None:
    """Return the figures of the members that an audit counted; None when it stored none of that group."""
    # Every project has a row among the regions, also one without a region; a rule has none without flags.
    counted = Dimension.REGION if group in MEMBERS else Dimension.COUNTRY
    if not by_member(actor, counted, audit.id) and _counted(actor, audit):
        return None
    if group == BY_AGENCY:
        return {of or "": of_agencies_by_audit(actor, agencies, [audit.id]).get(audit.id, Figures())}
    return by_member(actor, Dimension(group), audit.id)


# Agencies of the overview: the most money at risk, and the greatest improvement since an earlier audit.

SHOWN: Final = 10
AGENCY: Final = table_of(Agency).c
NAMES: Final = ("bin", "name_kk", "name_ru", "name_en")


@dataclass(frozen=True, slots=True)
class AtRisk:
    """Flagged projects of an agency itself and their budgets; ``less_kzt``: by how much less than at the earlier audit,
    negative where it is more. ``agency`` has ``bin``, ``email`` and the names.
    """

    agency: Mapping[str, Any]
    flagged: int
    at_risk_kzt: int
    less_kzt: int | None = None


def most_at_risk(actor: Actor, audit_id: int) -> list[AtRisk]:
    """Return the agencies with most money at risk after an audit, at most ten."""
    worst = at_risk_by_agency(actor, audit_id, SHOWN)
    named = _named([*worst])
    return [AtRisk(named[agency_id], flagged, money) for agency_id, (flagged, money) in worst.items()]


def most_improved(actor: Actor, audit_id: int, earlier_id: int) -> list[AtRisk]:
    """Return the agencies whose money at risk fell most since the earlier audit, at most ten."""
    changed = changes_at_risk(actor, audit_id, earlier_id)
    return [row for row in changed if row.less_kzt and row.less_kzt > 0][:SHOWN]


def worse_and_better(changed: Sequence[AtRisk]) -> tuple[list[AtRisk], list[AtRisk]]:
    """Return the agencies that got worse and those that got better, each beginning with the greatest change."""
    better = [row for row in changed if (row.less_kzt or 0) > 0]
    return [row for row in reversed(changed) if (row.less_kzt or 0) < 0], better


def changes_at_risk(actor: Actor, audit_id: int, earlier_id: int, most: int = SHOWN) -> list[AtRisk]:
    """Return the agencies whose money at risk changed since the earlier audit, the greatest improvement first: at most
    so many that improved, and at most so many that got worse.

    What agencies had that are closed since counts for their successors, and what passed to another agency since for
    that agency: neither a merger nor a transfer is an improvement.
    """
    successors: dict[int, int] = {
        row.id: row.successor_id
        for row in db.session.execute(select(AGENCY.id, AGENCY.successor_id).where(AGENCY.successor_id.is_not(None)))
    }
    less, after, flagged = Counter[int](), Counter[int](), Counter[int]()
    for agency_id, (_projects, money) in at_risk_by_agency(actor, earlier_id).items():
        less[_present(agency_id, successors)] += money
    for agency_id, (projects, money) in at_risk_by_agency(actor, audit_id).items():
        less[_present(agency_id, successors)] -= money
        after[_present(agency_id, successors)] += money
        flagged[_present(agency_id, successors)] += projects
    _pass_on(actor, less, successors, earlier_id, audit_id)
    changed = sorted((each for each in less if less[each]), key=lambda each: (-less[each], each))
    chosen = [each for each in changed if less[each] > 0][:most] + [each for each in changed if less[each] < 0][-most:]
    named = _named(chosen)
    return [AtRisk(named[each], flagged[each], after[each], less[each]) for each in chosen]


def _pass_on(actor: Actor, less: Counter[int], successors: Mapping[int, int], earlier_id: int, audit_id: int) -> None:
    """Count what projects put at risk at the earlier audit for the agencies that they passed to since."""
    earlier, later = (db.session.get_one(AuditRun, each) for each in (earlier_id, audit_id))
    moved = {
        number: (_present(giver, successors), _present(taker, successors))
        for number, (giver, taker) in passed_projects(earlier, later).items()
    }
    moved = {number: agencies for number, agencies in moved.items() if agencies[0] != agencies[1]}
    if not moved:
        return
    try:
        at_risk = at_risk_then(actor, moved, earlier.finished_at or earlier.started_at)
    except FlagsNotKnown:
        # Before the release that keeps former flags, what an agency changed and what it gave or took are one number.
        for agency_id in {each for agencies in moved.values() for each in agencies}:
            less.pop(agency_id, None)
        return
    for number, money in at_risk.items():
        giver, taker = moved[number]
        less[giver] -= money
        less[taker] += money


def _present(agency_id: int, successors: Mapping[int, int]) -> int:
    # An agency is never succeeded by itself, however long the chain.
    while agency_id in successors:
        agency_id = successors[agency_id]
    return agency_id


def _named(ids: list[int]) -> dict[int, Mapping[str, Any]]:
    columns = (AGENCY.id, AGENCY.email, *(AGENCY[name] for name in NAMES))
    return {row["id"]: dict(row) for row in db.session.execute(select(*columns).where(AGENCY.id.in_(ids))).mappings()}


# What ends soon: onboarding, exemptions and orders, with what is overdue, as few indexed counts.

DAYS: Final = (30, 60, 90)
PROJECT: Final = table_of(Project).c
Condition = ColumnElement[bool] | TextClause
# As text: SQLite reads a partial index only for a statement that repeats its condition.
ONBOARDING: Final = text("projects.placement = 'onboarding'")


@dataclass(frozen=True, slots=True)
class Ends:
    """Counts of what ends within 30, 60 and 90 days. Onboarding and orders include what is overdue."""

    onboarding: dict[int, int]
    exemptions: dict[int, int]
    orders: dict[int, int]


def ends(actor: Actor, today: date) -> Ends:
    """Count what the actor may see."""
    in_force = in_force_on(today)
    ordered = Case.status == Status.REMEDIATION.value
    return Ends(
        _within(actor, today, PROJECT.onboarding_due_on, table_of(Project), ONBOARDING, NOT_WITHDRAWN),
        _within(actor, today, Exemption.valid_to, _joined(Exemption), in_force, NOT_WITHDRAWN),
        _within(actor, today, Case.due_on, _joined(Case), ordered),
    )


def _joined(model: Any) -> Any:
    table = table_of(model)
    return table.join(table_of(Project), PROJECT.id == table.c.project_id)


def _within(actor: Actor, today: date, ends_on: Any, rows: Any, *conditions: Condition) -> dict[int, int]:
    latest = [today + timedelta(days=days) for days in DAYS]
    counts = [func.count().filter(ends_on <= day) for day in latest]
    statement = select(*counts).select_from(rows)
    visible = visible_projects(actor)
    row = db.session.execute(statement.where(and_(*conditions, *visible), ends_on <= latest[-1])).one()
    return dict(zip(DAYS, map(int, row), strict=True))


# Forecast of the share on the platform: a straight line through the last eight weeks, with its uncertainty.
#
# Ordinary least squares over one point a week; the interval is the 95 % prediction interval of a single later value,
# as in every textbook of statistics. Weekly points, because the shares of neighbouring days are hardly independent.

FORECAST_WEEKS: Final = 8
# Fewer points say nothing about how far the values lie from the line.
FEWEST: Final = 5
ALL: Final = 100.0
# Student's t, two-sided 95 %, by degrees of freedom (points less two).
T_95: Final = {3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365}
# A date beyond this is as good as never.
FARTHEST: Final = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class Forecast:
    """The share expected ``on`` a date, in percent, with the bounds of its 95 % interval, all from 0 to 100.

    ``a_week``: by how many percentage points it has grown each week. ``complete_on``: when everything would be on the
    platform at this pace; None when it does not grow or not within ten years.
    """

    on: date
    percent: float
    low: float
    high: float
    a_week: float
    complete_on: date | None
    points: int


def forecast(points: Sequence[tuple[date, float]], on: date) -> Forecast | None:
    """Continue a line through weekly points, oldest first, to a date; None when there are fewer than five points."""
    count = len(points)
    if count < FEWEST:
        return None
    last = points[-1][0]
    days = [(day - last).days for day, _percent in points]
    shares = [share for _day, share in points]
    middle, mean = sum(days) / count, sum(shares) / count
    spread = sum((day - middle) ** 2 for day in days)
    slope = sum((day - middle) * (share - mean) for day, share in zip(days, shares, strict=True)) / spread
    at_last = mean - slope * middle
    errors = (share - at_last - slope * day for day, share in zip(days, shares, strict=True))
    deviation = sqrt(sum(error**2 for error in errors) / (count - 2))
    ahead = (on - last).days
    half = T_95[min(count - 2, max(T_95))] * deviation * sqrt(1 + 1 / count + (ahead - middle) ** 2 / spread)
    expected = at_last + slope * ahead
    bounds = (_share(expected), _share(expected - half), _share(expected + half))
    return Forecast(on, *bounds, round(7 * slope, 2), _complete_on(last, at_last, slope), count)


def _share(value: float) -> float:
    return round(min(max(value, 0.0), ALL), 1)


def _complete_on(last: date, at_last: float, slope: float) -> date | None:
    if at_last >= ALL:
        return last
    days = (ALL - at_last) / slope if slope > 0 else float("inf")
    return last + timedelta(days=int(days) + 1) if days < FARTHEST.days else None


# Projects that passed to another agency between two audits, and the money at risk that they took with them.

PASSED_ON: Final = "project.passed-on"
KNOWN: Final = ("budget_kzt", "is_restricted")
AT_ONCE: Final = 500


def passed_projects(earlier: AuditRun, later: AuditRun) -> dict[str, tuple[int, int]]:
    """Return the agency at the earlier audit and that at the later one of each project that passed on between them.

    By the project's number; of those that came back neither.
    """
    since, until = (rfc3339(run.finished_at or run.started_at) for run in (earlier, later))
    passed = (JournalEntry.action == PASSED_ON, JournalEntry.at > since, JournalEntry.at <= until)
    first: dict[str, str] = {}
    last: dict[str, str] = {}
    statement = select(JournalEntry.subject, JournalEntry.details).where(*passed).order_by(JournalEntry.seq)
    for subject, details in db.session.execute(statement):
        number = subject.removeprefix("project:")
        change = next(each for each in json.loads(details)["changes"] if each["field"] == "agency")
        first.setdefault(number, change["old"])
        last[number] = change["new"]
    named = select(AGENCY.bin, AGENCY.id).where(AGENCY.bin.in_({*first.values(), *last.values()}))
    ids = {row.bin: row.id for row in db.session.execute(named)} if first else {}
    return {number: (ids[first[number]], ids[last[number]]) for number in first if first[number] != last[number]}


def at_risk_then(actor: Actor, numbers: Collection[str], at: datetime) -> dict[str, int]:
    """Return the budgets of those of the projects that were flagged at the moment, as the actor may count them.

    Raises FlagsNotKnown.
    """
    listed = sorted(numbers)
    budgets: dict[str, int] = {}
    then = flags_known_at(at)
    for start in range(0, len(listed), AT_ONCE):
        some = select(PROJECT.id, PROJECT.number).where(PROJECT.number.in_(listed[start : start + AT_ONCE]))
        ids = {row.id: row.number for row in db.session.execute(some)}
        is_open = (then.c.status == FlagStatus.OPEN.value, then.c.severity != Severity.PLAN.value)
        flagged = select(then.c.project_id).where(then.c.project_id.in_(ids), *is_open)
        for project_id in db.session.scalars(flagged.distinct()):
            (known,) = projects_known_at(at, KNOWN, project_id - 1, project_id)
            if actor.may(Permission.RESTRICTED_READ) or not known.values["is_restricted"]:
                budgets[ids[project_id]] = int(known.values["budget_kzt"] or 0)
    return budgets


# The overview: where the country stands after the last audit, how it changed, and where it leads.

BACK: Final = (7, 30, 90)
# The earlier audit that the improvement of agencies is measured against.
IMPROVED_SINCE: Final = 30


@dataclass(frozen=True, slots=True)
class Target:
    """The share that should be on the platform ``on`` a date, in percent."""

    on: date
    percent: int


@dataclass(frozen=True, slots=True)
class Overview:
    """The figures after the last audit. ``earlier``: by days back, of the last audit on that day, or at most a week
    earlier; None where no audit is known.

    ``forecast``: None when there are too few audits. ``regions``, ``sectors``, ``rules`` and ``ages`` are empty until
    the first audit that stored them. ``improved`` is None without an audit to compare with. ``coming``,
    ``coming_rules``, ``coming_agencies``: how many projects are flagged within each of DAYS if nothing changes.
    ``planned``: by month. ``contracts``: the coverage at present, None where no IT contract was read.
    """

    on: date
    audit: int
    now: Figures
    earlier: Mapping[int, Point | None]
    target: Target
    forecast: Forecast | None
    regions: Mapping[str, Figures]
    sectors: Mapping[str, Figures]
    rules: Mapping[str, Figures]
    ages: Mapping[str, Figures]
    at_risk: Sequence[AtRisk]
    improved: Sequence[AtRisk] | None
    ends: Ends
    coming: Sequence[int]
    coming_rules: Mapping[str, Sequence[int]]
    coming_agencies: Sequence[tuple[Mapping[str, Any], Sequence[int]]]
    planned: Sequence[Planned]
    contracts: Coverage | None


@dataclass(frozen=True, slots=True)
class Planned:
    """Projects that agencies plan to migrate in a month, how many plans oversight has confirmed, and the share on the
    platform at its end if all plans up to it hold, in percent.
    """

    month: date
    projects: int
    confirmed: int
    percent: float | None


def _planned(actor: Actor, now: Figures, on: date) -> list[Planned]:
    months, moved = [], now.on_platform or 0
    for each in planned_months(actor, on):
        moved += each.projects
        months.append(Planned(*each, percent(moved, now.in_scope)))
    return months


def coming_rules(actor: Actor) -> dict[str, list[int]]:
    """Count the projects that each rule flags within each of DAYS if nothing changes, the most first."""
    return coming_flags(actor, COMING.c.flagged_for, _days_ahead())


def _most_coming(counts: Mapping[int, Sequence[int]]) -> list[tuple[Mapping[str, Any], Sequence[int]]]:
    most = [*counts.items()][:SHOWN]
    named = _named([agency_id for agency_id, _counts in most])
    return [(named[agency_id], of_agency) for agency_id, of_agency in most]


def _days_ahead() -> list[date]:
    return [today() + timedelta(days=each) for each in DAYS]


def overview(actor: Actor) -> Overview | None:
    """Return the overview as the last audit left it; None before the first audit that stored counts. Raises
    RoleNotAllowed.
    """
    actor.require(Permission.OVERVIEW_READ)
    last = last_good_audit()
    if last is None:
        return None
    days = audited_days(last.on - timedelta(days=BACK[-1]) - SLACK, last.on)
    back = {each: _audited(days, last.on - timedelta(days=each)) for each in BACK}
    weeks = weekly(days, last.on, FORECAST_WEEKS)
    stored = by_audit(
        actor, Dimension.COUNTRY, COUNTRY, {last.id, *weeks.values(), *(days[day] for day in back.values() if day)}
    )
    if last.id not in stored and _counted(actor, last):
        return None
    since = back[IMPROVED_SINCE]
    target = _target(policy_in_force(), last.on)
    coming = coming_flags(actor, STATUS.c.agency_id, _days_ahead())
    shares = [(day, stored[audit_id].platform_percent) for day, audit_id in weeks.items() if audit_id in stored]
    return Overview(
        on=last.on,
        audit=last.id,
        now=stored.get(last.id, Figures()),
        earlier={each: _earlier(days, day, stored) for each, day in back.items()},
        target=target,
        forecast=forecast([(day, share) for day, share in shares if share is not None], max(target.on, last.on)),
        regions=by_member(actor, Dimension.REGION, last.id),
        sectors=by_member(actor, Dimension.SECTOR, last.id),
        rules=by_member(actor, Dimension.RULE, last.id),
        ages=by_member(actor, Dimension.AGE, last.id),
        at_risk=most_at_risk(actor, last.id),
        improved=None if since is None else most_improved(actor, last.id, days[since]),
        ends=ends(actor, today()),
        coming_rules=coming_rules(actor),
        coming=[sum(counts) for counts in zip(*coming.values(), strict=True)] or [0] * len(DAYS),
        coming_agencies=_most_coming(coming),
        planned=_planned(actor, stored.get(last.id, Figures()), last.on),
        contracts=added_coverage(coverage_by_agency(actor).values()),
    )


def _counted(actor: Actor, run: AuditRun) -> int:
    """Return how many projects the audit counted that the actor may see, from its own counts."""
    shown = visible_run(actor, run)
    return int(shown["projects_judged"] + shown["projects_out_of_scope"])


def _audited(days: Mapping[date, int], day: date) -> date | None:
    return max((each for each in days if day - SLACK < each <= day), default=None)


def _earlier(days: Mapping[date, int], day: date | None, stored: Mapping[int, Figures]) -> Point | None:
    if day is None or days[day] not in stored:
        return None
    return Point(day, days[day], stored[days[day]])


def _target(policy: Policy, on: date) -> Target:
    """Return the next target, or the last one when all have passed."""
    targets = policy.targets or ((policy.migration_deadline, 100),)
    return Target(*next((target for target in targets if target[0] >= on), targets[-1]))
