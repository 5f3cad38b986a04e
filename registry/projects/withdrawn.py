"""Projects that were registered in error and withdrawn: readable, read-only, and in no list, count or audit by default.

``registry/requests/withdrawal.py`` withdraws and ``registry/requests/restoration.py`` restores them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, true

from registry.accounts.actors import Actor
from registry.core.bulk import table_of
from registry.core.errors import Conflict
from registry.core.transactions import require_transaction
from registry.journal import service as journal
from registry.projects.models import Project
from registry.projects.revisions import save_revision
from registry.projects.vocabulary import WithdrawnProjects

PROJECT: Final = table_of(Project).c
NOT_WITHDRAWN: Final[ColumnElement[bool]] = PROJECT.withdrawn_at.is_(None)


class ProjectWithdrawn(Conflict):
    """The project was withdrawn because it was registered in error: nothing about it changes any more."""


def require_not_withdrawn(project: Project) -> None:
    """Raise ProjectWithdrawn for a withdrawn project, which should be locked so that it does not become one."""
    if project.withdrawn_at is not None:
        raise ProjectWithdrawn(number=project.number)


def withdrawn_condition(values: Sequence[str]) -> ColumnElement[bool]:
    """The condition of the filter ``withdrawn`` on projects; the widest of several values counts."""
    chosen = set(values)
    if chosen == {WithdrawnProjects.EXCLUDE.value}:
        return NOT_WITHDRAWN
    return PROJECT.withdrawn_at.is_not(None) if chosen == {WithdrawnProjects.ONLY.value} else true()


def save_freeze_status_change(
    actor: Actor, project: Project, before: str, at: datetime, action: str, details: Mapping[str, Any]
) -> None:
    """Write version, revision and journal entry of a withdrawn or restored project, in the open transaction.

    ``before``: the freeze status before it; the project already has the new one.
    """
    changes = [{"field": "freeze_status", "old": before, "new": project.freeze_status}]
    project.version += 1
    project.updated_at = project.changed_at = at
    require_transaction().flush()
    save_revision(project, changes, actor.principal)
    journal.record(actor, action, f"project:{project.number}", {**details, "changes": changes})
