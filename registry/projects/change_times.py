"""Locks of many projects, and the freeze status that they begin with.

Rows are locked by rising ids, as imports and inventories lock them, so that two who write many do not wait for each
other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, func, select

from registry.core.database import require_transaction, table_of
from registry.core.dialects import has_row_locks
from registry.core.record_guards import COPIED
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


def projects_of_ids(ids: Iterable[int], column: ColumnElement[int] = PROJECT.c.id) -> list[ColumnElement[bool]]:
    """That a project has one of these ids, in rising parts that a statement can hold."""
    ordered = sorted(ids)
    return [column.in_(ordered[start : start + IDS_AT_ONCE]) for start in range(0, len(ordered), IDS_AT_ONCE)]


# The freeze status of a project that no audit has seen. Later ones are written by ``flags/freeze_status.py``.


def first_status(row: Mapping[str, Any], agency_kind: str) -> dict[str, Any]:
    """Return where a project stands that is registered with this row, as the row of its status."""
    in_scope = agency_kind in policy_in_force().scope
    status = FreezeStatus.UNAUDITED.value if in_scope else FreezeStatus.OUT_OF_SCOPE.value
    copies = {name: row[name] for name in COPIED}
    known = {"project_id": row["id"], "changed_at": row["updated_at"], **copies}
    return known | {"freeze_status": status, "severity": None}
