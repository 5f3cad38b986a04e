"""Drafts: a registration begun and not finished, as the person typed it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import JSON, Text, delete, func, select
from sqlalchemy.orm import Mapped, mapped_column

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.core.clock import now
from registry.core.database import Instant, Model, db
from registry.core.errors import Conflict, NotFound
from registry.core.transactions import transaction

MOST_DRAFTS: Final = 200


class DraftNotFound(NotFound):
    """There is no draft of that id, or it is another's."""


class TooManyDrafts(Conflict):
    """One person keeps so many drafts at most."""


class Draft(Model):
    """``values`` holds each field's text as it was typed; nothing of it is judged before a step is left."""

    __tablename__ = "drafts"

    id: Mapped[int] = mapped_column(primary_key=True)
    principal: Mapped[str] = mapped_column(Text, index=True)
    values: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)


def start_draft(actor: Actor) -> Draft:
    """An empty draft of the actor's. Raises RoleNotAllowed and TooManyDrafts."""
    actor.require(Permission.PROJECTS_WRITE)
    with transaction() as session:
        if session.execute(select(func.count(Draft.id)).where(Draft.principal == actor.principal)).scalar_one() >= (
            MOST_DRAFTS
        ):
            raise TooManyDrafts(most=MOST_DRAFTS)
        moment = now()
        draft = Draft(principal=actor.principal, values={}, created_at=moment, updated_at=moment)
        session.add(draft)
        session.flush()
    return draft


def drafts_of(actor: Actor) -> list[Draft]:
    """The actor's drafts, the last changed first."""
    return list(
        db.session.scalars(
            select(Draft).where(Draft.principal == actor.principal).order_by(Draft.updated_at.desc(), Draft.id.desc())
        )
    )


def find_draft(actor: Actor, draft_id: int) -> Draft:
    """The actor's draft of that id. Raises DraftNotFound."""
    draft = db.session.scalar(
        select(Draft)
        .where(Draft.id == draft_id, Draft.principal == actor.principal)
        .execution_options(populate_existing=True)
    )
    if draft is None:
        raise DraftNotFound(id=draft_id)
    return draft


def save_draft(actor: Actor, draft_id: int, typed: dict[str, str]) -> Draft:
    """Keep what was typed beside what the draft holds already. Raises DraftNotFound."""
    with transaction():
        draft = find_draft(actor, draft_id)
        draft.values = {**draft.values, **typed}
        draft.updated_at = now()
    return draft


def discard_draft(actor: Actor, draft_id: int) -> None:
    """Throw the draft away; one that is gone already is no mistake."""
    with transaction() as session:
        session.execute(delete(Draft).where(Draft.id == draft_id, Draft.principal == actor.principal))
