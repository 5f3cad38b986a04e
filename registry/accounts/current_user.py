"""Who is at a browser: the person that a session's secret stands for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import select, update

from registry.accounts.actors import Actor
from registry.accounts.models import Account, Person, is_active
from registry.accounts.roles import Role
from registry.accounts.sessions import IDLE, LONGEST, WebSession, secret_hash_of, session_credential
from registry.core.clock import now
from registry.core.database import db
from registry.core.transactions import transaction

USE_IS_KEPT_EVERY: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is at the browser: the actor that every service takes, and what only pages need.

    ``must_change_password``: somebody else knows the password; until it is changed, nothing else may be done.
    """

    actor: Actor
    person_id: int
    language: str
    must_change_password: bool = False


def signed_in_by(secret: str, source: str, request_id: str, client_request_id: str = "") -> SignedIn | None:
    """Who the session's secret stands for; None when it ended or the account is disabled or pending."""
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
    moment = now()
    if row is None or moment - row.last_used_at > IDLE or moment - row.started_at > LONGEST:
        return None
    if moment - row.last_used_at > USE_IS_KEPT_EVERY:
        with transaction() as session:
            session.execute(update(WebSession).where(WebSession.id == row.id).values(last_used_at=moment))
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
    return SignedIn(actor, row.person_id, row.language, row.password_must_change)
