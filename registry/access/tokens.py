"""Bearer tokens: ``qtr_<key id>_<secret><checksum>``, shown once and stored as a hash of the secret."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ForeignKey, String, bindparam, select, update
from sqlalchemy.orm import Mapped, mapped_column

from registry.access.actors import Actor
from registry.access.principals import LONGEST_NAME, Principal, principal_named
from registry.access.roles import AGENCY_ROLES, Permission, Role
from registry.store import journal
from registry.store.clock import now
from registry.store.database import Instant, Model, db
from registry.store.errors import Invalid, NotFound, Problem, Refusal
from registry.store.transaction import transaction

LETTERS = string.digits + string.ascii_letters
KEY_ID_LENGTH = 10
SECRET_LENGTH = 40
CHECKSUM_LENGTH = 6
SHAPE = re.compile(
    rf"qtr_([0-9A-Za-z]{{{KEY_ID_LENGTH}}})_([0-9A-Za-z]{{{SECRET_LENGTH}}})([0-9A-Za-z]{{{CHECKSUM_LENGTH}}})"
)
USE_IS_KEPT_EVERY = timedelta(minutes=5)


class TokenNotAccepted(Refusal):
    """The token is unknown, mistyped, expired or revoked, or its principal is disabled: never told which."""


class TokenNotFound(NotFound):
    """There is no token of that key id."""


class Token(Model):
    """What is kept of a token: never the secret itself."""

    __tablename__ = "tokens"

    id: Mapped[int] = mapped_column(primary_key=True)
    key_id: Mapped[str] = mapped_column(String(KEY_ID_LENGTH), unique=True)
    secret_hash: Mapped[str] = mapped_column(String(64))
    principal_id: Mapped[int] = mapped_column(ForeignKey("principals.id"), index=True)
    role: Mapped[str] = mapped_column(String(20))
    agency_id: Mapped[int | None] = mapped_column(ForeignKey("agencies.id"))
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime | None] = mapped_column(Instant)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)
    last_used_at: Mapped[datetime | None] = mapped_column(Instant)


# Asked at every request: made once.
KNOWN = (
    select(
        Token.id,
        Token.secret_hash,
        Token.role,
        Token.agency_id,
        Token.expires_at,
        Token.revoked_at,
        Token.last_used_at,
        Principal.name,
        Principal.disabled_at,
    )
    .join(Principal, Principal.id == Token.principal_id)
    .where(Token.key_id == bindparam("key_id"))
)


@dataclass(frozen=True, slots=True)
class Issued:
    """A new token; ``text`` is shown once and kept nowhere."""

    key_id: str
    text: str


def issue(by: Actor, name: str, role: Role, agency_id: int | None, lifetime: timedelta | None) -> Issued:
    """Make a token for the principal called ``name``.

    The two agency roles need an agency and the others take none; a name is 1 to 200 printable characters; a lifetime is
    positive. Raises RoleNotAllowed, and Invalid, naming what is wrong.
    """
    by.require(Permission.TOKENS_MANAGE)
    problems = []
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        problems.append(Problem("/name", "name-not-usable", {"limit": LONGEST_NAME}))
    if role in AGENCY_ROLES and agency_id is None:
        problems.append(Problem("/agency", "role-needs-agency", {"role": role.value}))
    if role not in AGENCY_ROLES and agency_id is not None:
        problems.append(Problem("/agency", "role-takes-no-agency", {"role": role.value}))
    if lifetime is not None and lifetime <= timedelta():
        problems.append(Problem("/expires_in", "lifetime-not-positive"))
    if problems:
        raise Invalid(problems)
    key_id, secret = _letters(KEY_ID_LENGTH), _letters(SECRET_LENGTH)
    with transaction() as session:
        moment = now()
        session.add(
            Token(
                key_id=key_id,
                secret_hash=_hash(secret),
                principal_id=principal_named(name).id,
                role=role.value,
                agency_id=agency_id,
                created_at=moment,
                expires_at=None if lifetime is None else moment + lifetime,
            )
        )
        journal.record(by, "token.issued", f"token:{key_id}", {"principal": name, "role": role.value})
    return Issued(key_id, f"qtr_{key_id}_{secret}{checksum(key_id, secret)}")


def revoke(by: Actor, key_id: str) -> None:
    """End a token; it is out on its next request.

    Raises RoleNotAllowed, TokenNotFound. Revoking again changes nothing.
    """
    by.require(Permission.TOKENS_MANAGE)
    with transaction():
        token = db.session.scalar(select(Token).where(Token.key_id == key_id))
        if token is None:
            raise TokenNotFound(key_id=key_id)
        if token.revoked_at is None:
            token.revoked_at = now()
            journal.record(by, "token.revoked", f"token:{key_id}")


def all_tokens() -> list[dict[str, Any]]:
    """What is kept of every token, oldest first, with its principal's name."""
    columns = (
        Token.key_id,
        Principal.name.label("principal"),
        Token.role,
        Token.agency_id,
        Token.created_at,
        Token.expires_at,
        Token.revoked_at,
        Token.last_used_at,
    )
    statement = select(*columns).join(Principal, Principal.id == Token.principal_id).order_by(Token.id)
    return [dict(row) for row in db.session.execute(statement).mappings()]


def actor_of(text: str, source: str, request_id: str) -> Actor:
    """Whom the token acts for. Raises TokenNotAccepted."""
    shape = SHAPE.fullmatch(text)
    if shape is None or not hmac.compare_digest(checksum(shape[1], shape[2]), shape[3]):
        raise TokenNotAccepted
    row = db.session.execute(KNOWN, {"key_id": shape[1]}).one_or_none()
    moment = now()
    if (
        row is None
        or not hmac.compare_digest(row.secret_hash, _hash(shape[2]))
        or row.revoked_at is not None
        or row.disabled_at is not None
        or (row.expires_at is not None and row.expires_at <= moment)
    ):
        raise TokenNotAccepted
    if row.last_used_at is None or moment - row.last_used_at > USE_IS_KEPT_EVERY:
        with transaction() as session:
            session.execute(update(Token).where(Token.id == row.id).values(last_used_at=moment))
    return Actor(row.name, Role(row.role), row.agency_id, source, request_id)


def checksum(key_id: str, secret: str) -> str:
    """Six letters that show a mistyped or cut token without asking the database, and let scanners know one of ours."""
    number = zlib.crc32(f"{key_id}_{secret}".encode())
    letters = ""
    for _ in range(CHECKSUM_LENGTH):
        number, digit = divmod(number, len(LETTERS))
        letters = LETTERS[digit] + letters
    return letters


def _letters(count: int) -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(count))


def _hash(secret: str) -> str:
    # The secret is 238 random bits, so a fast hash is enough: there is nothing to guess.
    return hashlib.sha256(secret.encode()).hexdigest()
