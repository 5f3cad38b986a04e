"""Web sessions: a secret in a cookie, its hash in the database, an idle timeout and a maximum age.

A keyed hash binds the hash of the secret to the person: a row that somebody plants in the database signs nobody in.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import CursorResult, ForeignKey, String, Text, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column

from registry.core.clock import now
from registry.core.database import Instant, Model
from registry.core.errors import NotAllowed
from registry.core.installation import keyed_hash
from registry.core.transactions import require_transaction, transaction

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
    """The browser and operating system, such as ``Firefox, Windows``; empty when neither is known."""
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

    ``public_id`` names it in lists and addresses; None in sessions that a process of the previous version started.
    ``device``, ``password_at`` and ``secret_mac`` are None in those too.
    ``factor_at``, ``factor_kind``: the last second factor.
    """

    __tablename__ = "web_sessions"

    id: Mapped[int] = mapped_column(primary_key=True)
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    secret_mac: Mapped[str | None] = mapped_column(String(64))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    source: Mapped[str] = mapped_column(Text)
    started_at: Mapped[datetime] = mapped_column(Instant)
    last_used_at: Mapped[datetime] = mapped_column(Instant, index=True)
    public_id: Mapped[str | None] = mapped_column(String(16), unique=True)
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
    """The stored hash of a session's secret."""
    # 256 random bits: a fast hash is enough.
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def session_mac(person_id: int, secret_hash: str) -> str:
    """The keyed hash of a session: its person and the hash of its secret belong together."""
    return keyed_hash(SESSIONS, person_id, secret_hash)


def session_credential(secret_hash: str) -> str:
    """The credential in the journal: the beginning of the hash of the session's secret."""
    return f"session:{secret_hash[:CREDENTIAL_HASH_LENGTH]}"
