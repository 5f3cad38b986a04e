"""Counts of all projects and active flags at an audit, which stores them in the transaction that writes its flags."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

import sqlalchemy as sa

from registry.accounts.roles import Actor, Permission
from registry.audits.models import COUNTRY, NO_SEVERITY, NOT_GIVEN, AgencyCount, DailyCount, Dimension
from registry.core.database import require_transaction, table_of
from registry.flags.models import FLAGS, IS_ACTIVE, AuditRun, newest_good
from registry.freeze.vocabulary import Placement
from registry.projects.models import STATUS
from registry.projects.vocabulary import FlagAge, FreezeStatus

SUMS: Final = ("counted", "on_platform", "confirmed_on_platform", "budget_kzt")
# Of which projects the severity is counted.
SEVERITY: Final = sa.func.coalesce(STATUS.c.severity, NO_SEVERITY)


def save_counts(audit_id: int, on: date) -> None:
    """Count everything from the narrow table of statuses and the flags, in the open transaction of the audit."""
    session = require_transaction()
    agency = (STATUS.c.agency_id, STATUS.c.is_restricted, STATUS.c.freeze_status, SEVERITY)
    of_agencies = sa.select(sa.literal(audit_id), *agency, *_sums(on)).where(is_counted()).group_by(*agency)
    columns = ["audit_id", "agency_id", "is_restricted", "freeze_status", "severity"]
    session.execute(sa.insert(AgencyCount).from_select([*columns, "projects", *SUMS[1:]], of_agencies))
    projects, flags = _projects(on), _flags(on)
    of_dimensions = (
        _of_dimension(audit_id, Dimension.COUNTRY, sa.literal(COUNTRY), projects),
        _of_dimension(audit_id, Dimension.REGION, projects.c.region, projects),
        _of_dimension(audit_id, Dimension.SECTOR, projects.c.sector, projects),
        _of_dimension(audit_id, Dimension.RULE, flags.c.rule, flags),
        _of_dimension(audit_id, Dimension.AGE, flags.c.age, flags),
    )
    columns = ["audit_id", "dimension", "member", "is_restricted", "status", "severity"]
    session.execute(sa.insert(DailyCount).from_select([*columns, *SUMS], sa.union_all(*of_dimensions)))


def is_counted() -> sa.ColumnElement[bool]:
    """Return the condition on projects that have not been withdrawn, as the table of statuses has them."""
    return STATUS.c.freeze_status != FreezeStatus.WITHDRAWN.value


def _projects(on: date) -> sa.CTE:
    region, sector = (sa.func.coalesce(column, NOT_GIVEN) for column in (STATUS.c.region, STATUS.c.sector))
    alike = (region.label("region"), sector.label("sector"), STATUS.c.is_restricted)
    stands = (STATUS.c.freeze_status.label("status"), SEVERITY.label("severity"))
    counted = sa.select(*alike, *stands, *_sums(on)).where(is_counted())
    return counted.group_by(region, sector, STATUS.c.is_restricted, STATUS.c.freeze_status, SEVERITY).cte("of_projects")


def _flags(on: date) -> sa.CTE:
    youngest, *older = FlagAge
    bounds = [(FLAGS.c.opened_on <= age.opened(on)[1], age.value) for age in reversed(older)]
    age = sa.case(*bounds, else_=youngest.value)
    alike = (FLAGS.c.rule, STATUS.c.is_restricted, FLAGS.c.status, FLAGS.c.severity)
    flags_and_projects = FLAGS.join(STATUS, STATUS.c.project_id == FLAGS.c.project_id)
    counted = sa.select(age.label("age"), *alike, *_sums(on)).select_from(flags_and_projects).where(IS_ACTIVE)
    return counted.group_by(age, *alike).cte("of_flags")


def _sums(on: date) -> tuple[sa.ColumnElement[int], ...]:
    is_claimed = STATUS.c.placement == Placement.ON_PLATFORM.value
    claimed = sa.func.sum(sa.case((is_claimed, 1), else_=0))
    # As the law has it: registry/freeze/rules.py.
    confirmed = sa.func.sum(sa.case((sa.and_(is_claimed, STATUS.c.placement_verified_on <= on), 1), else_=0))
    budget = sa.func.coalesce(sa.func.sum(STATUS.c.budget_kzt), 0)
    return tuple(
        each.label(name) for name, each in zip(SUMS, (sa.func.count(), claimed, confirmed, budget), strict=True)
    )


def _of_dimension(audit_id: int, dimension: Dimension, member: Any, counted: sa.CTE) -> sa.Select[Any]:
    """Sum what is alike of a dimension. The sum of big integers is numeric on PostgreSQL."""
    alike = (member, counted.c.is_restricted, counted.c.status, counted.c.severity)
    sums = (
        sa.cast(sa.func.sum(counted.c[name]), sa.BigInteger if name == "budget_kzt" else sa.Integer) for name in SUMS
    )
    of_member = () if dimension is Dimension.COUNTRY else (member,)
    return sa.select(sa.literal(audit_id), sa.literal(dimension.value), *alike, *sums).group_by(*of_member, *alike[1:])


# Counts at former audits, as the actor may see them.


def counts_on(actor: Actor, day: date) -> sa.Select[*tuple[Any, ...]]:
    """Query agency, freeze status, severity, projects and budget at the last audit of that day or earlier."""
    run, count = table_of(AuditRun).c, table_of(AgencyCount).c
    audit_id = newest_good(run.id).where(run.on <= day).scalar_subquery()
    severity = sa.func.nullif(count.severity, NO_SEVERITY)
    statement = (
        sa.select(
            count.agency_id, count.freeze_status, severity, sa.func.sum(count.projects), sa.func.sum(count.budget_kzt)
        )
        .where(count.audit_id == audit_id)
        .group_by(count.agency_id, count.freeze_status, count.severity)
    )
    return statement if actor.may(Permission.RESTRICTED_READ) else statement.where(count.is_restricted.is_(False))


def counts_over_time(actor: Actor, agency_ids: Any) -> sa.Select[*tuple[Any, ...]]:
    """Query audit, date, freeze status and projects of these agencies together, for every good audit, oldest first."""
    run, count = table_of(AuditRun).c, table_of(AgencyCount).c
    statement = (
        sa.select(run.id, run.on, count.freeze_status, sa.func.sum(count.projects).label("projects"))
        .join(table_of(AuditRun), run.id == count.audit_id)
        .where(run.status == "succeeded", run.dry_run.is_(False), count.agency_id.in_(agency_ids))
        .group_by(run.id, run.on, run.judged_up_to, run.finished_at, count.freeze_status)
        .order_by(run.on, run.judged_up_to, run.finished_at, run.id)
    )
    return statement if actor.may(Permission.RESTRICTED_READ) else statement.where(count.is_restricted.is_(False))
