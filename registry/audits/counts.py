"""Counts of projects and flags at each successful audit: by agency, and by day for groups."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, ForeignKey, Select, String, func, select
from sqlalchemy.orm import Mapped, mapped_column

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.core.bulk import table_of
from registry.core.database import Model
from registry.flags.models import AuditRun, newest_good

# Counts of each agency's projects at each successful audit: reports of former dates, whoever has the projects now.
#
# Written with the audit (``counting.py``) and never changed. Projects that were restricted at the audit are counted
# in rows of their own.

NO_SEVERITY = ""


class AgencyCount(Model):
    """Projects of one agency with the same freeze status and severity after an audit, and their budgets.

    ``on_platform``: how many of them claim to be hosted on the platform, ``confirmed_on_platform``: of how many that
    is confirmed; each None for audits before its column. Audits and agencies are never deleted, so the ids are no
    foreign keys: PostgreSQL checks these row by row, 0.1 s for 10,000 rows, while others wait.
    """

    __tablename__ = "agency_counts"

    audit_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    agency_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, index=True)
    is_restricted: Mapped[bool] = mapped_column(Boolean, primary_key=True)
    freeze_status: Mapped[str] = mapped_column(String(12), primary_key=True)
    severity: Mapped[str] = mapped_column(String(10), primary_key=True)
    projects: Mapped[int]
    budget_kzt: Mapped[int] = mapped_column(BigInteger)
    on_platform: Mapped[int | None]
    confirmed_on_platform: Mapped[int | None]


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


# Daily counts: projects and flags at each successful audit, for the country and by region, sector, rule and age.
#
# Written with the audit (``counting.py``) and never changed. Projects that were restricted at the audit are counted in
# rows of their own.

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
    has at most one active flag of a rule. ``on_platform``: how many of them claim to be hosted on the platform,
    ``confirmed_on_platform``: of how many that is confirmed; each None for audits before its column.
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
    confirmed_on_platform: Mapped[int | None]
    budget_kzt: Mapped[int] = mapped_column(BigInteger)
