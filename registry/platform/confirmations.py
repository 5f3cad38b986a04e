"""Confirmed facts: what a reviewer or operator vouches for, with evidence. Only these lift a suspicion."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, func, select
from sqlalchemy.orm import Mapped, mapped_column

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.core.clock import now, today
from registry.core.database import Instant, Model, db
from registry.core.errors import Conflict, Invalid, NotAllowed, Problem
from registry.core.transactions import require_transaction
from registry.core.vocabularies import FINAL_STAGES
from registry.freeze.current import policy_in_force
from registry.freeze.dates import add_months
from registry.projects.fields import whole_record_problems
from registry.projects.models import Project
from registry.projects.revisions import snapshot
from registry.projects.service import save_changes

MOST_ONBOARDING_CONFIRMATIONS = 2


class PlacementNotClaimed(Conflict):
    """Only a project that claims the placement can have it confirmed."""


class PlatformKeyDiffers(Conflict):
    """The record has another platform key."""


class OnboardingNotExtendedByOperator(NotAllowed):
    """Extending an onboarding is a reviewer's decision."""


class OnboardingAlreadyExtended(Conflict):
    """An onboarding is confirmed once and extended once."""


class StageNotFinal(Conflict):
    """Only a project in a final stage can have its ending confirmed."""


class Confirmation(Model):
    """One confirmation as it was given. The project's own columns tell whether it still holds."""

    __tablename__ = "confirmations"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    kind: Mapped[str] = mapped_column(String(10))
    at: Mapped[datetime] = mapped_column(Instant)
    by: Mapped[str] = mapped_column(Text)
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    inventory_id: Mapped[int | None] = mapped_column(ForeignKey("inventories.id"))

    __table_args__ = (Index(None, "project_id", "kind"),)


def verify_placement(actor: Actor, project: Project, platform_key: str, verified_on: date, evidence: str) -> Project:
    """Confirm that the project lives on the platform since ``verified_on``, inside the open transaction.

    An empty stored key is filled. Raises RoleNotAllowed, Invalid (a date after today), PlacementNotClaimed and
    PlatformKeyDiffers.
    """
    actor.require(Permission.PLACEMENTS_CONFIRM)
    if verified_on > today():
        raise Invalid([Problem("/verified_on", "date-after-today")])
    if project.placement != "on_platform":
        raise PlacementNotClaimed(placement=project.placement, needed="on_platform")
    if project.platform_key not in (None, platform_key):
        raise PlatformKeyDiffers(number=project.number)
    before = snapshot(project)
    wanted = before | {"platform_key": platform_key, "placement_verified_on": verified_on}
    _confirm(
        actor, project, "placement", {"verified_on": verified_on, "platform_key": platform_key, "evidence": evidence}
    )
    save_changes(actor, project, before, wanted, "placement.verified", {"evidence": evidence})
    return project


def confirm_onboarding(actor: Actor, project: Project, due_on: date) -> Project:
    """Confirm that the project moves to the platform by ``due_on``, at most the policy's months ahead of today.

    The second confirmation is a reviewer's; a third is refused. Raises RoleNotAllowed, Invalid, PlacementNotClaimed,
    OnboardingNotExtendedByOperator, OnboardingAlreadyExtended.
    """
    actor.require(Permission.PLACEMENTS_CONFIRM)
    day = today()
    latest = add_months(day, policy_in_force().onboarding_limit_months)
    given = _given(project.id, "onboarding")
    if given and not actor.may(Permission.ONBOARDING_EXTEND):
        raise OnboardingNotExtendedByOperator(number=project.number)
    if not day <= due_on <= latest:
        raise Invalid([Problem("/due_on", "date-out-of-range", {"earliest": str(day), "latest": str(latest)})])
    if project.placement != "onboarding":
        raise PlacementNotClaimed(placement=project.placement, needed="onboarding")
    if given >= MOST_ONBOARDING_CONFIRMATIONS:
        raise OnboardingAlreadyExtended(number=project.number)
    before = snapshot(project)
    wanted = before | {"onboarding_due_on": due_on, "onboarding_confirmed_on": day}
    _confirm(actor, project, "onboarding", {"due_on": due_on})
    save_changes(actor, project, before, wanted, "onboarding.confirmed", {"due_on": due_on.isoformat()})
    return project


def confirm_ending(actor: Actor, project: Project, ended_on: date, consent_number: str, evidence: str) -> Project:
    """Confirm that the work ended, with the authorised body's agreement (Digital Code No. 255-VIII, Art. 89).

    It counts from today on. Raises RoleNotAllowed, Invalid (after today, before the work started), StageNotFinal.
    """
    actor.require(Permission.PLACEMENTS_CONFIRM)
    if ended_on > today():
        raise Invalid([Problem("/ended_on", "date-after-today")])
    if project.stage not in FINAL_STAGES:
        raise StageNotFinal(stage=project.stage)
    before = snapshot(project)
    wanted = before | {"ended_on": ended_on, "ending_confirmed_on": today()}
    problems = whole_record_problems(wanted)
    if problems:
        raise Invalid([problem for problem in problems if problem.pointer == "/ended_on"] or problems)
    facts = {"ended_on": ended_on, "consent_number": consent_number, "evidence": evidence}
    _confirm(actor, project, "ending", facts)
    details = {"consent_number": consent_number, "evidence": evidence}
    save_changes(actor, project, before, wanted, "ending.confirmed", details)
    return project


def confirmations_of(project_id: int) -> list[dict[str, Any]]:
    """All confirmations of a project, oldest first."""
    rows = db.session.execute(
        select(Confirmation.kind, Confirmation.at, Confirmation.by, Confirmation.facts)
        .where(Confirmation.project_id == project_id)
        .order_by(Confirmation.id)
    ).mappings()
    return [dict(row) for row in rows]


def _given(project_id: int, kind: str) -> int:
    counted = select(func.count(Confirmation.id)).where(
        Confirmation.project_id == project_id, Confirmation.kind == kind
    )
    return db.session.execute(counted).scalar_one()


def _confirm(actor: Actor, project: Project, kind: str, facts: dict[str, Any]) -> None:
    ready = {name: value.isoformat() if isinstance(value, date) else value for name, value in facts.items()}
    require_transaction().add(Confirmation(project_id=project.id, kind=kind, at=now(), by=actor.principal, facts=ready))
