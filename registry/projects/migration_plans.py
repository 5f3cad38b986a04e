"""The plan of an agency to migrate a project to the platform: when, in which wave, who, and what stands in the way.

Oversight confirms it; a plan that is changed waits to be confirmed again.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, ForeignKey, Index, String, Text, and_, func, not_, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from registry.accounts.roles import Actor, Permission
from registry.core.clock import now, rfc3339, today
from registry.core.database import Instant, Model, db, require_transaction, table_of
from registry.core.errors import Conflict, NotFound, invalid
from registry.core.fields import DAY_SCHEMA, BaseSchema, Day, ReadOnly, Text as TextField, Timestamp, nullable
from registry.core.translations import lazy_text
from registry.freeze.dates import add_months
from registry.freeze.vocabulary import Placement
from registry.journal import service as journal
from registry.projects.models import PROJECT, STATUS
from registry.projects.revisions import json_value
from registry.projects.service import find_project_to_change
from registry.projects.visibility import visible_projects
from registry.projects.vocabulary import FreezeStatus, PlanState

PLANNED: Final = ("month", "wave", "responsible", "obstacles")


class MigrationPlanNotFound(NotFound):
    """The project has no migration plan."""


class MigrationPlanChanged(Conflict):
    """The plan was changed since the actor read it."""


class MigrationPlan(Model):
    """``month`` is its first day. ``confirmed_by`` and ``confirmed_at`` are None until oversight confirms it."""

    __tablename__ = "migration_plans"

    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), primary_key=True, autoincrement=False)
    month: Mapped[date]
    wave: Mapped[str | None] = mapped_column(String(100))
    responsible: Mapped[str] = mapped_column(String(200))
    obstacles: Mapped[str | None] = mapped_column(Text)
    planned_by: Mapped[str] = mapped_column(Text)
    planned_at: Mapped[datetime] = mapped_column(Instant)
    confirmed_by: Mapped[str | None] = mapped_column(Text)
    confirmed_at: Mapped[datetime | None] = mapped_column(Instant)

    __table_args__ = (Index(None, "month"),)

    @property
    def due_on(self) -> date:
        """The last day of the month."""
        return add_months(self.month, 1) - timedelta(days=1)

    @property
    def version(self) -> str:
        """``planned_at`` as a confirmation sends it back."""
        return rfc3339(self.planned_at)


class PlanBody(BaseSchema):
    """What an agency plans. ``month``: any day of it."""

    month = Day(required=True, label=lazy_text("Month of the migration"), description="A day of the month.")
    wave = TextField(100, label=lazy_text("Wave"), description="The wave of the agency's migration.")
    responsible = TextField(
        required=True, label=lazy_text("Responsible for the migration"), description="Who answers for it."
    )
    obstacles = TextField(2000, label=lazy_text("Obstacles"), description="What stands in the way.")


class PlanShown(BaseSchema):
    """The migration plan of a project; everything is null without one."""

    month = ReadOnly("The first day of the month.", nullable(DAY_SCHEMA))
    wave = ReadOnly("The wave of the agency's migration.", {"type": ["string", "null"]})
    responsible = ReadOnly("Who answers for it.", {"type": ["string", "null"]})
    obstacles = ReadOnly("What stands in the way.", {"type": ["string", "null"]})
    planned_by = ReadOnly("Who wrote it.", {"type": ["string", "null"]})
    planned_at = Timestamp("When it was last changed.", nullable=True)
    confirmed_by = ReadOnly("Who confirmed it.", {"type": ["string", "null"]})
    confirmed_at = Timestamp("When oversight confirmed it; null while it waits.", nullable=True)


class PlanConfirmation(BaseSchema):
    """The plan that is confirmed."""

    planned_at = TextField(required=True, description="`planned_at` of the plan that was read; 409 if it changed.")


PLAN_BODY: Final = PlanBody()
PLAN: Final = PlanShown()
PLAN_CONFIRMATION: Final = PlanConfirmation()


def plan_of(project_id: int) -> MigrationPlan | None:
    """Return the plan of a project that the caller may see."""
    return db.session.get(MigrationPlan, project_id, populate_existing=True)


def save_plan(actor: Actor, number: str, values: Mapping[str, Any]) -> MigrationPlan:
    """Write the plan of a project from validated values, in the open transaction. One that is changed loses its
    confirmation. Raises RoleNotAllowed, ProjectNotFound, and Invalid for a month that is over.
    """
    actor.require(Permission.PROJECTS_WRITE)
    session = require_transaction()
    project = find_project_to_change(actor, number)
    plan = session.get(MigrationPlan, project.id)
    month: date = values["month"].replace(day=1)
    sent = {name: values.get(name) for name in PLANNED} | {"month": month}
    before = {name: None if plan is None else getattr(plan, name) for name in PLANNED}
    changes = [
        {"field": name, "old": json_value(before[name]), "new": json_value(value)}
        for name, value in sent.items()
        if value != before[name]
    ]
    if plan is None:
        plan = MigrationPlan(project_id=project.id)
        session.add(plan)
    if changes:
        if month < today().replace(day=1):
            raise invalid("/month", "month-over")
        for name, value in sent.items():
            setattr(plan, name, value)
        plan.planned_by, plan.planned_at = actor.principal, now()
        plan.confirmed_by = plan.confirmed_at = None
        session.flush()
        journal.record(actor, "project.migration-planned", f"project:{number}", {"changes": changes})
    return plan


def confirm_plan(actor: Actor, number: str, planned_at: str) -> MigrationPlan:
    """Confirm the plan that was read, by its time, in the open transaction; a second time changes nothing.

    Raises RoleNotAllowed, ProjectNotFound, MigrationPlanNotFound and MigrationPlanChanged.
    """
    actor.require(Permission.CASES_REVIEW)
    project = find_project_to_change(actor, number)
    plan = require_transaction().get(MigrationPlan, project.id)
    if plan is None:
        raise MigrationPlanNotFound(number=number)
    if plan.version != planned_at:
        raise MigrationPlanChanged(number=number)
    if plan.confirmed_at is None:
        plan.confirmed_by, plan.confirmed_at = actor.principal, now()
        journal.record(
            actor, "project.migration-plan-confirmed", f"project:{number}", {"month": json_value(plan.month)}
        )
    return plan


PLAN_TABLE: Final = table_of(MigrationPlan)


def plan_condition(states: Sequence[str]) -> ColumnElement[bool]:
    """``migration_plan``: projects whose plan is in one of the states."""
    of_project = select(PLAN_TABLE.c.project_id).where(PLAN_TABLE.c.project_id == PROJECT.c.id)
    by_state: dict[str, ColumnElement[bool]] = {
        PlanState.NONE.value: ~of_project.exists(),
        PlanState.PLANNED.value: of_project.where(PLAN_TABLE.c.confirmed_at.is_(None)).exists(),
        PlanState.CONFIRMED.value: of_project.where(PLAN_TABLE.c.confirmed_at.is_not(None)).exists(),
    }
    return or_(*(by_state[state] for state in states))


class PlannedMonth(NamedTuple):
    """How many projects are planned for a month, and of how many that is confirmed."""

    month: date
    projects: int
    confirmed: int


def planned_months(actor: Actor, on: date) -> list[PlannedMonth]:
    """Count the visible projects in scope that are not confirmed on the platform by the month of their plan, the first
    first.
    """
    moved = and_(STATUS.c.placement == Placement.ON_PLATFORM.value, STATUS.c.placement_verified_on <= on)
    not_counted = (FreezeStatus.OUT_OF_SCOPE.value, FreezeStatus.WITHDRAWN.value)
    statement = (
        select(PLAN_TABLE.c.month, func.count(), func.count(PLAN_TABLE.c.confirmed_at))
        .join(STATUS, STATUS.c.project_id == PLAN_TABLE.c.project_id)
        .where(STATUS.c.freeze_status.not_in(not_counted), not_(func.coalesce(moved, False)))
        .where(*visible_projects(actor, STATUS.c))
        .group_by(PLAN_TABLE.c.month)
        .order_by(PLAN_TABLE.c.month)
    )
    return [PlannedMonth(*row) for row in db.session.execute(statement)]
