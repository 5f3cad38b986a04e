"""Changes of who may see projects, for the change feed: recorded before a restriction, or another agency above them.

Who could see a project is stored as it was, because the tree of agencies may change before somebody reads the feed.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, select

from registry.accounts.agency_tree import paths
from registry.changes.service import record_rows
from registry.changes.vocabulary import ChangeKind
from registry.core.transactions import require_transaction
from registry.projects.change_times import PROJECT, below_agency


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
