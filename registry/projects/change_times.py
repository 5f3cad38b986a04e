"""Locks of many projects, and the freeze status that they begin with.

Rows are locked by rising ids, as imports and inventories lock them, so that two who write many do not wait for each
other.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import ColumnElement, func, select

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


# The freeze status of a project that no audit has seen. Later ones are written by ``flags/freeze_status.py``.


def status_at_registration(agency_kind: str) -> str:
    """Where a new project of an agency of that kind stands."""
    return FreezeStatus.UNAUDITED.value if agency_kind in policy_in_force().scope else FreezeStatus.OUT_OF_SCOPE.value
