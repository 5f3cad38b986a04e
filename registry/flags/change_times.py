"""``changed_at`` of flags. ``last_seen_on`` of an active flag does not count.

It is written in the transaction of the change, after the projects and before the cases: one order of locks.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, select, update

from registry.changes.service import record_changes
from registry.core.transactions import require_transaction
from registry.flags.models import FLAG_SUBJECT, FLAGS
from registry.projects.change_times import PROJECT, SHOWN_BY_PROJECTS, below_agency
from registry.projects.models import Project


def mark_flags(at: datetime, *which: ColumnElement[bool]) -> None:
    """Set ``changed_at`` of the flags that fit, inside the open transaction."""
    record_changes(FLAG_SUBJECT, *which)
    require_transaction().execute(update(FLAGS).where(*which).values(changed_at=at))


def mark_flags_of_agency(agency_id: int, fields: frozenset[str], at: datetime) -> None:
    """Of who may see the flags now, some could not before."""
    if not SHOWN_BY_PROJECTS.isdisjoint(fields):
        mark_flags(at, FLAGS.c.project_id.in_(select(PROJECT.c.id).where(below_agency(agency_id))))


def mark_flags_of_project(project: Project) -> None:
    """The same for the flags of one project."""
    mark_flags(project.changed_at, FLAGS.c.project_id == project.id)
