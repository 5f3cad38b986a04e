"""Tables of second factors. None holds a secret in clear text."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import Final

from flask import current_app
from sqlalchemy import BigInteger, ColumnElement, ForeignKey, LargeBinary, String, Text, exists, select
from sqlalchemy.orm import Mapped, mapped_column

from registry.accounts.models import Person
from registry.core.database import Instant, Model, db
from registry.core.translations import lazy_text
from registry.freeze.vocabulary import Choices

MAX_FACTOR_NAME_LENGTH: Final = 100


class FactorKind(Choices):
    """What a session was verified with."""

    TOTP = "totp", lazy_text("Authenticator app")
    PASSKEY = "passkey", lazy_text("Passkey")
    RECOVERY_CODE = "recovery_code", lazy_text("Recovery code")
    OIDC = "oidc", lazy_text("Single sign-on")


class CeremonyKind(StrEnum):
    """An exchange with the person's device that has begun."""

    TOTP_ENROLMENT = "totp-enrolment"
    PASSKEY_REGISTRATION = "passkey-registration"
    PASSKEY_VERIFICATION = "passkey-verification"


class TotpFactor(Model):
    """The authenticator app of a person. ``last_used_step``: its code, and every earlier one, is used up."""

    __tablename__ = "totp_factors"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), unique=True)
    encrypted_secret: Mapped[str] = mapped_column(Text)
    last_used_step: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(Instant)
    last_used_at: Mapped[datetime] = mapped_column(Instant)


class Passkey(Model):
    """A passkey of a person. ``sign_count`` of the last use, 0 for passkeys that do not count."""

    __tablename__ = "passkeys"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    credential_id: Mapped[str] = mapped_column(Text, unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(String(MAX_FACTOR_NAME_LENGTH))
    created_at: Mapped[datetime] = mapped_column(Instant)
    last_used_at: Mapped[datetime | None] = mapped_column(Instant)


class RecoveryCode(Model):
    """One of a person's ten recovery codes."""

    __tablename__ = "recovery_codes"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    code_hash: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(Instant)
    used_at: Mapped[datetime | None] = mapped_column(Instant)


class FactorCeremony(Model):
    """An enrolment or verification that began in a session: an encrypted TOTP secret or a WebAuthn challenge."""

    __tablename__ = "factor_ceremonies"

    id: Mapped[int] = mapped_column(primary_key=True)
    session_id: Mapped[int] = mapped_column(ForeignKey("web_sessions.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(30))
    value: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Instant, index=True)


def factor_kinds(account_ids: Collection[int]) -> dict[int, list[str]]:
    """Which kinds of factors each of these accounts has, by the id of the account; accounts without any are missing."""
    kinds: dict[int, list[str]] = {}
    for kind, table in ((FactorKind.TOTP, TotpFactor), (FactorKind.PASSKEY, Passkey)):
        enrolled = select(Person.account_id).join(table, table.person_id == Person.id).distinct()
        for account_id in db.session.scalars(enrolled.where(Person.account_id.in_(account_ids))):
            kinds.setdefault(account_id, []).append(kind.value)
    return kinds


def has_factor() -> ColumnElement[bool]:
    """The SQL condition for people with an authenticator app or a passkey."""
    has_totp = exists(select(TotpFactor.id).where(TotpFactor.person_id == Person.id))
    return has_totp | exists(select(Passkey.id).where(Passkey.person_id == Person.id))


# What the settings say: which roles must have a second factor, and at which address people use passkeys.

# Keys of Flask's configuration.
SECOND_FACTOR_ROLES: Final = "SECOND_FACTOR_ROLES"
"""The codes of the roles that must have a second factor, None for ``off``."""
PUBLIC_URL: Final = "PUBLIC_URL"
"""The address that people use, or None."""


def is_required_of(role: str) -> bool:
    """True when accounts with the role must have a second factor."""
    return role in (current_app.config.get(SECOND_FACTOR_ROLES) or ())


def step_up_applies(role: str, *, has_factor: bool) -> bool:
    """True when sensitive actions require a step-up: not with ``off``, and not without a factor that is required."""
    return current_app.config.get(SECOND_FACTOR_ROLES) is not None and (has_factor or is_required_of(role))


def public_url() -> str | None:
    """The address that people use, None when it is not set."""
    url: str | None = current_app.config.get(PUBLIC_URL)
    return url
