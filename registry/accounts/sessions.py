"""Browser sessions: their secrets and ends, the current user, and the list of one's own.

A keyed hash binds the hash of the secret to the person: a row that somebody plants in the database signs nobody in.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import CursorResult, ForeignKey, String, Text, delete, select, update
from sqlalchemy.orm import Mapped, contains_eager, mapped_column

from registry.accounts.models import Person, account_actor, has_factor, is_active, is_required_of, step_up_applies
from registry.accounts.roles import Actor
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
    session, person, has_own_factor = row
    account, password_at = person.account, session.password_at or session.started_at
    awaits_factor = session.factor_at is None and (has_own_factor or is_required_of(account.role))
    if awaits_factor and now() - password_at > AWAITING_FACTOR_MAX_AGE:
        return None
    credential = session_credential(session.secret_hash)
    signed_in = FactorSession(
        id=session.id,
        secret_hash=session.secret_hash,
        actor=replace(
            account_actor(account, credential, source, request_id, client_request_id),
            factor_at=session.factor_at,
            second_factor_required=step_up_applies(account.role, has_factor=has_own_factor),
        ),
        account_id=account.id,
        person_id=person.id,
        language=person.language,
        has_factor=has_own_factor,
        awaits_factor=awaits_factor,
        password_at=password_at,
        session_key=session.public_id,
        must_change_password=person.password_must_change,
        factor_kind=session.factor_kind,
    )
    if not awaits_factor and now() - session.last_used_at > LAST_USED_INTERVAL:
        with transaction() as database:
            database.execute(update(WebSession).where(WebSession.id == signed_in.id).values(last_used_at=now()))
    return signed_in


def _find_session(secret: str) -> tuple[WebSession, Person, bool] | None:
    """Return an open session, its person, and whether that has a second factor; None without one."""
    statement = (
        select(WebSession, Person, has_factor())
        .join(Person, Person.id == WebSession.person_id)
        .join(Person.account)
        .options(contains_eager(Person.account))
        .where(WebSession.secret_hash == secret_hash_of(secret), is_active())
    )
    row = db.session.execute(statement.execution_options(populate_existing=True)).one_or_none()
    at = now()
    if row is None or at - row[0].last_used_at > IDLE_TIMEOUT or at - row[0].started_at > SESSION_MAX_AGE:
        return None
    session, person, has_own_factor = row
    mac = session_mac(person.id, session.secret_hash)
    return (session, person, bool(has_own_factor)) if hmac.compare_digest(session.secret_mac or "", mac) else None


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
