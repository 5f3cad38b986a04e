"""Daily counts: projects and flags at each successful audit, for the country and by region, sector, rule and age.

Written with the audit and never changed; those of agencies are in ``agency_counts.py``. Projects that were restricted
at the audit are counted in rows of their own.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, ForeignKey, String, case, func, insert, literal, select, union_all
from sqlalchemy.orm import Mapped, mapped_column

from registry.audits.agency_counts import NO_SEVERITY, hosted, is_counted
from registry.core.bulk import table_of
from registry.core.database import Model
from registry.core.transactions import require_transaction
from registry.flags.models import FLAGS, IS_ACTIVE
from registry.projects.models import Project
from registry.projects.vocabulary import FlagAge

# The member of a group whose projects have no region or sector.
NOT_GIVEN: Final = ""
COUNTRY: Final = "KZ"


class Dimension(StrEnum):
    """What a count is of. ``member`` is the code of the region, sector or rule, or the least age of flags in days."""

    COUNTRY = "country"
    REGION = "region"
    SECTOR = "sector"
    RULE = "rule"
    AGE = "age"


class DailyCount(Model):
    """Projects of one member of a dimension that are alike after an audit, and their budgets in whole tenge.

    ``status`` is the freeze status of projects; by rule and age, whose rows count flags, that of the flags. A project
    has at most one active flag of a rule. ``on_platform``: how many of them are hosted on the platform; None for
    audits before the column.
    """

    __tablename__ = "daily_counts"

    audit_id: Mapped[int] = mapped_column(ForeignKey("audits.id"), primary_key=True, autoincrement=False)
    dimension: Mapped[str] = mapped_column(String(10), primary_key=True)
    member: Mapped[str] = mapped_column(String(40), primary_key=True)
    is_restricted: Mapped[bool] = mapped_column(Boolean, primary_key=True)
    status: Mapped[str] = mapped_column(String(12), primary_key=True)
    severity: Mapped[str] = mapped_column(String(10), primary_key=True)
    counted: Mapped[int]
    on_platform: Mapped[int | None]
    budget_kzt: Mapped[int] = mapped_column(BigInteger)


COUNT: Final = table_of(DailyCount)
PROJECT: Final = table_of(Project).c
NAMES: Final = tuple(column.name for column in COUNT.columns)


def save_daily_counts(audit_id: int, on: date) -> None:
    """Count all projects and active flags as they are now, in the open transaction of the audit of that date.

    Projects are read once, from ``ix_projects_counted`` alone, and flags once: 0.2 s for 100,000 projects on SQLite.
    """
    session = require_transaction()
    projects, flags = _projects(), _flags(on)
    parts = [
        _part(audit_id, Dimension.COUNTRY, projects, literal(COUNTRY)),
        _part(audit_id, Dimension.REGION, projects, projects.c.region),
        _part(audit_id, Dimension.SECTOR, projects, projects.c.sector),
        _part(audit_id, Dimension.RULE, flags, flags.c.rule),
        _part(audit_id, Dimension.AGE, flags, flags.c.age),
    ]
    session.execute(insert(COUNT).from_select(NAMES, union_all(*parts)))


def _projects() -> Any:
    alike = (PROJECT.region, PROJECT.sector, PROJECT.is_restricted, PROJECT.freeze_status, PROJECT.severity)
    named = (
        func.coalesce(PROJECT.region, NOT_GIVEN).label("region"),
        func.coalesce(PROJECT.sector, NOT_GIVEN).label("sector"),
        PROJECT.is_restricted,
        PROJECT.freeze_status.label("status"),
        func.coalesce(PROJECT.severity, NO_SEVERITY).label("severity"),
    )
    return select(*named, *_sums()).where(is_counted()).group_by(*alike).cte("counted_projects")


def _flags(on: date) -> Any:
    youngest, *older = FlagAge
    bounds = [(FLAGS.c.opened_on <= age.opened(on)[1], age.value) for age in reversed(older)]
    alike = (
        FLAGS.c.rule,
        case(*bounds, else_=youngest.value).label("age"),
        PROJECT.is_restricted,
        FLAGS.c.status,
        FLAGS.c.severity,
    )
    flags_and_projects = FLAGS.join(table_of(Project), PROJECT.id == FLAGS.c.project_id)
    statement = select(*alike, *_sums()).select_from(flags_and_projects).where(IS_ACTIVE)
    return statement.group_by(*alike).cte("counted_flags")


def _sums() -> tuple[Any, ...]:
    return (
        func.count().label("counted"),
        hosted().label("on_platform"),
        func.coalesce(func.sum(PROJECT.budget_kzt), 0).label("budget_kzt"),
    )


def _part(audit_id: int, dimension: Dimension, rows: Any, member: Any) -> Any:
    alike = (member, rows.c.is_restricted, rows.c.status, rows.c.severity)
    sums = (func.sum(rows.c.counted), func.sum(rows.c.on_platform), func.sum(rows.c.budget_kzt))
    grouped = alike[1:] if dimension is Dimension.COUNTRY else alike
    return select(literal(audit_id), literal(dimension.value), *alike, *sums).group_by(*grouped)
