"""Web sessions: a secret in a cookie, its hash in the database, an idle timeout and a maximum age."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ForeignKey, String, Text, delete
from sqlalchemy.orm import Mapped, mapped_column

from registry.core.clock import now
from registry.core.database import Instant, Model
from registry.core.transactions import require_transaction, transaction

IDLE_TIMEOUT: Final = timedelta(minutes=60)
SESSION_MAX_AGE: Final = timedelta(hours=12)
SECRET_BYTES: Final = 32
CREDENTIAL_HASH_LENGTH: Final = 16


class WebSession(Model):
    """A session; ended by signing out, after ``IDLE_TIMEOUT`` or ``SESSION_MAX_AGE``, or by a change of the account."""

    __tablename__ = "web_sessions"

    id: Mapped[int] = mapped_column(primary_key=True)
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    source: Mapped[str] = mapped_column(Text)
    started_at: Mapped[datetime] = mapped_column(Instant)
    last_used_at: Mapped[datetime] = mapped_column(Instant, index=True)
    # Of a sign-in at the OpenID Connect provider: whose, its session there, and the token for signing out there.
    oidc_identity_id: Mapped[int | None] = mapped_column(ForeignKey("oidc_identities.id"))
    provider_session: Mapped[str | None] = mapped_column(Text)
    id_token: Mapped[str | None] = mapped_column(Text)


def start_session(person_id: int, source: str) -> str:
    """Start a session in the open transaction and return the secret for the cookie. Deletes expired sessions."""
    session = require_transaction()
    started_at = now()
    session.execute(delete(WebSession).where(WebSession.last_used_at < started_at - SESSION_MAX_AGE))
    secret = secrets.token_urlsafe(SECRET_BYTES)
    session.add(
        WebSession(
            secret_hash=secret_hash_of(secret),
            person_id=person_id,
            source=source,
            started_at=started_at,
            last_used_at=started_at,
        )
    )
    return secret


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


def session_credential(secret_hash: str) -> str:
    """The credential in the journal: the beginning of the hash of the session's secret."""
    return f"session:{secret_hash[:CREDENTIAL_HASH_LENGTH]}"
