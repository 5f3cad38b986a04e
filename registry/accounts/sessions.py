"""Sessions of people at a browser: a secret in a cookie, its hash in the database, an end after idle time."""

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

IDLE: Final = timedelta(minutes=60)
LONGEST: Final = timedelta(hours=12)
SECRET_BYTES: Final = 32
SHOWN_OF_HASH: Final = 16


class WebSession(Model):
    """One sign-in. It ends by signing out, by idle time, at its age's limit, or with the person."""

    __tablename__ = "web_sessions"

    id: Mapped[int] = mapped_column(primary_key=True)
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    source: Mapped[str] = mapped_column(Text)
    started_at: Mapped[datetime] = mapped_column(Instant)
    last_used_at: Mapped[datetime] = mapped_column(Instant, index=True)


def start_session(person_id: int, source: str) -> str:
    """Begin a session inside the open transaction; the secret for the cookie. Sessions long ended are swept away."""
    session = require_transaction()
    moment = now()
    session.execute(delete(WebSession).where(WebSession.last_used_at < moment - LONGEST))
    secret = secrets.token_urlsafe(SECRET_BYTES)
    session.add(
        WebSession(
            secret_hash=secret_hash_of(secret),
            person_id=person_id,
            source=source,
            started_at=moment,
            last_used_at=moment,
        )
    )
    return secret


def end_session(secret: str) -> None:
    """End one session; an unknown secret changes nothing."""
    with transaction() as session:
        session.execute(delete(WebSession).where(WebSession.secret_hash == secret_hash_of(secret)))


def end_sessions_of(person_id: int) -> None:
    """End every session of a person, inside the open transaction."""
    require_transaction().execute(delete(WebSession).where(WebSession.person_id == person_id))


def secret_hash_of(secret: str) -> str:
    """What is kept of a session's secret."""
    # 256 random bits: a fast hash is enough.
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def session_credential(secret_hash: str) -> str:
    """What the journal calls a session by: the beginning of the hash of its secret."""
    return f"session:{secret_hash[:SHOWN_OF_HASH]}"
