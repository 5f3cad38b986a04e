"""Attestation: an agency confirms that a record is still true, and which records are due for it."""

from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Final

from sqlalchemy import ColumnElement, and_, case, false, func, or_, select
from sqlalchemy.orm import contains_eager

from registry.accounts.roles import Actor, Permission
from registry.core.clock import local_date, local_instant, now, today
from registry.core.database import db, require_transaction, table_of
from registry.core.errors import Conflict, NotAllowed
from registry.freeze.policy import policy_in_force
from registry.freeze.rules import attestation_due, attested_before
from registry.freeze.vocabulary import FINAL_STAGES
from registry.journal import service as journal
from registry.projects.models import Project
from registry.projects.revisions import json_value, save_revision
from registry.projects.visibility import NOT_WITHDRAWN, visible_projects
from registry.projects.vocabulary import AttestationState

PROJECT: Final = table_of(Project).c
# How long before its due date an attestation is called due.
DUE_WITHIN: Final = timedelta(days=30)
DUE_STATES: Final = (AttestationState.DUE, AttestationState.OVERDUE)


class AttestationNeedsAPerson(NotAllowed):
    """A person of the agency confirms a record, never a service account."""


class RecordChanged(Conflict):
    """The record is no longer the version that the actor saw."""


class AttestationNotNeeded(Conflict):
    """The project has ended, or the policy asks for no attestation."""


def attest_project(actor: Actor, project: Project, version: int | None = None) -> Project:
    """Record in the open transaction that the record is true as of today. Once a day; a second time changes nothing.

    ``version``: the one that the actor has seen. Raises RoleNotAllowed for oversight, AttestationNeedsAPerson,
    AttestationNotNeeded, and RecordChanged when the record has another version.
    """
    actor.require(Permission.PROJECTS_ATTEST)
    if not actor.is_person:
        raise AttestationNeedsAPerson
    require_transaction()
    if attestation_due_on(project) is None:
        raise AttestationNotNeeded(number=project.number)
    day = today()
    if project.attested_on == day:
        return project
    if version not in (None, project.version):
        raise RecordChanged(number=project.number)
    changes = [{"field": "attested_on", "old": json_value(project.attested_on), "new": json_value(day)}]
    project.attested_on, project.attested_by = day, actor.principal
    project.version += 1
    project.updated_at = project.changed_at = now()
    save_revision(project, changes, actor.principal)
    journal.record(actor, "project.attested", f"project:{project.number}", {"changes": changes})
    return project


def attestation_due_on(project: Project) -> date | None:
    """Return the last day on which the next attestation is in time; None when none is needed."""
    if project.stage in FINAL_STAGES or project.withdrawn_at is not None:
        return None
    return attestation_due(project.attested_on or local_date(project.registered_at), policy_in_force())


@dataclass(frozen=True, slots=True)
class Attestation:
    """Who confirmed the record last and when, until when the next confirmation is in time, and whether it is due."""

    on: date | None
    by: str | None
    due_on: date | None
    state: AttestationState | None


def attestation_of(project: Project) -> Attestation:
    """Return the attestation of a project, for display."""
    due_on = attestation_due_on(project)
    return Attestation(project.attested_on, project.attested_by, due_on, attestation_state(due_on))


def may_attest(actor: Actor, project: Project) -> bool:
    """Return True when the actor may confirm the record today."""
    is_due = attestation_due_on(project) is not None and project.attested_on != today()
    return is_due and actor.is_person and actor.may(Permission.PROJECTS_ATTEST)


def attestation_state(due_on: date | None) -> AttestationState | None:
    """Return whether the attestation is current, due within 30 days or overdue; None when none is needed."""
    if due_on is None:
        return None
    if due_on < today():
        return AttestationState.OVERDUE
    return AttestationState.DUE if due_on <= today() + DUE_WITHIN else AttestationState.CURRENT


def records_to_attest(actor: Actor, limit: int) -> list[Project]:
    """Return the projects of the actor's agencies whose attestation is due or overdue, the never attested ones
    first.
    """
    statement = (
        select(Project)
        .join(Project.agency)
        .options(contains_eager(Project.agency))
        .where(*visible_projects(actor), attestation_condition(*DUE_STATES))
        .order_by(Project.attested_on.is_not(None), Project.attested_on, Project.registered_at, Project.id)
        .limit(limit)
        .execution_options(populate_existing=True)
    )
    return list(db.session.scalars(statement))


def count_attestations(actor: Actor) -> dict[AttestationState, int]:
    """Return how many of the actor's projects are due and overdue."""
    counts = [func.count(case((attestation_condition(state), 1))) for state in DUE_STATES]
    row = db.session.execute(select(*counts).select_from(Project).join(Project.agency).where(*visible_projects(actor)))
    return dict(zip(DUE_STATES, row.one(), strict=True))


def attestation_condition(*states: AttestationState) -> ColumnElement[bool]:
    """Return the condition on projects whose attestation is in one of the states, as ``attestation_state``."""
    overdue = due_before(today())
    due = due_before(today() + DUE_WITHIN + timedelta(days=1))
    needed = and_(PROJECT.stage.not_in(sorted(FINAL_STAGES)), NOT_WITHDRAWN)
    by_state: dict[AttestationState, ColumnElement[bool]] = {
        AttestationState.OVERDUE: overdue,
        AttestationState.DUE: and_(due, ~overdue),
        AttestationState.CURRENT: ~due,
    }
    if not policy_in_force().attestation_months:
        return false()
    return and_(needed, or_(*(by_state[state] for state in states)))


def due_before(day: date) -> ColumnElement[bool]:
    """Return the condition that the next attestation is due before the day, whatever the stage; false if none is
    needed.
    """
    last = attested_before(day, policy_in_force())
    if last is None:
        return false()
    # No OR: it is NULL for a project that was never attested, and so would be its negation.
    registered = PROJECT.registered_at < local_instant(last + timedelta(days=1), time.min)
    return case((PROJECT.attested_on.is_(None), registered), else_=PROJECT.attested_on <= last)
