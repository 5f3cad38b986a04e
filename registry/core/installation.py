"""The installation of this registry: its time, before which no nightly audit is due, and its secret key.

The database keeps a fingerprint of ``REGISTRY_SECRET_KEY``. A process that has another key ends sessions, takes no
token of the others and cannot decrypt what they stored: its log, ``/readyz`` and ``registry doctor`` say so.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Final

from sqlalchemy import String, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, mapped_column

from registry.core.database import Instant, Model, db
from registry.core.derived_keys import keyed_hash
from registry.core.transactions import transaction

OTHER_KEY: Final = "secret-key-differs: docs/runbooks/key-rotation.md"
FINGERPRINT: Final = b"fingerprint of the secret key"


class Installation(Model):
    """A single row, inserted by the first migration. ``key_fingerprint``: None until the first start."""

    __tablename__ = "installation"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    installed_at: Mapped[datetime] = mapped_column(Instant)
    key_fingerprint: Mapped[str | None] = mapped_column(String(64))


def installed_at() -> datetime:
    """The instant at which the schema was first created."""
    return db.session.execute(select(Installation.installed_at)).scalar_one()


def keep_secret_key(*, replace: bool = False) -> None:
    """Store the fingerprint of this process's secret key: the first one, or with ``replace`` in place of another."""
    if replace or _stored_fingerprint() is None:
        with transaction() as session:
            session.execute(update(Installation).values(key_fingerprint=_fingerprint()))


def has_other_key() -> bool:
    """True when this process has another secret key than the one whose fingerprint is stored."""
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
