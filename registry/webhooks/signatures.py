"""Secrets and signatures by the Standard Webhooks specification, and secrets encrypted at rest."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from cryptography.fernet import Fernet, InvalidToken
from standardwebhooks.webhooks import Webhook as Signer

from registry.core.derived_keys import derived_key

PURPOSE: Final = b"qaztech-registry: webhook secrets"
PREFIX: Final = "whsec_"
# The specification asks for 24 to 64 bytes.
SECRET_LENGTH: Final = 32


class SecretUnreadable(Exception):
    """The secret was encrypted under another secret key of the service: it must be rotated."""


def new_secret() -> str:
    """A random secret: ``whsec_`` and Base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_LENGTH)).decode("ascii")


def encrypt_secret(secret: str) -> str:
    """Encrypt a secret for the database."""
    return _fernet().encrypt(secret.encode()).decode("ascii")


def decrypt_secret(encrypted: str) -> str:
    """Decrypt a stored secret. Raises SecretUnreadable when the service's secret key has changed."""
    try:
        return _fernet().decrypt(encrypted.encode()).decode()
    except InvalidToken as error:
        raise SecretUnreadable from error


def signed_headers(message_id: str, at: datetime, body: str, keys: Sequence[str]) -> dict[str, str]:
    """The headers of a message: its id, the time of the attempt, and one signature for each valid secret."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(Signer(key).sign(message_id, at, body) for key in keys),
    }


def _fernet() -> Fernet:
    return Fernet(base64.urlsafe_b64encode(derived_key(PURPOSE)))
