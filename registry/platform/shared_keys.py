"""One key confirms one object: other projects with it stay unconfirmed, unless links say that it is the same object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from registry.core.dialects import advisory_lock
from registry.core.errors import Conflict
from registry.core.transactions import require_transaction
from registry.projects.links import ProjectLink
from registry.projects.models import Project
from registry.projects.visibility import NOT_WITHDRAWN
from registry.projects.vocabulary import LinkKind

# Links that say that two projects concern one object.
SAME_OBJECT: Final = (LinkKind.DUPLICATE_OF.value, LinkKind.PART_OF.value)
# Placements are confirmed one after the other, because two at once could confirm one key twice.
KEY_LOCK: Final = 742_011


class PlatformKeyShared(Conflict):
    """The key confirms another project, which is not linked to this one as the same object."""


def lock_keys(session: Session) -> None:
    """Wait until no other transaction confirms placements."""
    advisory_lock(session, KEY_LOCK)


def require_unshared_key(project: Project, platform_key: str) -> None:
    """Raise PlatformKeyShared when the key confirms another object. It is not named: it may be restricted."""
    ids = confirmed_by_key(project, platform_key)
    if ids and not same_objects(require_transaction(), project.id, ids):
        raise PlatformKeyShared(number=project.number)


def confirmed_by_key(project: Project, platform_key: str) -> Sequence[int]:
    """The ids of the other projects that the key confirms."""
    others = select(Project.id).where(
        Project.platform_key == platform_key,
        Project.placement_verified_on.is_not(None),
        Project.id != project.id,
        NOT_WITHDRAWN,
    )
    return require_transaction().scalars(others).all()


def same_objects(session: Session, project_id: int, others: Sequence[int]) -> bool:
    """True when links say that the project concerns the object of one of the others."""
    from_it = and_(ProjectLink.project_id == project_id, ProjectLink.target_id.in_(others))
    to_it = and_(ProjectLink.target_id == project_id, ProjectLink.project_id.in_(others))
    in_force = (ProjectLink.kind.in_(SAME_OBJECT), ProjectLink.removed_at.is_(None))
    return session.scalar(select(ProjectLink.id).where(or_(from_it, to_it), *in_force).limit(1)) is not None
