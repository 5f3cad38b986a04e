"""The current user: authentication of browser sessions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import select, update

from registry.accounts.actors import Actor
from registry.accounts.models import Account, Person, is_active
from registry.accounts.roles import Role
from registry.accounts.sessions import IDLE_TIMEOUT, SESSION_MAX_AGE, WebSession, secret_hash_of, session_credential
from registry.core.clock import now
from registry.core.database import db
from registry.core.transactions import transaction

LAST_USED_INTERVAL: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class SessionUser:
    """The user of a session: the actor for services, and the values that only pages need.

    ``must_change_password`` is True while an administrator knows the password; no other page may be used until then.
    """

    actor: Actor
    person_id: int
    language: str
    must_change_password: bool = False


def find_session_user(secret: str, source: str, request_id: str, client_request_id: str = "") -> SessionUser | None:
    """Find the user of a session by its secret; None when it has ended or the account is disabled or pending."""
    secret_hash = secret_hash_of(secret)
    row = db.session.execute(
        select(
            WebSession.id,
            WebSession.started_at,
            WebSession.last_used_at,
            Person.id.label("person_id"),
            Person.language,
            Person.password_must_change,
            Account.id.label("account_id"),
            Account.name,
            Account.role,
            Account.agency_id,
        )
        .join(Person, Person.id == WebSession.person_id)
        .join(Account, Account.id == Person.account_id)
        .where(WebSession.secret_hash == secret_hash, is_active())
    ).one_or_none()
    at = now()
    if row is None or at - row.last_used_at > IDLE_TIMEOUT or at - row.started_at > SESSION_MAX_AGE:
        return None
    if at - row.last_used_at > LAST_USED_INTERVAL:
        with transaction() as session:
            session.execute(update(WebSession).where(WebSession.id == row.id).values(last_used_at=at))
    actor = Actor(
        row.name,
        Role(row.role),
        row.agency_id,
        source,
        request_id,
        account_id=row.account_id,
        is_person=True,
        credential=session_credential(secret_hash),
        client_request_id=client_request_id,
    )
    return SessionUser(actor, row.person_id, row.language, row.password_must_change)
