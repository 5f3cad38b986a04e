"""Locks of many projects, and changes of who may see projects.

Rows are locked by rising ids, as imports and inventories lock them, so that two who write many do not wait for each
other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, func, select

from registry.accounts.agency_tree import paths, subtree
from registry.changes.models import ChangeKind
from registry.changes.service import Subject, record_rows
from registry.core.database import require_transaction, table_of
from registry.core.dialects import has_row_locks
from registry.freeze.current import policy_in_force
from registry.projects.models import Project
from registry.projects.vocabulary import FreezeStatus

PROJECT: Final = table_of(Project)
PROJECT_SUBJECT: Final = Subject(
    ChangeKind.PROJECT,
    PROJECT,
    status=PROJECT.c.freeze_status,
    severity=PROJECT.c.severity,
    version=PROJECT.c.version,
    project_id=PROJECT.c.id,
)
IDS_AT_ONCE: Final = 5000


def registered_change(row: Mapping[str, Any]) -> dict[str, Any]:
    """The change of a project that was just registered, from its row: written without reading it again."""
    known = {"kind": ChangeKind.PROJECT.value, "record_id": row["id"], "project_id": row["id"]}
    return known | {"version": row["version"], "new_status": row["freeze_status"]}


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
    columns = (PROJECT.c.id, PROJECT.c.agency_id, PROJECT.c.is_restricted)
    projects = require_transaction().execute(select(*columns).where(*which).order_by(PROJECT.c.id)).all()
    above = paths({agency_id for _, agency_id, _ in projects})
    record_rows(
        {
            "kind": ChangeKind.VIEW.value,
            "record_id": project_id,
            "project_id": project_id,
            "seen_by": above[agency_id],
            "was_restricted": is_restricted,
        }
        for project_id, agency_id, is_restricted in projects
    )


def record_view_changes_below(agency_id: int) -> None:
    """The same for the projects of an agency and of those below it."""
    record_view_changes(below_agency(agency_id))


# The freeze status of a project that no audit has seen. Later ones are written by ``flags/freeze_status.py``.


def status_at_registration(agency_kind: str) -> str:
    """Where a new project of an agency of that kind stands."""
    return FreezeStatus.UNAUDITED.value if agency_kind in policy_in_force().scope else FreezeStatus.OUT_OF_SCOPE.value
