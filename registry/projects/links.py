"""Links between projects, set by reviewers: duplicates, parts, successors, exchange of data.

A link shows only to those who may see both projects. A removed link stays in the table, so that the journal's readers
are asked for the same right as before.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ForeignKey, Index, RowMapping, Select, String, Text, and_, or_, select, text
from sqlalchemy.orm import Mapped, aliased, mapped_column

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.core.clock import now
from registry.core.database import Instant, Model, db, table_of
from registry.core.dialects import advisory_lock
from registry.core.errors import Conflict, NotFound, invalid
from registry.core.lists import Listing, Page, SortKey, read_page
from registry.core.transactions import require_transaction
from registry.journal import service as journal
from registry.projects.models import Project
from registry.projects.service import ProjectNotFound, find_project_to_change
from registry.projects.visibility import among_visible, journal_restricted_reads
from registry.projects.vocabulary import LinkKind

# One link is added at a time, because two at once could close a circle that neither of them sees.
LINK_LOCK: Final = 742_004
# Links of these kinds have a direction, and following it never leads back to the project.
DIRECTED: Final = (LinkKind.DUPLICATE_OF, LinkKind.PART_OF, LinkKind.REPLACES)
IS_IN_FORCE: Final = text("removed_at IS NULL")


class LinkNotFound(NotFound):
    """The project has no such link, or the actor may not see the other project."""


class LinkCircle(Conflict):
    """Following links of the kind from the target leads back to the project."""


class ProjectLink(Model):
    """A link from a project to another (``target``)."""

    __tablename__ = "project_links"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    target_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    kind: Mapped[str] = mapped_column(String(20))
    note: Mapped[str | None] = mapped_column(Text)
    added_at: Mapped[datetime] = mapped_column(Instant)
    added_by: Mapped[str] = mapped_column(Text)
    removed_at: Mapped[datetime | None] = mapped_column(Instant)
    removed_by: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        Index(
            "uq_project_links_in_force",
            "project_id",
            "target_id",
            "kind",
            unique=True,
            sqlite_where=IS_IN_FORCE,
            postgresql_where=IS_IN_FORCE,
        ),
        Index(None, "target_id"),
    )


SORTS: Final = {"id": SortKey("id", ProjectLink.id.expression, int)}


def add_link(actor: Actor, number: str, values: Mapping[str, Any]) -> RowMapping:
    """Link a project to another from validated values (``kind``, ``target``, ``note``), in the open transaction.

    A link that exists is returned as it is. Raises RoleNotAllowed, ProjectNotFound, Invalid (at ``/target``) and
    LinkCircle.
    """
    actor.require(Permission.PROJECTS_LINK)
    session = require_transaction()
    advisory_lock(session, LINK_LOCK)
    project = find_project_to_change(actor, number)
    if values["target"] == number:
        raise invalid("/target", "link-to-itself")
    try:
        target = find_project_to_change(actor, values["target"])
    except ProjectNotFound as error:
        raise invalid("/target", "project-unknown", number=values["target"]) from error
    kind = LinkKind(values["kind"])
    if kind not in DIRECTED and target.id < project.id:
        project, target = target, project
    existing = session.scalar(
        select(ProjectLink.id).where(
            ProjectLink.project_id == project.id,
            ProjectLink.target_id == target.id,
            ProjectLink.kind == kind.value,
            ProjectLink.removed_at.is_(None),
        )
    )
    if existing is not None:
        return _read(actor, existing)
    if kind in DIRECTED and _leads_to(actor, target.id, project.id, kind):
        raise LinkCircle(project=project.number, target=target.number)
    link = ProjectLink(
        project_id=project.id,
        target_id=target.id,
        kind=kind.value,
        note=values.get("note"),
        added_at=now(),
        added_by=actor.principal,
    )
    session.add(link)
    session.flush()
    details = {"link_kind": kind.value, "project": project.number, "target": target.number, "note": link.note}
    journal.record(actor, "project.linked", f"link:{link.id}", details)
    return _read(actor, link.id)


def remove_link(actor: Actor, number: str, link_id: int) -> None:
    """Remove a link of a project, in the open transaction; nothing is written when it was removed before.

    Raises RoleNotAllowed, ProjectNotFound and LinkNotFound.
    """
    actor.require(Permission.PROJECTS_LINK)
    session = require_transaction()
    project = find_project_to_change(actor, number)
    statement = select(ProjectLink).where(ProjectLink.id == link_id, _of_project(project.id), *_visible(actor))
    link = session.scalar(statement.with_for_update())
    if link is None:
        raise LinkNotFound(id=link_id, number=number)
    if link.removed_at is not None:
        return
    ends = session.execute(
        select(Project.id, Project.number).where(Project.id.in_((link.project_id, link.target_id)))
    ).all()
    numbers = {row.id: row.number for row in ends}
    link.removed_at, link.removed_by = now(), actor.principal
    details = {"link_kind": link.kind, "project": numbers[link.project_id], "target": numbers[link.target_id]}
    journal.record(actor, "project.unlinked", f"link:{link.id}", details)


def links_page(actor: Actor, project_id: int, page: Page) -> Listing:
    """A page of the links of a project in both directions, oldest first, as mappings. Raises Malformed.

    Links with a project that the actor may not see are left out; restricted ones are journalled as read.
    """
    statement = _links(actor).where(_of_project(project_id), ProjectLink.removed_at.is_(None))
    listing = read_page(statement, page, ProjectLink.id, SORTS, "id")
    restricted = [row[end] for row in listing.items for end in ("project", "target") if row[f"_{end}_restricted"]]
    journal_restricted_reads(actor, restricted, "links")
    return Listing([{**row} for row in listing.items], listing.next)


def _read(actor: Actor, link_id: int) -> RowMapping:
    return db.session.execute(_links(actor).where(ProjectLink.id == link_id)).mappings().one()


def _links(actor: Actor) -> Select[Any]:
    project, target = aliased(Project), aliased(Project)
    columns: tuple[Any, ...] = (
        ProjectLink.id,
        ProjectLink.kind,
        project.number.label("project"),
        target.number.label("target"),
        ProjectLink.note,
        ProjectLink.added_at,
        ProjectLink.added_by,
        project.is_restricted.label("_project_restricted"),
        target.is_restricted.label("_target_restricted"),
    )
    joined = select(*columns).join(project, project.id == ProjectLink.project_id)
    return joined.join(target, target.id == ProjectLink.target_id).where(*_visible(actor))


def _visible(actor: Actor) -> list[Any]:
    link = table_of(ProjectLink).c
    return [*among_visible(actor, link.project_id), *among_visible(actor, link.target_id)]


def _of_project(project_id: int) -> Any:
    return or_(ProjectLink.project_id == project_id, ProjectLink.target_id == project_id)


def _leads_to(actor: Actor, start: int, end: int, kind: LinkKind) -> bool:
    """True when links of the kind lead from one project to the other, over projects that the actor may see.

    Over others it would tell that a hidden project is linked. A circle over one of those is not prevented, and does no
    harm: nothing follows links but this query, which ends at what it has seen.
    """
    link = table_of(ProjectLink).c
    in_force = and_(link.kind == kind.value, link.removed_at.is_(None), *_visible(actor))
    reached = select(link.target_id).where(link.project_id == start, in_force).cte("reached", recursive=True)
    reached = reached.union(select(link.target_id).where(link.project_id == reached.c.target_id, in_force))
    return require_transaction().scalar(select(reached.c.target_id).where(reached.c.target_id == end)) is not None
