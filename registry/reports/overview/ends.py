"""What ends soon: onboarding, exemptions and orders, with what is overdue, as few indexed counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, TextClause, and_, func, select, text

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.cases.models import Case
from registry.cases.vocabulary import Status
from registry.core.bulk import table_of
from registry.core.database import db
from registry.exemptions.models import Exemption
from registry.exemptions.service import in_force_on
from registry.projects.models import Project
from registry.projects.visibility import visible_projects
from registry.projects.withdrawn import NOT_WITHDRAWN

DAYS: Final = (30, 60, 90)
PROJECT: Final = table_of(Project).c
Condition = ColumnElement[bool] | TextClause
# As text: SQLite reads a partial index only for a statement that repeats its condition.
ONBOARDING: Final = text("projects.placement = 'onboarding'")


@dataclass(frozen=True, slots=True)
class Ends:
    """Counts of what ends within 30, 60 and 90 days. Onboarding and orders include what is overdue.

    ``orders`` is None for those who may not read cases.
    """

    onboarding: dict[int, int]
    exemptions: dict[int, int]
    orders: dict[int, int] | None


def ends(actor: Actor, today: date) -> Ends:
    """Count what the actor may see."""
    in_force = in_force_on(today)
    ordered = Case.status == Status.REMEDIATION.value
    return Ends(
        _within(actor, today, PROJECT.onboarding_due_on, table_of(Project), ONBOARDING, NOT_WITHDRAWN),
        _within(actor, today, Exemption.valid_to, _joined(Exemption), in_force, NOT_WITHDRAWN),
        _within(actor, today, Case.due_on, _joined(Case), ordered) if actor.may(Permission.CASES_READ) else None,
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
