"""Signing in with name and password, throttled by name and by source; a known device has a count of its own."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Boolean, ColumnElement, Index, String, Text, delete, func, select, update
from sqlalchemy.orm import Mapped, mapped_column

from registry.access.actors import Actor
from registry.access.networks import network_of
from registry.access.passwords import is_right
from registry.access.people import person_named
from registry.access.principals import LONGEST_NAME
from registry.access.roles import Role
from registry.access.sessions import end_session, start_session
from registry.store import journal
from registry.store.clock import now
from registry.store.database import Instant, Model, db
from registry.store.errors import Refusal
from registry.store.transaction import transaction

WINDOW: Final = timedelta(minutes=15)
MOST_OF_NAME_FROM_SOURCE: Final = 5
MOST_OF_NAME: Final = 30
MOST_FROM_SOURCE: Final = 30


class PasswordNotAccepted(Refusal):
    """Name or password is wrong, or the person is disabled: never told which."""


class TooManyAttempts(Refusal):
    """Too many failed sign-ins of this name or from this address; the right password is not looked at either."""


class SignInAttempt(Model):
    """One attempt; it counts as failed until the password proved right, so that parallel guesses are counted too."""

    __tablename__ = "sign_in_attempts"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(LONGEST_NAME))
    source: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(Instant)
    failed: Mapped[bool] = mapped_column(Boolean)

    __table_args__ = (Index(None, "name", "at"), Index(None, "source", "at"), Index(None, "at"))


def sign_in(name: str, password: str, source: str, request_id: str, *, device: str | None = None) -> str:
    """Start a session; the secret for the cookie. ``device`` is the id of a known device.

    Raises PasswordNotAccepted, TooManyAttempts, SignInBusy.
    """
    name = "".join(letter for letter in name.strip()[:LONGEST_NAME] if letter.isprintable())
    attempt = _begin(name, source, device)
    person = person_named(name)
    right = is_right(None if person is None else person.password_hash, password)
    if person is None or not right or person.is_disabled:
        raise PasswordNotAccepted
    by = Actor(person.name, Role(person.role), person.agency_id, source, request_id)
    with transaction() as session:
        session.execute(update(SignInAttempt).where(SignInAttempt.id == attempt).values(failed=False))
        secret = start_session(person.id, source)
        journal.record(by, "person.signed-in", f"person:{person.name}")
    return secret


def sign_out(by: Actor, secret: str) -> None:
    """End the session."""
    with transaction():
        end_session(secret)
        journal.record(by, "person.signed-out", f"person:{by.principal}")


def _begin(name: str, source: str, device: str | None) -> int:
    # Strangers cannot use up a device's own count, and with a stolen cookie nobody can guess more than with none.
    source = network_of(source) if device is None else f"device {device}"
    with transaction() as session:
        moment = now()
        session.execute(delete(SignInAttempt).where(SignInAttempt.at < moment - WINDOW))
        of_name, from_source = SignInAttempt.name == name, SignInAttempt.source == source
        too_many = _failed(of_name, from_source) >= MOST_OF_NAME_FROM_SOURCE
        if device is None:
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
