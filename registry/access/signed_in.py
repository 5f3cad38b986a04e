"""Who is at a browser: the person that a session's secret stands for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import select, update

from registry.access.actors import Actor
from registry.access.people import Person
from registry.access.principals import Principal
from registry.access.roles import Role
from registry.access.sessions import IDLE, LONGEST, WebSession, secret_hash_of
from registry.store.clock import now
from registry.store.database import db
from registry.store.transaction import transaction

USE_IS_KEPT_EVERY: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is at the browser: the actor that every service takes, and what only pages need."""

    actor: Actor
    person_id: int
    language: str


def signed_in_by(secret: str, source: str, request_id: str) -> SignedIn | None:
    """Who the session's secret stands for; None when it ended or the person is disabled."""
    row = db.session.execute(
        select(
            WebSession.id,
            WebSession.started_at,
            WebSession.last_used_at,
            Person.id.label("person_id"),
            Person.role,
            Person.agency_id,
            Person.language,
            Principal.name,
        )
        .join(Person, Person.id == WebSession.person_id)
        .join(Principal, Principal.id == Person.principal_id)
        .where(WebSession.secret_hash == secret_hash_of(secret), Principal.disabled_at.is_(None))
    ).one_or_none()
    moment = now()
    if row is None or moment - row.last_used_at > IDLE or moment - row.started_at > LONGEST:
        return None
    if moment - row.last_used_at > USE_IS_KEPT_EVERY:
        with transaction() as session:
            session.execute(update(WebSession).where(WebSession.id == row.id).values(last_used_at=moment))
    return SignedIn(Actor(row.name, Role(row.role), row.agency_id, source, request_id), row.person_id, row.language)
