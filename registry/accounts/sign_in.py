"""Sign-in with name and password, throttled per name and per source; known devices are counted separately."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Boolean, ColumnElement, Index, String, Text, delete, func, select, update
from sqlalchemy.orm import Mapped, mapped_column

from registry.accounts.account_names import MAX_NAME_LENGTH, clean_name
from registry.accounts.actors import Actor
from registry.accounts.passwords import hash_password, needs_rehash, verify_password
from registry.accounts.people import person_named
from registry.accounts.roles import Role
from registry.accounts.sessions import end_session, secret_hash_of, session_credential, start_session
from registry.core.clock import now
from registry.core.database import Instant, Model, db
from registry.core.errors import NotAllowed, RegistryError
from registry.core.networks import network_of
from registry.core.transactions import transaction
from registry.journal import service as journal

WINDOW: Final = timedelta(minutes=15)
MAX_FAILURES_PER_NAME_AND_SOURCE: Final = 5
MAX_FAILURES_PER_NAME: Final = 30
MAX_FAILURES_PER_SOURCE: Final = 30


class PasswordNotAccepted(RegistryError):
    """The name or password is wrong, or the account is disabled; the response does not say which."""


class AccountNotConfirmed(NotAllowed):
    """The password is correct, but a second person must confirm the account first."""


class TooManyAttempts(RegistryError):
    """Too many failed sign-ins for this name or from this address; even a correct password is not checked."""


class SignInAttempt(Model):
    """An attempt; it counts as failed until the password was verified, so that parallel guesses count too."""

    __tablename__ = "sign_in_attempts"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH))
    source: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(Instant)
    failed: Mapped[bool] = mapped_column(Boolean)

    __table_args__ = (Index(None, "name", "at"), Index(None, "source", "at"), Index(None, "at"))


def sign_in(
    name: str,
    password: str,
    source: str,
    request_id: str,
    client_request_id: str = "",
    *,
    device: str | None = None,
) -> str:
    """Start a session and return the secret for the cookie. ``device`` is the id of a known device.

    Raises PasswordNotAccepted, AccountNotConfirmed, TooManyAttempts, SignInBusy.
    """
    name = "".join(letter for letter in name.strip()[:MAX_NAME_LENGTH] if letter.isprintable())
    attempt = _record_attempt(clean_name(name), source, device)
    person = person_named(name)
    password_hash = None if person is None else person.password_hash
    matches = verify_password(password_hash, password)
    if person is None or password_hash is None or not matches or person.is_disabled:
        raise PasswordNotAccepted
    if person.is_pending:
        raise AccountNotConfirmed
    rehashed = hash_password(password) if needs_rehash(password_hash) else password_hash
    with transaction() as session:
        session.refresh(person, with_for_update=True)
        if person.password_hash != password_hash or person.is_disabled or person.is_pending:
            raise PasswordNotAccepted
        session.execute(update(SignInAttempt).where(SignInAttempt.id == attempt).values(failed=False))
        person.password_hash = rehashed
        secret = start_session(person.id, source)
        actor = Actor(
            person.name,
            Role(person.role),
            person.agency_id,
            source,
            request_id,
            account_id=person.account_id,
            is_person=True,
            credential=session_credential(secret_hash_of(secret)),
            client_request_id=client_request_id,
        )
        journal.record(actor, "person.signed-in", f"person:{person.name}")
    return secret


def sign_out(actor: Actor, secret: str) -> None:
    """End the session."""
    with transaction():
        end_session(secret)
        journal.record(actor, "person.signed-out", f"person:{actor.principal}")


def _record_attempt(name: str, source: str, device: str | None) -> int:
    # Others cannot exhaust the limit of a known device, and a stolen cookie allows no more guesses than none.
    source = network_of(source) if device is None else f"device {device}"
    with transaction() as session:
        at = now()
        session.execute(delete(SignInAttempt).where(SignInAttempt.at < at - WINDOW))
        of_name, from_source = SignInAttempt.name == name, SignInAttempt.source == source
        too_many = _count_failures(of_name, from_source) >= MAX_FAILURES_PER_NAME_AND_SOURCE
        if device is None:
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
