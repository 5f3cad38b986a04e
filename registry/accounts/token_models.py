"""The table of tokens. Only a hash of a token's secret is stored, and a keyed hash of whose token it is."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Final

from sqlalchemy import JSON, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from registry.accounts.account_names import MAX_NAME_LENGTH
from registry.accounts.token_format import KEY_ID_LENGTH
from registry.core.database import Instant, Model
from registry.core.derived_keys import keyed_hash

MAX_PURPOSE_LENGTH: Final = 100
TOKENS: Final = b"tokens"


class Token(Model):
    """A token. ``scopes``: None for all, in tokens of earlier versions; so is ``expires_at`` None in some of those.

    ``addresses``: the ranges from which the token is accepted, None for any. ``issued_by``: the key id of the token
    that created it, None for one that was created in a session, on the command line or by an earlier version.
    ``secret_mac``: without the one that the service computed with its secret key, the row is no token. None in those
    that a process of the previous version created after the upgrade.
    """

    __tablename__ = "tokens"

    id: Mapped[int] = mapped_column(primary_key=True)
    key_id: Mapped[str] = mapped_column(String(KEY_ID_LENGTH), unique=True)
    secret_hash: Mapped[str] = mapped_column(String(64))
    account_id: Mapped[int] = mapped_column("principal_id", ForeignKey("principals.id"), index=True)
    role: Mapped[str] = mapped_column(String(20))
    agency_id: Mapped[int | None] = mapped_column(ForeignKey("agencies.id"))
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime | None] = mapped_column(Instant)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)
    last_used_at: Mapped[datetime | None] = mapped_column(Instant)
    last_used_from: Mapped[str | None] = mapped_column(Text)
    pending_since: Mapped[datetime | None] = mapped_column(Instant)
    asked_by: Mapped[str | None] = mapped_column(String(MAX_NAME_LENGTH))
    confirmed_by: Mapped[str | None] = mapped_column(String(MAX_NAME_LENGTH))
    scopes: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    addresses: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    purpose: Mapped[str | None] = mapped_column(String(MAX_PURPOSE_LENGTH))
    secret_mac: Mapped[str | None] = mapped_column(String(64))
    issued_by: Mapped[str | None] = mapped_column(String(KEY_ID_LENGTH))


def hash_token_secret(secret: str) -> str:
    """The stored hash of a token's secret."""
    # The secret has 238 random bits, so a fast hash is sufficient.
    return hashlib.sha256(secret.encode()).hexdigest()


def token_mac(key_id: str, account_id: int, secret_hash: str, secret_key: str | None = None) -> str:
    """The keyed hash of a token: its key id, its account and the hash of its secret belong together."""
    return keyed_hash(TOKENS, key_id, account_id, secret_hash, secret_key=secret_key)
