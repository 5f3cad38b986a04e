"""Attempts with a password, and their limits: at signing in, and at changing the own password.

An attempt counts as failed until the password proved right, so that parallel guesses are counted too.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Boolean, ColumnElement, Index, String, Text, delete, func, select, update
from sqlalchemy.orm import Mapped, mapped_column

from registry.accounts.account_names import LONGEST_NAME
from registry.core.clock import now
from registry.core.database import Instant, Model, db
from registry.core.errors import RegistryError
from registry.core.networks import network_of
from registry.core.transactions import require_transaction, transaction

WINDOW: Final = timedelta(minutes=15)
MOST_OF_NAME_FROM_SOURCE: Final = 5
MOST_OF_NAME: Final = 30
MOST_FROM_SOURCE: Final = 30


class TooManyAttempts(RegistryError):
    """Too many failed attempts of this name or from this address; the right password is not looked at either."""


class SignInAttempt(Model):
    """One attempt. ``source`` is the network, the known device, or the open sessions of the account."""

    __tablename__ = "sign_in_attempts"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(LONGEST_NAME))
    source: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(Instant)
    failed: Mapped[bool] = mapped_column(Boolean)

    __table_args__ = (Index(None, "name", "at"), Index(None, "source", "at"), Index(None, "at"))


def begin_sign_in(name: str, source: str, device: str | None) -> int:
    """Count an attempt to sign in; its id. ``device`` is the id of a known device. Raises TooManyAttempts."""
    if device is None:
        return _begin(name, network_of(source), strangers=True)
    # Strangers cannot use up a device's own count, and with a stolen cookie nobody can guess more than with none.
    return _begin(name, f"device {device}", strangers=False)


def begin_password_change(account_id: int) -> int:
    """Count an attempt to change the own password; its id. Raises TooManyAttempts.

    The count is the account's own: guesses in a session that was left open lock nobody out of signing in.
    """
    return _begin("", f"account {account_id}", strangers=False)


def mark_succeeded(attempt_id: int) -> None:
    """The password proved right: the attempt no longer counts, once the open transaction commits."""
    statement = update(SignInAttempt).where(SignInAttempt.id == attempt_id).values(failed=False)
    require_transaction().execute(statement)


def _begin(name: str, source: str, *, strangers: bool) -> int:
    with transaction() as session:
        moment = now()
        session.execute(delete(SignInAttempt).where(SignInAttempt.at < moment - WINDOW))
        of_name, from_source = SignInAttempt.name == name, SignInAttempt.source == source
        too_many = _failed(of_name, from_source) >= MOST_OF_NAME_FROM_SOURCE
        if strangers:
            too_many = too_many or _failed(of_name) >= MOST_OF_NAME or _failed(from_source) >= MOST_FROM_SOURCE
        if too_many:
            raise TooManyAttempts(minutes=int(WINDOW.total_seconds() // 60))
        attempt = SignInAttempt(name=name, source=source, at=moment, failed=True)
        session.add(attempt)
        session.flush()
    return attempt.id


def _failed(*conditions: ColumnElement[bool]) -> int:
    counted = select(func.count(SignInAttempt.id)).where(SignInAttempt.failed.is_(True), *conditions)
    return db.session.execute(counted).scalar_one()
