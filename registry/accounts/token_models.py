"""The table of tokens. Only a hash of a token's secret is stored, and a keyed hash of whose token it is."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
import zlib
from datetime import datetime
from typing import Final

from sqlalchemy import JSON, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from registry.accounts.account_names import MAX_NAME_LENGTH
from registry.core.database import Instant, Model
from registry.core.installation import keyed_hash

# Format of tokens, ``qtr_<key id>_<secret><checksum>``, which secret scanners recognise (docs/reference/api.md).

LETTERS: Final = string.digits + string.ascii_letters
KEY_ID_LENGTH: Final = 10
SECRET_LENGTH: Final = 40
CHECKSUM_LENGTH: Final = 6
TOKEN_PATTERN: Final = re.compile(
    rf"qtr_([0-9A-Za-z]{{{KEY_ID_LENGTH}}})_([0-9A-Za-z]{{{SECRET_LENGTH}}})([0-9A-Za-z]{{{CHECKSUM_LENGTH}}})"
)
KEY_ID: Final = re.compile(rf"[0-9A-Za-z]{{{KEY_ID_LENGTH}}}")


def generate_token() -> tuple[str, str]:
    """A new key id and secret."""
    return _letters(KEY_ID_LENGTH), _letters(SECRET_LENGTH)


def token_text(key_id: str, secret: str) -> str:
    """The token as it is displayed."""
    return f"qtr_{key_id}_{secret}{checksum(key_id, secret)}"


def parse_token(text: str) -> tuple[str, str] | None:
    """The key id and secret of a token; None when it is malformed or its checksum is wrong."""
    match = TOKEN_PATTERN.fullmatch(text)
    if match is None or not hmac.compare_digest(checksum(match[1], match[2]), match[3]):
        return None
    return match[1], match[2]


def checksum(key_id: str, secret: str) -> str:
    """Six letters that reveal a mistyped or truncated token without a query, and let secret scanners verify a match."""
    number = zlib.crc32(f"{key_id}_{secret}".encode())
    letters = ""
    for _ in range(CHECKSUM_LENGTH):
        number, digit = divmod(number, len(LETTERS))
        letters = LETTERS[digit] + letters
    return letters


def _letters(count: int) -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(count))


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
