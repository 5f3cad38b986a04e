"""Attempts with a password or code, and their limits: at signing in, with second factors, at changing the password, and
at linking an Aitu account.

An attempt counts as failed until the password or code was verified, so that parallel guesses count too.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Boolean, ColumnElement, Index, String, Text, delete, func, select, update
from sqlalchemy.orm import Mapped, mapped_column

from registry.accounts.account_names import MAX_NAME_LENGTH
from registry.core.clock import now
from registry.core.database import Instant, Model, db
from registry.core.errors import RegistryError
from registry.core.networks import network_of
from registry.core.transactions import require_transaction, transaction

WINDOW: Final = timedelta(minutes=15)
MAX_FAILURES_PER_NAME_AND_SOURCE: Final = 5
MAX_FAILURES_PER_NAME: Final = 30
MAX_FAILURES_PER_SOURCE: Final = 30


class TooManyAttempts(RegistryError):
    """Too many failed attempts of this name or from this address; even a correct password is not checked."""


class SignInAttempt(Model):
    """One attempt. ``source`` is the network, the known device, or the open sessions of the account."""

    __tablename__ = "sign_in_attempts"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH))
    source: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(Instant)
    failed: Mapped[bool] = mapped_column(Boolean)

    __table_args__ = (Index(None, "name", "at"), Index(None, "source", "at"), Index(None, "at"))


def begin_sign_in(name: str, source: str, device: str | None) -> int:
    """Count an attempt to sign in; its id. ``device`` is the id of a known device. Raises TooManyAttempts."""
    if device is None:
        return _record_attempt(name, network_of(source), check_totals=True)
    # Others cannot exhaust the limit of a known device, and a stolen cookie allows no more guesses than none.
    return _record_attempt(name, f"device {device}", check_totals=False)


def begin_password_change(account_id: int) -> int:
    """Count an attempt to change the own password; its id. Raises TooManyAttempts.

    The count is the account's own: guesses in a session that was left open lock nobody out of signing in.
    """
    return _record_attempt("", f"account {account_id}", check_totals=False)


def begin_code(account_id: int) -> int:
    """Count an attempt with a code of an authenticator app or a recovery code; its id. Raises TooManyAttempts.

    Only somebody who knows the password gets this far, and passkeys are not counted.
    """
    return _record_attempt("", f"codes of account {account_id}", check_totals=False)


def begin_aitu_code(account_id: int) -> None:
    """Count a code for linking an Aitu account; all count, used or not. Raises TooManyAttempts."""
    _record_attempt("", f"aitu codes of account {account_id}", check_totals=False)


def begin_aitu_message(peer_id: str) -> None:
    """Count a message of an Aitu account to the bot; all count, right or wrong. Raises TooManyAttempts."""
    _record_attempt("", f"aitu {peer_id}", check_totals=False)


def mark_succeeded(attempt_id: int) -> None:
    """The password or code was correct: the attempt no longer counts once the open transaction commits."""
    statement = update(SignInAttempt).where(SignInAttempt.id == attempt_id).values(failed=False)
    require_transaction().execute(statement)


def _record_attempt(name: str, source: str, *, check_totals: bool) -> int:
    with transaction() as session:
        at = now()
        session.execute(delete(SignInAttempt).where(SignInAttempt.at < at - WINDOW))
        of_name, from_source = SignInAttempt.name == name, SignInAttempt.source == source
        too_many = _count_failures(of_name, from_source) >= MAX_FAILURES_PER_NAME_AND_SOURCE
        if check_totals:
            too_many = (
                too_many
                or _count_failures(of_name) >= MAX_FAILURES_PER_NAME
                or _count_failures(from_source) >= MAX_FAILURES_PER_SOURCE
            )
        if too_many:
            raise TooManyAttempts(minutes=int(WINDOW.total_seconds() // 60))
        attempt = SignInAttempt(name=name, source=source, at=at, failed=True)
        session.add(attempt)
        session.flush()
    return attempt.id


def _count_failures(*conditions: ColumnElement[bool]) -> int:
    counted = select(func.count(SignInAttempt.id)).where(SignInAttempt.failed.is_(True), *conditions)
    return db.session.execute(counted).scalar_one()
