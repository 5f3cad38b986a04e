"""Counts of all projects and active flags, made before an audit locks; under the lock, only what has changed since.

They are read in units of agencies. The change feed names every project of which anything counted has changed: its
agency's unit is counted again. Nothing is kept from one audit to the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal,
    select,
    union_all,
)

from registry.accounts.roles import Actor, Permission
from registry.audits.models import COUNTRY, NO_SEVERITY, NOT_GIVEN, AgencyCount, DailyCount, Dimension
from registry.changes.service import changed_since, deleted_up_to, newest_seq
from registry.core.database import db, require_transaction, table_of
from registry.core.dialects import insert_rows, is_among
from registry.flags.models import FLAGS, IS_ACTIVE, AuditRun, newest_good
from registry.freeze.vocabulary import Placement
from registry.projects.models import STATUS
from registry.projects.vocabulary import FlagAge, FreezeStatus

# About so many projects are counted again for one that has changed.
PROJECTS_IN_UNIT: Final = 1000
# Of more changes than these, everything is counted again.
MANY: Final = 5000
# How often changes that are committed while others are counted are followed, before everything is counted at once.
ROUNDS: Final = 5
AGENCY: Final = "agency"
FLAG: Final = "flag"
_agencies_in_unit = bindparam("agencies_in_unit", type_=Integer)


class _Count(NamedTuple):
    """What is alike. ``place``: the id of the agency; of a region, a sector or a flag, the number of the unit.

    ``member``: the region, the sector, or the rule of flags, which have an ``age`` too.
    """

    kind: str
    place: int
    member: str
    age: str
    is_restricted: bool
    status: str
    severity: str
    counted: int
    on_platform: int
    confirmed_on_platform: int
    budget_kzt: int


class Counts:
    """Projects and active flags, counted for an audit of one date."""

    def __init__(self, on: date) -> None:
        """Without reading anything."""
        self.on = on
        self._units: dict[int, list[_Count]] | None = None
        self._number = 0
        self._agencies_in_unit = 1

    def count(self) -> None:
        """Count everything, in one statement."""
        highest = select(
            func.coalesce(func.max(STATUS.c.project_id), 0), func.coalesce(func.max(STATUS.c.agency_id), 0)
        )
        last_project, last_agency = db.session.execute(highest).one()
        self._number = newest_seq()
        self._agencies_in_unit = 1 + last_agency // (1 + last_project // PROJECTS_IN_UNIT)
        self._units = {}
        self._read()

    def bring_up_to_date(self, written: Sequence[ColumnElement[bool]] = ()) -> None:
        """Count again where projects have changed since, and those that fit ``written``: the transaction changed them.

        What is committed meanwhile is followed too, so that a project that moves is counted once.
        """
        if self._units is None or deleted_up_to() > self._number:
            self.count()
            return
        units = self._units_of(*written)
        for _ in range(ROUNDS):
            number = newest_seq()
            if number != self._number:
                changed = changed_since(self._number)
                # A project that was with another agency changed two units. One that is new may have been counted too:
                # it was registered between the number and the count, or named by an earlier round.
                if changed.moved or len(changed.projects) > MANY:
                    break
                self._number = number
                units |= self._units_of(STATUS.c.project_id.in_(sorted(changed.projects)))
            if not units:
                return
            if 2 * len(units) > len(self._units):
                break
            self._read(units)
            units = set()
        self.count()

    def save(self, audit_id: int) -> None:
        """Write the counts of agencies and of the day, in the open transaction of the audit."""
        session = require_transaction()
        counts = [count for unit in (self._units or {}).values() for count in unit]
        agencies = [
            {
                "audit_id": audit_id,
                "agency_id": each.place,
                "is_restricted": each.is_restricted,
                "freeze_status": each.status,
                "severity": each.severity,
                "projects": each.counted,
                "budget_kzt": each.budget_kzt,
                "on_platform": each.on_platform,
                "confirmed_on_platform": each.confirmed_on_platform,
            }
            for each in counts
            if each.kind == AGENCY
        ]
        insert_rows(session, AgencyCount, agencies)
        insert_rows(session, DailyCount, list(_of_the_day(audit_id, counts)))

    def _units_of(self, *which: ColumnElement[bool]) -> set[int]:
        agencies = (select(STATUS.c.agency_id).where(some).distinct() for some in which)
        return {number // self._agencies_in_unit for each in agencies for number in db.session.scalars(each)}

    def _read(self, units: Iterable[int] | None = None) -> None:
        of_unit: dict[int, list[_Count]] = {} if self._units is None else self._units
        size = self._agencies_in_unit
        which: tuple[ColumnElement[bool], ...] = ()
        if units is not None:
            agencies: list[int] = []
            for unit in sorted(units):
                of_unit.pop(unit, None)
                agencies += range(unit * size, (unit + 1) * size)
            which = (is_among(STATUS.c.agency_id, agencies),)
        for row in db.session.execute(_statement(self.on, *which), {"agencies_in_unit": size}).all():
            count = _Count(*row)
            unit = count.place // size if count.kind == AGENCY else count.place
            of_unit.setdefault(unit, []).append(count)


def is_counted() -> ColumnElement[bool]:
    """Return the condition on projects that have not been withdrawn, as the table of statuses has them."""
    return STATUS.c.freeze_status != FreezeStatus.WITHDRAWN.value


def _statement(on: date, *which: ColumnElement[bool]) -> Any:
    """Return all counts of the projects that fit, from the narrow table of statuses and the flags."""
    region, sector = (func.coalesce(column, NOT_GIVEN) for column in (STATUS.c.region, STATUS.c.sector))
    unit: ColumnElement[int] = STATUS.c.agency_id // _agencies_in_unit
    return union_all(
        _projects(on, AGENCY, STATUS.c.agency_id, literal(NOT_GIVEN), STATUS.c.agency_id).where(*which),
        _projects(on, Dimension.REGION, unit, region, unit, STATUS.c.region).where(*which),
        _projects(on, Dimension.SECTOR, unit, sector, unit, STATUS.c.sector).where(*which),
        _flags(on, unit).where(*which),
    )


def _projects(on: date, kind: str, place: Any, member: Any, *alike: Any) -> Select[Any]:
    status, severity = STATUS.c.freeze_status, func.coalesce(STATUS.c.severity, NO_SEVERITY)
    columns = (literal(str(kind)), place, member, literal(NOT_GIVEN), STATUS.c.is_restricted, status, severity)
    grouped = (*alike, STATUS.c.is_restricted, status, STATUS.c.severity)
    return select(*columns, *_sums(on)).where(is_counted()).group_by(*grouped)


def _flags(on: date, unit: ColumnElement[int]) -> Select[Any]:
    youngest, *older = FlagAge
    bounds = [(FLAGS.c.opened_on <= age.opened(on)[1], age.value) for age in reversed(older)]
    age = case(*bounds, else_=youngest.value)
    alike = (unit, FLAGS.c.rule, age, STATUS.c.is_restricted, FLAGS.c.status, FLAGS.c.severity)
    flags_and_projects = FLAGS.join(STATUS, STATUS.c.project_id == FLAGS.c.project_id)
    return select(literal(FLAG), *alike, *_sums(on)).select_from(flags_and_projects).where(IS_ACTIVE).group_by(*alike)


def _sums(on: date) -> tuple[Any, ...]:
    is_claimed = STATUS.c.placement == Placement.ON_PLATFORM.value
    claimed = case((is_claimed, 1), else_=0)
    # As the law has it: registry/freeze/rules.py.
    confirmed = case((and_(is_claimed, STATUS.c.placement_verified_on <= on), 1), else_=0)
    budget = func.coalesce(func.sum(STATUS.c.budget_kzt), 0)
    # The sum of big integers is numeric on PostgreSQL.
    return func.count(), func.sum(claimed), func.sum(confirmed), cast(budget, BigInteger)


def _of_the_day(audit_id: int, counts: Iterable[_Count]) -> Iterator[dict[str, Any]]:
    sums: dict[tuple[str, str, bool, str, str], list[int]] = {}
    for each in counts:
        for dimension, member in _members(each):
            key = (dimension, member, each.is_restricted, each.status, each.severity)
            of_key = sums.setdefault(key, [0, 0, 0, 0])
            for place, number in enumerate(each[-4:]):
                of_key[place] += number
    for (dimension, member, is_restricted, status, severity), (counted, on_platform, confirmed, budget) in sums.items():
        yield {
            "audit_id": audit_id,
            "dimension": dimension,
            "member": member,
            "is_restricted": is_restricted,
            "status": status,
            "severity": severity,
            "counted": counted,
            "on_platform": on_platform,
            "confirmed_on_platform": confirmed,
            "budget_kzt": budget,
        }


def _members(count: _Count) -> Iterator[tuple[str, str]]:
    """The rows of the day that a count is a part of. Every project has one region, or none: these are the country."""
    if count.kind == FLAG:
        yield Dimension.RULE.value, count.member
        yield Dimension.AGE.value, count.age
    elif count.kind != AGENCY:
        yield count.kind, count.member
        if count.kind == Dimension.REGION:
            yield Dimension.COUNTRY.value, COUNTRY


# Counts at former audits, as the actor may see them.


def counts_on(actor: Actor, day: date) -> Select[*tuple[Any, ...]]:
    """Query agency, freeze status, severity, projects and budget at the last audit of that day or earlier."""
    run, count = table_of(AuditRun).c, table_of(AgencyCount).c
    audit_id = newest_good(run.id).where(run.on <= day).scalar_subquery()
    severity = func.nullif(count.severity, NO_SEVERITY)
    statement = (
        select(count.agency_id, count.freeze_status, severity, func.sum(count.projects), func.sum(count.budget_kzt))
        .where(count.audit_id == audit_id)
        .group_by(count.agency_id, count.freeze_status, count.severity)
    )
    return statement if actor.may(Permission.RESTRICTED_READ) else statement.where(count.is_restricted.is_(False))


def counts_over_time(actor: Actor, agency_ids: Any) -> Select[*tuple[Any, ...]]:
    """Query audit, date, freeze status and projects of these agencies together, for every good audit, oldest first."""
    run, count = table_of(AuditRun).c, table_of(AgencyCount).c
    statement = (
        select(run.id, run.on, count.freeze_status, func.sum(count.projects).label("projects"))
        .join(table_of(AuditRun), run.id == count.audit_id)
        .where(run.status == "succeeded", run.dry_run.is_(False), count.agency_id.in_(agency_ids))
        .group_by(run.id, run.on, run.judged_up_to, run.finished_at, count.freeze_status)
        .order_by(run.on, run.judged_up_to, run.finished_at, run.id)
    )
    return statement if actor.may(Permission.RESTRICTED_READ) else statement.where(count.is_restricted.is_(False))
