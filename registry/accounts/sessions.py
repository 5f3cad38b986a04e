"""Browser sessions: their secrets and ends, the current user, and the list of one's own.

A keyed hash binds the hash of the secret to the person: a row that somebody plants in the database signs nobody in.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import CursorResult, ForeignKey, String, Text, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column

from registry.accounts.models import (
    Account,
    Person,
    has_factor,
    is_active,
    is_admitted,
    is_required_of,
    step_up_applies,
)
from registry.accounts.roles import Actor, Role
from registry.core.clock import now
from registry.core.database import Instant, Model, db, require_transaction, transaction
from registry.core.errors import NotAllowed, NotFound
from registry.core.installation import keyed_hash
from registry.journal import service as journal

# Device names: browser and operating system from the User-Agent header, for the list of sessions.

MAX_DEVICE_LENGTH: Final = 100
# The first mark that occurs counts: browsers name the ones that they descend from as well.
BROWSERS: Final = (
    ("YaBrowser/", "Yandex Browser"),
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS: Final = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iOS"),
    ("iPad", "iPadOS"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def device_name(user_agent: str) -> str:
    """Return the browser and operating system, such as ``Firefox, Windows``; empty when neither is known."""
    names = (_first(user_agent, BROWSERS), _first(user_agent, SYSTEMS))
    return ", ".join(name for name in names if name)


def _first(user_agent: str, marks: tuple[tuple[str, str], ...]) -> str:
    return next((name for mark, name in marks if mark in user_agent), "")


IDLE_TIMEOUT: Final = timedelta(minutes=60)
SESSION_MAX_AGE: Final = timedelta(hours=12)
SECRET_BYTES: Final = 32
CREDENTIAL_HASH_LENGTH: Final = 16
PUBLIC_ID_BYTES: Final = 12
SESSIONS: Final = b"web sessions"


class SessionEnded(NotAllowed):
    """The session ended while its request was being handled."""


class WebSession(Model):
    """A session; ended by signing out, after ``IDLE_TIMEOUT`` or ``SESSION_MAX_AGE``, or by a change of the account.

    ``public_id`` names it in lists and addresses. ``factor_at``, ``factor_kind``: the last second factor.
    """

    __tablename__ = "web_sessions"

    id: Mapped[int] = mapped_column(primary_key=True)
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    secret_mac: Mapped[str | None] = mapped_column(String(64))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    source: Mapped[str] = mapped_column(Text)
    started_at: Mapped[datetime] = mapped_column(Instant)
    last_used_at: Mapped[datetime] = mapped_column(Instant, index=True)
    public_id: Mapped[str] = mapped_column(String(16), unique=True)
    device: Mapped[str | None] = mapped_column(String(MAX_DEVICE_LENGTH))
    password_at: Mapped[datetime | None] = mapped_column(Instant)
    factor_at: Mapped[datetime | None] = mapped_column(Instant)
    factor_kind: Mapped[str | None] = mapped_column(String(20))
    # Of a sign-in at the OpenID Connect provider: whose, its session there, and the token for signing out there.
    oidc_identity_id: Mapped[int | None] = mapped_column(ForeignKey("oidc_identities.id"))
    provider_session: Mapped[str | None] = mapped_column(Text)
    id_token: Mapped[str | None] = mapped_column(Text)


def start_session(person_id: int, source: str, **values: Any) -> str:
    """Start a session in the open transaction, and return the secret for its cookie. Expired sessions are deleted.

    ``values`` of other columns: the device, or those of the session that it replaces.
    """
    session = require_transaction()
    started_at = now()
    session.execute(delete(WebSession).where(WebSession.last_used_at < started_at - SESSION_MAX_AGE))
    secret = secrets.token_urlsafe(SECRET_BYTES)
    secret_hash = secret_hash_of(secret)
    session.add(
        WebSession(
            secret_hash=secret_hash,
            secret_mac=session_mac(person_id, secret_hash),
            person_id=person_id,
            source=source,
            started_at=started_at,
            last_used_at=started_at,
            public_id=secrets.token_urlsafe(PUBLIC_ID_BYTES),
            password_at=started_at,
            **values,
        )
    )
    return secret


def renew_session(session_id: int, secret_hash: str, **values: Any) -> str:
    """Give a session a new secret and other values, in the open transaction. The old secret no longer works.

    Prevents session fixation. Raises SessionEnded when the session with the old secret is gone.
    """
    secret = secrets.token_urlsafe(SECRET_BYTES)
    session, own = require_transaction(), (WebSession.id == session_id, WebSession.secret_hash == secret_hash)
    person_id = session.scalar(select(WebSession.person_id).where(*own))
    if person_id is None:
        raise SessionEnded
    values |= {"secret_hash": secret_hash_of(secret), "secret_mac": session_mac(person_id, secret_hash_of(secret))}
    change = update(WebSession).where(*own).values(**values)
    result = session.execute(change, execution_options={"synchronize_session": False})
    if not isinstance(result, CursorResult) or result.rowcount != 1:
        raise SessionEnded
    return secret


def carried_over(person_id: int, credential: str) -> Mapping[str, Any]:
    """Device and second factor of a person's session, for the session that replaces it."""
    columns = (WebSession.secret_hash, WebSession.device, WebSession.factor_at, WebSession.factor_kind)
    for secret_hash, *values in require_transaction().execute(
        select(*columns).where(WebSession.person_id == person_id)
    ):
        if session_credential(secret_hash) == credential:
            return dict(zip(("device", "factor_at", "factor_kind"), values, strict=True))
    return {}


def end_session(secret: str) -> None:
    """End a session; an unknown secret has no effect."""
    with transaction() as session:
        session.execute(delete(WebSession).where(WebSession.secret_hash == secret_hash_of(secret)))


def end_sessions_of(person_id: int) -> None:
    """End all sessions of a person, in the open transaction."""
    require_transaction().execute(delete(WebSession).where(WebSession.person_id == person_id))


def secret_hash_of(secret: str) -> str:
    """Return the stored hash of a session's secret."""
    # 256 random bits: a fast hash is enough.
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def session_mac(person_id: int, secret_hash: str) -> str:
    """Return the keyed hash of a session: its person and the hash of its secret belong together."""
    return keyed_hash(SESSIONS, person_id, secret_hash)


def session_credential(secret_hash: str) -> str:
    """Return the credential in the journal: the beginning of the hash of the session's secret."""
    return f"session:{secret_hash[:CREDENTIAL_HASH_LENGTH]}"


# The current user: authentication of browser sessions.
#
# A session whose second factor is still to come is not the session of a user. It only serves to verify or enrol one.

LAST_USED_INTERVAL: Final = timedelta(minutes=1)
# How long after the password the second factor may come: time to install an authenticator app.
AWAITING_FACTOR_MAX_AGE: Final = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class FactorSession:
    """A session, in which a second factor can be verified or enrolled.

    ``awaits_factor``: nothing else may be done in it. ``actor`` is then for the journal only, never for services, but
    for the change of a password that an administrator knows. ``password_at``: the last verification of the password.
    ``must_change_password`` is True while an administrator knows the password; no other page may be used until then.
    ``session_key`` stays the same when a verified factor renews the session's secret: forms of other tabs stay valid.
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


def find_session_user(secret: str, source: str, request_id: str, client_request_id: str = "") -> FactorSession | None:
    """Find the session of a user by its secret.

    None when it has ended or awaits its second factor, or when the account is disabled or pending.
    """
    session = find_factor_session(secret, source, request_id, client_request_id)
    return None if session is None or session.awaits_factor else session


def find_factor_session(secret: str, source: str, request_id: str, client_request_id: str = "") -> FactorSession | None:
    """Find a session by its secret, also one that awaits its second factor; None as in ``find_session_user``."""
    row = _find_session(secret)
    if row is None:
        return None
    awaits_factor = _awaits_factor(row)
    password_at = row.password_at or row.started_at
    if awaits_factor and now() - password_at > AWAITING_FACTOR_MAX_AGE:
        return None
    if not awaits_factor:
        _record_use(row)
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
        session_key=row.public_id,
        must_change_password=row.password_must_change,
        factor_kind=row.factor_kind,
    )


def _find_session(secret: str) -> Any:
    """Return the row of an open session, None without one."""
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


# The sessions of one's own account: list them, end one or all others.


class SessionNotFound(NotFound):
    """The account has no session with that id."""


@dataclass(frozen=True, slots=True)
class OwnSession:
    """A session as its owner sees it. ``device`` is empty when unknown; ``is_current`` is that of the actor."""

    id: str
    device: str
    address: str
    started_at: datetime
    last_used_at: datetime
    factor_kind: str | None
    is_current: bool


def list_sessions(actor: Actor) -> list[OwnSession]:
    """Return the open sessions of the actor's account, the last used first."""
    return [
        OwnSession(
            row.public_id,
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
        row = next((row for row in _open_sessions(actor) if row.public_id == public_id), None)
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
            details = {"session": row.public_id}
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
