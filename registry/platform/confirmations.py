"""Confirmations of placement, onboarding and ending by a reviewer or operator: evidence, and one key for one object."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from registry.accounts.roles import Actor, Permission
from registry.core.clock import now, today
from registry.core.database import db, require_transaction
from registry.core.dialects import advisory_lock
from registry.core.errors import Conflict, Invalid, NotAllowed, Problem
from registry.freeze.dates import add_months
from registry.freeze.policy import policy_in_force
from registry.freeze.vocabulary import FINAL_STAGES
from registry.platform.models import Confirmation, ConfirmationKind
from registry.projects.edits import confirmed_entries, confirmed_facts
from registry.projects.fields import cross_field_problems
from registry.projects.links import OF_ONE_OBJECT, ProjectLink
from registry.projects.models import Project
from registry.projects.revisions import snapshot
from registry.projects.service import save_changes
from registry.projects.visibility import NOT_WITHDRAWN

# One key confirms one object: other projects with it stay unconfirmed, unless links say that it is the same object.

# Placements are confirmed one after the other, because two at once could confirm one key twice.
KEY_LOCK: Final = 742_011


class PlatformKeyShared(Conflict):
    """The key confirms another project, which is not linked to this one as the same object."""


def lock_keys(session: Session) -> None:
    """Wait until no other transaction confirms placements."""
    advisory_lock(session, KEY_LOCK)


def require_unshared_key(project: Project, platform_key: str) -> None:
    """Raise PlatformKeyShared when the key confirms another object. It is not named: it may be restricted."""
    ids = confirmed_by_key(project, platform_key)
    if ids and not same_objects(require_transaction(), project.id, ids):
        raise PlatformKeyShared(number=project.number)


def confirmed_by_key(project: Project, platform_key: str) -> Sequence[int]:
    """Return the ids of the other projects that the key confirms."""
    others = select(Project.id).where(
        Project.platform_key == platform_key,
        Project.placement_verified_on.is_not(None),
        Project.id != project.id,
        NOT_WITHDRAWN,
    )
    return require_transaction().scalars(others).all()


def same_objects(session: Session, project_id: int, others: Sequence[int]) -> bool:
    """Return True when links say that the project concerns the object of one of the others."""
    from_it = and_(ProjectLink.project_id == project_id, ProjectLink.target_id.in_(others))
    to_it = and_(ProjectLink.target_id == project_id, ProjectLink.project_id.in_(others))
    in_force = (ProjectLink.kind.in_(OF_ONE_OBJECT), ProjectLink.removed_at.is_(None))
    return session.scalar(select(ProjectLink.id).where(or_(from_it, to_it), *in_force).limit(1)) is not None


# Confirmations of placement, onboarding and ending by a reviewer or operator, with evidence.

MAX_ONBOARDING_CONFIRMATIONS = 2


class PlacementNotClaimed(Conflict):
    """The project does not claim the placement to be confirmed."""


class PlatformKeyDiffers(Conflict):
    """The project has another platform key."""


class OnboardingNotExtendedByOperator(NotAllowed):
    """Only a reviewer can extend an onboarding."""


class OnboardingAlreadyExtended(Conflict):
    """An onboarding can be confirmed once and extended once."""


class ConfirmationNeedsAPerson(NotAllowed):
    """Service accounts confirm nothing, but for the platform's own program by its inventory."""


class Source(NamedTuple):
    """The state system that confirms a fact, and the id of its confirmation there."""

    source: str
    reference: str


class FactDiffers(Conflict):
    """The record has another value of the fact, or none."""


class StageNotFinal(Conflict):
    """The project is not in a final stage."""


def verify_placement(actor: Actor, project: Project, platform_key: str, verified_on: date, evidence: str) -> Project:
    """Confirm that the project has been on the platform since ``verified_on``, in the open transaction.

    Sets the project's platform key if it has none. Raises RoleNotAllowed, ConfirmationNeedsAPerson, Invalid (a date
    after today), PlacementNotClaimed, PlatformKeyDiffers and PlatformKeyShared.
    """
    require_confirmer(actor)
    lock_keys(require_transaction())
    check_placement(project, platform_key, verified_on)
    changes = {"platform_key": platform_key, "placement_verified_on": verified_on}
    facts = {"verified_on": verified_on, "platform_key": platform_key, "evidence": evidence}
    return _confirm(actor, project, "placement.verified", facts, changes, {"evidence": evidence})


def confirm_onboarding(actor: Actor, project: Project, due_on: date) -> Project:
    """Confirm that the project moves to the platform by ``due_on``, at most ``onboarding_limit_months`` from today.

    Only a reviewer can confirm a second time (an extension), and nobody a third time. Raises RoleNotAllowed, Invalid,
    PlacementNotClaimed, OnboardingNotExtendedByOperator, OnboardingAlreadyExtended.
    """
    require_confirmer(actor)
    require_may_extend(actor, project)
    check_onboarding(project, due_on)
    changes = {"onboarding_due_on": due_on, "onboarding_confirmed_on": today()}
    details = {"due_on": due_on.isoformat()}
    return _confirm(actor, project, "onboarding.confirmed", {"due_on": due_on}, changes, details)


def confirm_ending(actor: Actor, project: Project, ended_on: date, consent_number: str, evidence: str) -> Project:
    """Confirm that the work ended, with the authorised body's agreement (Digital Code No. 255-VIII, Art. 89).

    Valid from today. Raises RoleNotAllowed, Invalid (after today, before the work started), StageNotFinal.
    """
    require_confirmer(actor)
    check_ending(project, ended_on)
    changes = {"ended_on": ended_on, "ending_confirmed_on": today()}
    details = {"consent_number": consent_number, "evidence": evidence}
    return _confirm(actor, project, "ending.confirmed", {"ended_on": ended_on, **details}, changes, details)


def confirm_fact(actor: Actor, project: Project, fact: str, value: str, evidence: str) -> Project:
    """Confirm that a fact is as the record has it, in the open transaction; valid from today until it is edited.

    Raises RoleNotAllowed, ConfirmationNeedsAPerson and FactDiffers.
    """
    require_confirmer(actor)
    return _confirm_fact(actor, project, fact, value, {"evidence": evidence})


def confirm_fact_by_source(
    actor: Actor, project: Project, fact: str, value: str, evidence: str, source: Source
) -> Project:
    """Confirm a fact as ``confirm_fact`` does, on the word of another state system, whose signature was verified.

    The actor only passes the file on; whether the system is trusted with the fact, the caller asks the policy. Raises
    FactDiffers.
    """
    return _confirm_fact(actor, project, fact, value, {"evidence": evidence, **source._asdict()})


def _confirm_fact(actor: Actor, project: Project, fact: str, value: str, given: Mapping[str, str]) -> Project:
    check_fact(project, fact, value)
    days = {**confirmed_facts(project.confirmed_facts), fact: today()}
    details = {"fact": fact, "value": value, **given}
    return _confirm(actor, project, "fact.confirmed", details, {"confirmed_facts": confirmed_entries(days)}, details)


def end_confirmations_of(actor: Actor, project: Project, facts: Collection[str], source: Source) -> list[str]:
    """End the confirmations of facts that a source gave and no longer stands by; returns them.

    What people, or another source, confirmed after it stays.
    """
    days = confirmed_facts(project.confirmed_facts)
    if not days.keys() & {*facts}:
        return []
    of_project = (Confirmation.project_id == project.id, Confirmation.kind == ConfirmationKind.FACT.value)
    given = db.session.scalars(select(Confirmation.facts).where(*of_project).order_by(Confirmation.id))
    last = {each["fact"]: (each.get("source"), each.get("reference")) for each in given}
    ended = sorted(name for name in days.keys() & {*facts} if last.get(name) == source)
    if ended:
        kept = confirmed_entries({name: day for name, day in days.items() if name not in ended})
        before = snapshot(project)
        details = {"facts": ended, **source._asdict()}
        save_changes(actor, project, before, {**before, "confirmed_facts": kept}, "fact.confirmation-ended", details)
    return ended


def check_fact(project: Project, fact: str, value: str) -> None:
    """Whether the fact has that value in the record. Raises FactDiffers."""
    present = getattr(project, fact)
    if present is None or str(present) != value:
        raise FactDiffers(number=project.number, field=fact)


def require_confirmer(actor: Actor) -> None:
    """Raises RoleNotAllowed, ScopeNotGranted and, for a service account, ConfirmationNeedsAPerson."""
    actor.require(Permission.PLACEMENTS_CONFIRM)
    if not (actor.is_person or actor.is_local):
        raise ConfirmationNeedsAPerson()


def require_may_extend(actor: Actor, project: Project) -> None:
    """Raises OnboardingNotExtendedByOperator."""
    if not actor.may(Permission.ONBOARDING_EXTEND) and _count_confirmations(project.id, "onboarding"):
        raise OnboardingNotExtendedByOperator(number=project.number)


def check_placement(project: Project, platform_key: str, verified_on: date) -> None:
    """Whether the placement could be confirmed now, in the open transaction.

    Raises Invalid, PlacementNotClaimed, PlatformKeyDiffers and PlatformKeyShared.
    """
    if verified_on > today():
        raise Invalid([Problem("/verified_on", "date-after-today")])
    if project.placement != "on_platform":
        raise PlacementNotClaimed(placement=project.placement, needed="on_platform")
    if project.platform_key not in (None, platform_key):
        raise PlatformKeyDiffers(number=project.number)
    require_unshared_key(project, platform_key)


def check_onboarding(project: Project, due_on: date) -> None:
    """Whether an onboarding by that day could be confirmed now, by whoever may extend one.

    Raises Invalid, PlacementNotClaimed and OnboardingAlreadyExtended.
    """
    day = today()
    latest = add_months(day, policy_in_force().onboarding_limit_months)
    if not day <= due_on <= latest:
        raise Invalid([Problem("/due_on", "date-out-of-range", {"earliest": str(day), "latest": str(latest)})])
    if project.placement != "onboarding":
        raise PlacementNotClaimed(placement=project.placement, needed="onboarding")
    if _count_confirmations(project.id, "onboarding") >= MAX_ONBOARDING_CONFIRMATIONS:
        raise OnboardingAlreadyExtended(number=project.number)


def check_ending(project: Project, ended_on: date) -> None:
    """Whether an ending on that day could be confirmed now. Raises Invalid and StageNotFinal."""
    if ended_on > today():
        raise Invalid([Problem("/ended_on", "date-after-today")])
    if project.stage not in FINAL_STAGES:
        raise StageNotFinal(stage=project.stage)
    problems = cross_field_problems(snapshot(project) | {"ended_on": ended_on})
    if problems:
        raise Invalid([problem for problem in problems if problem.pointer == "/ended_on"] or problems)


def confirmations_of(project_id: int) -> list[dict[str, Any]]:
    """Return all confirmations of a project, oldest first."""
    rows = db.session.execute(
        select(Confirmation.kind, Confirmation.at, Confirmation.by, Confirmation.facts)
        .where(Confirmation.project_id == project_id)
        .order_by(Confirmation.id)
    ).mappings()
    return [dict(row) for row in rows]


def _count_confirmations(project_id: int, kind: str) -> int:
    counted = select(func.count(Confirmation.id)).where(
        Confirmation.project_id == project_id, Confirmation.kind == kind
    )
    return db.session.execute(counted).scalar_one()


def _confirm(
    actor: Actor,
    project: Project,
    action: str,
    facts: Mapping[str, Any],
    changes: Mapping[str, Any],
    details: dict[str, Any],
) -> Project:
    """Store the confirmation, and change the project by it. The action begins with the kind of the confirmation."""
    ready = {name: value.isoformat() if isinstance(value, date) else value for name, value in facts.items()}
    kind = action.partition(".")[0]
    require_transaction().add(Confirmation(project_id=project.id, kind=kind, at=now(), by=actor.principal, facts=ready))
    before = snapshot(project)
    save_changes(actor, project, before, {**before, **changes}, action, details)
    return project
