"""Locks of many projects, and changes of who may see projects.

Rows are locked by rising ids, as imports and inventories lock them, so that two who write many do not wait for each
other.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import ColumnElement, func, select

from registry.accounts.agency_tree import paths, subtree
from registry.changes.service import record_views
from registry.core.database import require_transaction, table_of
from registry.core.dialects import has_row_locks
from registry.freeze.current import policy_in_force
from registry.projects.models import Project
from registry.projects.vocabulary import FreezeStatus

PROJECT: Final = table_of(Project)
IDS_AT_ONCE: Final = 5000


def lock_projects(*which: ColumnElement[bool]) -> None:
    """Lock the projects that fit until the open transaction ends."""
    if has_row_locks():
        locked = select(PROJECT.c.id).where(*which).order_by(PROJECT.c.id).with_for_update(key_share=True).cte("locked")
        require_transaction().execute(select(func.count()).select_from(locked))


def projects_of_ids(ids: Iterable[int]) -> list[ColumnElement[bool]]:
    """That a project has one of these ids, in rising parts that a statement can hold."""
    ordered = sorted(ids)
    return [PROJECT.c.id.in_(ordered[start : start + IDS_AT_ONCE]) for start in range(0, len(ordered), IDS_AT_ONCE)]


def below_agency(agency_id: int) -> ColumnElement[bool]:
    """That a project is of the agency or of one below it."""
    return PROJECT.c.agency_id.in_(select(subtree(agency_id).c.id))


# Changes of who may see projects, for the change feed: recorded before a restriction, or another agency above them.
#
# Who could see a project is stored as it was, because the tree of agencies may change before somebody reads the
# feed.


def record_view_changes(*which: ColumnElement[bool]) -> None:
    """Record that others may see the projects that fit from now on; to be called before it is so."""
    agencies = require_transaction().scalars(select(PROJECT.c.agency_id).where(*which).distinct()).all()
    for agency_id, path in paths(agencies).items():
        record_views(PROJECT.c.id, path, PROJECT.c.is_restricted, *which, PROJECT.c.agency_id == agency_id)


def record_view_changes_below(agency_id: int) -> None:
    """The same for the projects of an agency and of those below it."""
    record_view_changes(below_agency(agency_id))


# The freeze status of a project that no audit has seen. Later ones are written by ``flags/freeze_status.py``.


def status_at_registration(agency_kind: str) -> str:
    """Where a new project of an agency of that kind stands."""
    return FreezeStatus.UNAUDITED.value if agency_kind in policy_in_force().scope else FreezeStatus.OUT_OF_SCOPE.value
