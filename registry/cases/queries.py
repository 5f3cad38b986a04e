"""Queries for a single case, and opening a case from the watch list."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, insert, literal, select
from sqlalchemy.orm import contains_eager

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.cases.change_times import mark_flags_and_cases
from registry.cases.events import timeline_written
from registry.cases.models import CASE_SUBJECT, Case, CaseEvent, CaseFlag
from registry.cases.vocabulary import Status
from registry.changes.service import record_added
from registry.core import outbox
from registry.core.clock import now, today
from registry.core.database import db
from registry.core.errors import Conflict, NotFound, invalid
from registry.core.transactions import require_transaction, transaction
from registry.core.working_days import national_calendar
from registry.flags.lock import lock_flags_for_review
from registry.flags.models import FLAGS, IS_ACTIVE, SEVERITY_RANK, Flag
from registry.freeze.current import policy_in_force
from registry.journal import service as journal
from registry.projects.models import Project
from registry.projects.numbers import is_project_number
from registry.projects.visibility import journal_restricted_reads, visible_projects


class CaseNotFound(NotFound):
    """No case has this id, or the actor may not see its project."""


class CaseAlreadyOpen(Conflict):
    """The project already has an open case."""


class ProjectNotFlagged(Conflict):
    """The project has no open flag, so there is nothing to review."""


def find_case(actor: Actor, case_id: int) -> Case:
    """Return the case with its project and agency. Raises CaseNotFound, also for cases that the actor may not see."""
    return _case_row(_query(actor, case_id), case_id)


def read_case(actor: Actor, case_id: int, what: str) -> Case:
    """The case for display; reading one of a restricted project is journalled. Raises CaseNotFound."""
    case = find_case(actor, case_id)
    project = case.project_record
    if not project.is_restricted:
        return case
    journal_restricted_reads(actor, [project.number], what)
    return find_case(actor, case_id)


def find_case_to_change(actor: Actor, case_id: int) -> Case:
    """Return the case, locked until the transaction ends, so that concurrent actions on one case run one by one.

    Waits while an audit writes flags, not while it judges.
    """
    require_transaction()
    lock_flags_for_review()
    return _case_row(_query(actor, case_id).with_for_update(of=Case), case_id)


def open_case(actor: Actor, number: str) -> Case:
    """Open a case from a project's weak flags, which open no case by themselves.

    Raises RoleNotAllowed, Invalid (unknown project), CaseAlreadyOpen and ProjectNotFlagged.
    """
    actor.require(Permission.CASES_REVIEW)
    with transaction() as session:
        lock_flags_for_review()
        # The row lock makes a concurrent request wait, and it then finds the case that this one opened.
        seen = select(Project).where(Project.number == number, *visible_projects(actor)).with_for_update(of=Project)
        # PostgreSQL stores no NUL, and reads none in a condition.
        project = session.scalar(seen) if is_project_number(number) else None
        if project is None:
            raise invalid("/project", "project-unknown", number=number)
        open_case_id = session.scalar(
            select(Case.id).where(Case.project_id == project.id, Case.status != Status.CLOSED)
        )
        if open_case_id is not None:
            raise CaseAlreadyOpen(case=open_case_id, project=number)
        flags = session.scalars(select(Flag).where(Flag.project_id == project.id, Flag.status != "cleared")).all()
        if not any(flag.status == "open" for flag in flags):
            raise ProjectNotFlagged(project=number)
        worst = max((flag.severity for flag in flags), key=SEVERITY_RANK.__getitem__)
        timestamp = now()
        case = Case(
            project_id=project.id,
            status=Status.NEW.value,
            severity=worst,
            from_severity="low",
            opened_at=timestamp,
            changed_at=timestamp,
            due_on=national_calendar().after(today(), policy_in_force().deadlines.review),
            version=1,
        )
        session.add(case)
        session.flush()
        record_added(CASE_SUBJECT, case.id)
        session.execute(
            insert(CaseFlag).from_select(
                ["case_id", "flag_id"],
                select(literal(case.id), Flag.id).where(Flag.project_id == project.id, Flag.status != "cleared"),
            )
        )
        # Each flag displays its case; earlier cases that display the flags change too.
        mark_flags_and_cases(timestamp, FLAGS.c.project_id == project.id, IS_ACTIVE)
        event = CaseEvent(
            case_id=case.id,
            at=timestamp,
            action="opened",
            by=actor.principal,
            side="oversight",
            to_status=Status.NEW.value,
            details={},
            tells_agency=True,
            speaks_to_agency=False,
        )
        session.add(event)
        session.flush()
        journal.record(actor, "case.opened", f"case:{case.id}", {"project": number})
        outbox.enqueue("case.opened", {"case": case.id})
        timeline_written.publish(actor, event.id)
        return find_case(actor, case.id)


def _query(actor: Actor, case_id: int) -> Select[Case]:
    return (
        select(Case)
        .join(Case.project_record)
        .join(Project.agency)
        .options(contains_eager(Case.project_record).contains_eager(Project.agency))
        .where(Case.id == case_id, *visible_projects(actor))
        .execution_options(populate_existing=True)
    )


def _case_row(statement: Select[Any], case_id: int) -> Case:
    case = db.session.scalar(statement)
    if not isinstance(case, Case):
        raise CaseNotFound(id=case_id)
    return case
