"""The sessions of one's own account: list them, end one or all others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from registry.accounts.actors import Actor
from registry.accounts.models import Person
from registry.accounts.sessions import IDLE_TIMEOUT, SESSION_MAX_AGE, WebSession, session_credential
from registry.core.clock import now
from registry.core.database import db
from registry.core.errors import NotFound
from registry.core.transactions import transaction
from registry.journal import service as journal


class SessionNotFound(NotFound):
    """The account has no session with that id."""


@dataclass(frozen=True, slots=True)
class OwnSession:
    """A session as its owner sees it. ``device`` is empty when unknown; ``is_current`` is that of the actor."""

    public_id: str
    device: str
    address: str
    started_at: datetime
    last_used_at: datetime
    factor_kind: str | None
    is_current: bool


def list_sessions(actor: Actor) -> list[OwnSession]:
    """The open sessions of the actor's account, the last used first."""
    return [
        OwnSession(
            _public_id(row),
            row.device or "",
            row.source,
            row.started_at,
            row.last_used_at,
            row.factor_kind,
            session_credential(row.secret_hash) == actor.credential,
        )
        for row in _open_sessions(actor)
    ]


def end_own_session(actor: Actor, public_id: str) -> None:
    """End a session of the actor's account. Raises SessionNotFound, also for sessions of other accounts."""
    with transaction() as session:
        row = next((row for row in _open_sessions(actor) if _public_id(row) == public_id), None)
        if row is None:
            raise SessionNotFound(id=public_id)
        session.delete(row)
        journal.record(actor, "person.session-ended", f"person:{actor.principal}", {"session": public_id})


def end_other_sessions(actor: Actor) -> int:
    """End all sessions of the actor's account but the current one; their number."""
    with transaction() as session:
        others = [row for row in _open_sessions(actor) if session_credential(row.secret_hash) != actor.credential]
        for row in others:
            session.delete(row)
            details = {"session": _public_id(row)}
            journal.record(actor, "person.session-ended", f"person:{actor.principal}", details)
    return len(others)


def _open_sessions(actor: Actor) -> list[WebSession]:
    at = now()
    statement = (
        select(WebSession)
        .join(Person, Person.id == WebSession.person_id)
        .where(
            Person.account_id == actor.account_id,
            WebSession.last_used_at >= at - IDLE_TIMEOUT,
            WebSession.started_at >= at - SESSION_MAX_AGE,
        )
        .order_by(WebSession.last_used_at.desc(), WebSession.id.desc())
    )
    return list(db.session.scalars(statement.execution_options(populate_existing=True)))


def _public_id(row: WebSession) -> str:
    # Processes of the previous version give sessions no public id. Only the owner's sessions are looked at.
    return row.public_id or f"session-{row.id}"
