"""The installation: its time and keys, and when each recurring job last succeeded and failed."""

import base64
import hashlib
import hmac
import logging
from datetime import datetime
from functools import lru_cache
from typing import Final

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import current_app
from sqlalchemy import String, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, mapped_column

from registry.core.clock import now
from registry.core.database import Instant, Model, db, transaction
from registry.core.dialects import insert_or_ignore

# The installation of this registry: its time, before which no nightly audit is due, and its secret key.
#
# The database keeps a fingerprint of ``REGISTRY_SECRET_KEY``. A process that has another key ends sessions, takes no
# token of the others and cannot decrypt what they stored: its log, ``/readyz`` and ``registry doctor`` say so.

OTHER_KEY: Final = "secret-key-differs: docs/runbooks/key-rotation.md"
FINGERPRINT: Final = b"fingerprint of the secret key"


class Installation(Model):
    """A single row, inserted by the first migration. ``key_fingerprint``: None until the first start."""

    __tablename__ = "installation"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    installed_at: Mapped[datetime] = mapped_column(Instant)
    key_fingerprint: Mapped[str | None] = mapped_column(String(64))


def installed_at() -> datetime:
    """Return the instant at which the schema was first created."""
    return db.session.execute(select(Installation.installed_at)).scalar_one()


def keep_secret_key(*, replace: bool = False) -> None:
    """Store the fingerprint of this process's secret key: the first one, or with ``replace`` in place of another."""
    if replace or _stored_fingerprint() is None:
        with transaction() as session:
            session.execute(update(Installation).values(key_fingerprint=_fingerprint()))


def has_other_key() -> bool:
    """Return True when this process has another secret key than the one whose fingerprint is stored."""
    stored = _stored_fingerprint()
    return stored is not None and stored != _fingerprint()


def warn_of_other_key() -> None:
    """Log it at the start of a process when its secret key is another one. Without a database ``/readyz`` says so."""
    try:
        if has_other_key():
            logging.getLogger(__name__).error(OTHER_KEY)
    except SQLAlchemyError:
        return
    finally:
        db.session.remove()


def _stored_fingerprint() -> str | None:
    return db.session.execute(select(Installation.key_fingerprint)).scalar_one()


def _fingerprint() -> str:
    return keyed_hash(FINGERPRINT)


# Keys derived from the service's secret key (HKDF, RFC 5869), one for each purpose.

KEY_LENGTH: Final = 32


def derived_key(purpose: bytes, secret_key: str | None = None) -> bytes:
    """Return the key for a purpose, 32 bytes; of the service's secret key unless another one is given."""
    return _derived(purpose, str(current_app.config["SECRET_KEY"] if secret_key is None else secret_key))


# Cached: each request with a token needs one.
@lru_cache(maxsize=32)
def _derived(purpose: bytes, secret_key: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_LENGTH, salt=None, info=purpose).derive(secret_key.encode())


def keyed_hash(purpose: bytes, *values: object, secret_key: str | None = None) -> str:
    """HMAC-SHA-256 (hex) over values that contain no line breaks: whoever lacks the secret key cannot compute it."""
    return hmac.new(derived_key(purpose, secret_key), "\n".join(map(str, values)).encode(), hashlib.sha256).hexdigest()


def encrypt(purpose: bytes, text: str) -> str:
    """Encrypt a text for the database."""
    return _fernet(purpose).encrypt(text.encode()).decode()


def decrypt(purpose: bytes, stored: str | None, secret_key: str | None = None) -> str | None:
    """Return the text; None without one, and for one that was stored under another secret key."""
    try:
        return None if stored is None else _fernet(purpose, secret_key).decrypt(stored.encode()).decode()
    except InvalidToken:
        return None


def _fernet(purpose: bytes, secret_key: str | None = None) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(derived_key(purpose, secret_key)))


# When each recurring job of the scheduler last succeeded and failed: how a scheduler that stands still is noticed.


class ScheduledJob(Model):
    """A job by its name. ``milliseconds``: how long its last successful run took. ``failure``: the type of the error.

    The text of an error may name a restricted project; it is in the log only.
    """

    __tablename__ = "scheduled_jobs"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    succeeded_at: Mapped[datetime | None] = mapped_column(Instant)
    milliseconds: Mapped[int | None]
    failed_at: Mapped[datetime | None] = mapped_column(Instant)
    failure: Mapped[str | None] = mapped_column(String(100))


def save_job_run(name: str, milliseconds: int, failure: str | None = None) -> None:
    """Save that a job ended now; ``failure``: the type of the error of a failed run. Not journalled: nobody acts."""
    values: dict[str, object] = {"succeeded_at": now(), "milliseconds": milliseconds}
    if failure is not None:
        values = {"failed_at": now(), "failure": failure[:100]}
    with transaction() as session:
        insert = insert_or_ignore(ScheduledJob).values(name=name).on_conflict_do_nothing()
        session.execute(insert)
        statement = update(ScheduledJob).where(ScheduledJob.name == name).values(values)
        session.execute(statement, execution_options={"synchronize_session": False})


def scheduled_jobs() -> list[ScheduledJob]:
    """Return all jobs that ever ended, by name."""
    statement = select(ScheduledJob).order_by(ScheduledJob.name)
    return list(db.session.scalars(statement.execution_options(populate_existing=True)))
