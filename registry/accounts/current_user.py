"""The current user: authentication of browser sessions.

A session whose second factor is still to come is not the session of a user. It only serves to verify or enrol one.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import select, update

from registry.accounts.actors import Actor
from registry.accounts.factors.models import has_factor, is_required_of, step_up_applies
from registry.accounts.models import Account, Person, is_active, is_admitted
from registry.accounts.roles import Role
from registry.accounts.sessions import (
    IDLE_TIMEOUT,
    SESSION_MAX_AGE,
    WebSession,
    secret_hash_of,
    session_credential,
    session_mac,
)
from registry.core.clock import now
from registry.core.database import db
from registry.core.read_along import columns_read_along, keep_read_along
from registry.core.transactions import transaction

LAST_USED_INTERVAL: Final = timedelta(minutes=1)
# How long after the password the second factor may come: time to install an authenticator app.
AWAITING_FACTOR_MAX_AGE: Final = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class SessionUser:
    """The user of a session: the actor for services, and the values that only pages need.

    ``must_change_password`` is True while an administrator knows the password; no other page may be used until then.
    ``session_key`` stays the same when a verified factor renews the session's secret: forms of other tabs stay valid.
    """

    actor: Actor
    person_id: int
    language: str
    session_key: str = field(repr=False)
    must_change_password: bool = False


@dataclass(frozen=True, slots=True)
class FactorSession:
    """A session in which a second factor can be verified or enrolled.

    ``awaits_factor``: nothing else may be done in it. ``actor`` is then for the journal only, never for services, but
    for the change of a password that an administrator knows. ``password_at``: the last verification of the password.
    """

    id: int
    secret_hash: str = field(repr=False)
    actor: Actor
    account_id: int
    person_id: int
    language: str
    has_factor: bool
    awaits_factor: bool
    password_at: datetime | None
    session_key: str = field(repr=False)
    must_change_password: bool = False
    factor_kind: str | None = None


def find_session_user(secret: str, source: str, request_id: str, client_request_id: str = "") -> SessionUser | None:
    """Find the user of a session by its secret.

    None when it has ended or awaits its second factor, or when the account is disabled or pending.
    """
    row = _find_session(secret)
    if row is None or _awaits_factor(row):
        return None
    _record_use(row)
    actor = _actor(row, source, request_id, client_request_id)
    return SessionUser(actor, row.person_id, row.language, row.public_id or row.secret_hash, row.password_must_change)


def find_factor_session(secret: str, source: str, request_id: str, client_request_id: str = "") -> FactorSession | None:
    """Find a session by its secret, also one that awaits its second factor; None as in ``find_session_user``."""
    row = _find_session(secret)
    if row is None:
        return None
    awaits_factor = _awaits_factor(row)
    password_at = row.password_at or row.started_at
    if awaits_factor and now() - password_at > AWAITING_FACTOR_MAX_AGE:
        return None
    return FactorSession(
        id=row.id,
        secret_hash=row.secret_hash,
        actor=_actor(row, source, request_id, client_request_id),
        account_id=row.account_id,
        person_id=row.person_id,
        language=row.language,
        has_factor=row.has_factor,
        awaits_factor=awaits_factor,
        password_at=password_at,
        session_key=row.public_id or row.secret_hash,
        must_change_password=row.password_must_change,
        factor_kind=row.factor_kind,
    )


def _find_session(secret: str) -> Any:
    """The row of an open session, None without one."""
    row: Any = db.session.execute(
        select(
            WebSession.id,
            WebSession.secret_hash,
            WebSession.secret_mac,
            WebSession.public_id,
            WebSession.started_at,
            WebSession.last_used_at,
            WebSession.password_at,
            WebSession.factor_at,
            WebSession.factor_kind,
            Person.id.label("person_id"),
            Person.language,
            Person.password_must_change,
            has_factor().label("has_factor"),
            Account.id.label("account_id"),
            Account.name,
            Account.role,
            Account.agency_id,
            Account.restricted_admitted_at,
            *columns_read_along(),
        )
        .join(Person, Person.id == WebSession.person_id)
        .join(Account, Account.id == Person.account_id)
        .where(WebSession.secret_hash == secret_hash_of(secret), is_active())
    ).one_or_none()
    at = now()
    if row is None or at - row.last_used_at > IDLE_TIMEOUT or at - row.started_at > SESSION_MAX_AGE:
        return None
    if not hmac.compare_digest(row.secret_mac or "", session_mac(row.person_id, row.secret_hash)):
        return None
    keep_read_along(row._mapping)
    return row


def _awaits_factor(row: Any) -> bool:
    return row.factor_at is None and (row.has_factor or is_required_of(row.role))


def _record_use(row: Any) -> None:
    at = now()
    if at - row.last_used_at > LAST_USED_INTERVAL:
        with transaction() as session:
            session.execute(update(WebSession).where(WebSession.id == row.id).values(last_used_at=at))


def _actor(row: Any, source: str, request_id: str, client_request_id: str) -> Actor:
    return Actor(
        row.name,
        Role(row.role),
        row.agency_id,
        source,
        request_id,
        account_id=row.account_id,
        is_person=True,
        credential=session_credential(row.secret_hash),
        client_request_id=client_request_id,
        factor_at=row.factor_at,
        second_factor_required=step_up_applies(row.role, has_factor=row.has_factor),
        is_admitted=is_admitted(row.role, row.restricted_admitted_at),
    )
