"""``changed_at`` of cases. What the calendar alone changes (``is_overdue``) does not count.

It is written in the transaction of the change. Where many projects and their flags change too, the cases are locked
first: actions on a case lock the case and then its project.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, func, select, update

from registry.cases.models import CASE, CASE_SUBJECT, CaseDecision, CaseFlag
from registry.changes.service import record_changes
from registry.core.clock import now
from registry.core.database import require_transaction, table_of
from registry.core.dialects import has_row_locks
from registry.flags.freeze_status import mark_flags
from registry.flags.models import FLAGS, lock_flags_for_review
from registry.projects.change_times import PROJECT, SHOWN_BY_PROJECTS, below_agency
from registry.projects.models import Project


def lock_cases(*projects: ColumnElement[bool]) -> None:
    """Lock the cases of the projects that fit until the open transaction ends; to be called before these are locked."""
    if has_row_locks():
        of_projects = CASE.c.project_id.in_(select(PROJECT.c.id).where(*projects))
        locked = select(CASE.c.id).where(of_projects).order_by(CASE.c.id).with_for_update().cte("locked")
        require_transaction().execute(select(func.count()).select_from(locked))


def lock_cases_of_project(project_id: int) -> None:
    """Lock the cases of one project, and before them the flags, as actions on cases do."""
    lock_flags_for_review()
    lock_cases(PROJECT.c.id == project_id)


def mark_cases(at: datetime, *which: ColumnElement[bool]) -> None:
    """Set ``changed_at`` of the cases that fit, inside the open transaction."""
    record_changes(CASE_SUBJECT, *which)
    require_transaction().execute(update(CASE).where(*which).values(changed_at=at))


def mark_cases_of_flags(at: datetime, *which: ColumnElement[bool]) -> None:
    """Set ``changed_at`` of every case that shows a flag that fits."""
    link = table_of(CaseFlag).c
    showing = select(link.case_id).join(FLAGS, FLAGS.c.id == link.flag_id).where(*which)
    mark_cases(at, CASE.c.id.in_(showing))


def mark_flags_and_cases(at: datetime, *which: ColumnElement[bool]) -> None:
    """Set ``changed_at`` of the flags that fit, and of every case that shows one of them."""
    mark_cases_of_flags(at, *which)
    mark_flags(at, *which)


def lock_cases_of_agency(agency_id: int, fields: frozenset[str], _at: datetime) -> None:
    """Lock the cases that ``mark_cases_of_agency`` marks, before others mark their projects."""
    if not SHOWN_BY_PROJECTS.isdisjoint(fields):
        lock_cases(below_agency(agency_id))


def mark_cases_of_agency(agency_id: int, fields: frozenset[str], at: datetime) -> None:
    """Of who may see the cases now, some could not before."""
    if not SHOWN_BY_PROJECTS.isdisjoint(fields):
        mark_cases(at, CASE.c.project_id.in_(select(PROJECT.c.id).where(below_agency(agency_id))))


def mark_cases_of_project(project: Project) -> None:
    """The same for the cases of one project."""
    mark_cases(project.changed_at, CASE.c.project_id == project.id)


# What follows the rename of an account: its assigned cases and open proposals go on under the new name.

DECISION: Final = table_of(CaseDecision)


def rename_in_cases(account_id: int, old: str, new: str) -> None:  # noqa: ARG001 - the event's arguments
    """Move assignments and proposals that wait for approval; the timeline keeps the names of its time."""
    session = require_transaction()
    waiting = (DECISION.c.proposed_by == old, DECISION.c.outcome.is_(None))
    mark_cases(now(), CASE.c.id.in_(select(DECISION.c.case_id).where(*waiting)))
    session.execute(update(DECISION).where(*waiting).values(proposed_by=new))
    record_changes(CASE_SUBJECT, CASE.c.assignee == old)
    session.execute(update(CASE).where(CASE.c.assignee == old).values(assignee=new, changed_at=now()))
