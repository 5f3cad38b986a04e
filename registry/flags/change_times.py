"""``changed_at`` of projects, flags and cases: when anything that they show last changed, set by set.

It is written in the transaction of the change. ``last_seen_on`` of a standing flag and what the calendar alone changes
(``is_overdue``) do not count. Rows of projects are locked by rising ids, as imports and inventories lock them, so that
two who mark many do not wait for each other.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, select, update

from registry.agencies.service import subtree
from registry.cases.models import Case, CaseFlag
from registry.core.bulk import table_of
from registry.core.database import is_sqlite
from registry.core.transactions import require_transaction
from registry.flags.models import Flag
from registry.projects.models import Project

PROJECT: Final = table_of(Project)
FLAG: Final = table_of(Flag)
CASE: Final = table_of(Case)
IDS_AT_ONCE: Final = 5000


def mark_projects(at: datetime, *which: ColumnElement[bool]) -> None:
    """Set ``changed_at`` of the projects that fit, inside the open transaction."""
    marked = update(PROJECT).values(changed_at=at)
    if is_sqlite():
        require_transaction().execute(marked.where(*which))
        return
    locked = select(PROJECT.c.id).where(*which).order_by(PROJECT.c.id).with_for_update(key_share=True).cte("locked")
    require_transaction().execute(marked.where(PROJECT.c.id == locked.c.id))


def mark_projects_by_id(at: datetime, ids: Iterable[int]) -> None:
    """The same for projects of these ids."""
    ordered = sorted(set(ids))
    for start in range(0, len(ordered), IDS_AT_ONCE):
        mark_projects(at, PROJECT.c.id.in_(ordered[start : start + IDS_AT_ONCE]))


def mark_flags(at: datetime, *which: ColumnElement[bool]) -> None:
    """Set ``changed_at`` of the flags that fit, and of every case that shows one of them."""
    session = require_transaction()
    mark_cases_of_flags(at, *which)
    session.execute(update(FLAG).where(*which).values(changed_at=at))


def mark_cases_of_flags(at: datetime, *which: ColumnElement[bool]) -> None:
    """Set ``changed_at`` of every case that shows a flag that fits."""
    link = table_of(CaseFlag).c
    showing = select(link.case_id).join(FLAG, FLAG.c.id == link.flag_id).where(*which)
    mark_cases(at, CASE.c.id.in_(showing))


def mark_cases(at: datetime, *which: ColumnElement[bool]) -> None:
    """Set ``changed_at`` of the cases that fit."""
    require_transaction().execute(update(CASE).where(*which).values(changed_at=at))


def mark_all_of_project(at: datetime, project_id: int) -> None:
    """Set ``changed_at`` of a project, its flags and its cases: of who may see them now, some could not before."""
    _mark_all(at, PROJECT.c.id == project_id)


def mark_all_below_agency(at: datetime, agency_id: int) -> None:
    """The same for every project of an agency and those below it."""
    _mark_all(at, PROJECT.c.agency_id.in_(select(subtree(agency_id).c.id)))


def _mark_all(at: datetime, which: ColumnElement[bool]) -> None:
    session = require_transaction()
    mark_projects(at, which)
    ids = select(PROJECT.c.id).where(which)
    session.execute(update(FLAG).where(FLAG.c.project_id.in_(ids)).values(changed_at=at))
    mark_cases(at, CASE.c.project_id.in_(ids))
