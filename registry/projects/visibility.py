"""Visibility of projects. Every query of projects, flags, changes, reports and exports applies these conditions."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Integer, Select, bindparam, select, text, true

from registry.accounts.agency_tree import subtree
from registry.accounts.roles import Actor, Permission
from registry.agencies.service import own_agencies
from registry.core.database import require_transaction, table_of, transaction
from registry.core.errors import Conflict
from registry.journal import service as journal
from registry.projects.models import Project
from registry.projects.revisions import save_revision
from registry.projects.vocabulary import WithdrawnProjects

PROJECT: Final = table_of(Project).c
OWN_AGENCY: Final = "own_agency"
# As text: SQLAlchemy writes ``= 1`` for SQLite, which then reads all projects instead of the partial index.
IS_RESTRICTED: Final = text("projects.is_restricted")
RESTRICTED_READ_ACTION: Final = "restricted.read"


def visible_projects(actor: Actor, of: Any = PROJECT) -> list[ColumnElement[bool]]:
    """Conditions on Project: the actor's agencies for agency roles, and no restricted projects without permission.

    ``of``: the columns of another table that has both.
    """
    return _conditions(own_agencies(actor), restricted=not leaves_out_restricted(actor), of=of)


def leaves_out_restricted(actor: Actor) -> bool:
    """Return True when figures for the actor leave restricted projects out; whatever shows such figures says so."""
    return not actor.may(Permission.RESTRICTED_READ)


def may_see(actor: Actor, project: Project) -> bool:
    """Return True for a project that is not restricted, and for who may see those; of agencies nothing is asked."""
    return not project.is_restricted or actor.may(Permission.RESTRICTED_READ)


def visible_with(*, bound: bool, restricted: bool) -> list[ColumnElement[bool]]:
    """Return the conditions of ``visible_projects`` for a cached statement.

    ``bound``: the actor is bound to an agency, given as the parameter ``OWN_AGENCY``. ``restricted``: the actor may
    read restricted projects.
    """
    own = select(subtree(bindparam(OWN_AGENCY, type_=Integer)).c.id) if bound else None
    return _conditions(own, restricted=restricted)


def _conditions(own: Select[tuple[int]] | None, *, restricted: bool, of: Any = PROJECT) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if own is not None:
        conditions.append(of.agency_id.in_(own))
    if not restricted:
        conditions.append(of.is_restricted.is_(False))
    return conditions


def among_visible(actor: Actor, project_id: ColumnElement[int]) -> list[ColumnElement[bool]]:
    """Return the conditions of ``visible_projects`` on a column of project ids, for statements without a join of
    Project.

    Restricted projects are few and have a partial index.
    """
    conditions: list[ColumnElement[bool]] = []
    own = own_agencies(actor)
    if own is not None:
        conditions.append(project_id.in_(select(PROJECT.id).where(PROJECT.agency_id.in_(own))))
    if not actor.may(Permission.RESTRICTED_READ):
        conditions.append(project_id.not_in(select(PROJECT.id).where(IS_RESTRICTED)))
    return conditions


def journal_restricted_reads(actor: Actor, numbers: Iterable[str], what: str) -> None:
    """Journal reads of restricted projects. ``what`` is the kind of read: ``project``, ``list``, ``export``, …"""
    read = sorted(set(numbers))
    if not read:
        return
    with transaction():
        for number in read:
            journal.record(actor, RESTRICTED_READ_ACTION, f"project:{number}", {"what": what})


# Projects that were registered in error and withdrawn: readable, read-only, and in no list, count or audit by
# default.
#
# ``registry/requests/withdrawal.py`` withdraws and ``registry/requests/service.py`` restores them.

NOT_WITHDRAWN: Final[ColumnElement[bool]] = PROJECT.withdrawn_at.is_(None)


class ProjectWithdrawn(Conflict):
    """The project was withdrawn because it was registered in error: nothing about it changes any more."""


def require_not_withdrawn(project: Project) -> None:
    """Raise ProjectWithdrawn for a withdrawn project, which should be locked so that it does not become one."""
    if project.withdrawn_at is not None:
        raise ProjectWithdrawn(number=project.number)


def withdrawn_condition(values: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition of the filter ``withdrawn`` on projects; the widest of several values counts."""
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
