"""ID tokens of sessions, encrypted: they name a person and hold claims, and backups hold the table of sessions."""

from __future__ import annotations

import base64
from typing import Final

from cryptography.fernet import Fernet, InvalidToken

from registry.core.derived_keys import derived_key

ID_TOKENS: Final = b"qaztech-registry: ID tokens"


def encrypt_id_token(id_token: str) -> str:
    """The ID token as it is stored."""
    return _fernet().encrypt(id_token.encode()).decode()


def decrypt_id_token(stored: str | None) -> str | None:
    """The stored ID token; None without one, and when it was stored under another secret key."""
    if stored is None:
        return None
    try:
        return _fernet().decrypt(stored.encode()).decode()
    except InvalidToken:
        return None


def _fernet() -> Fernet:
    return Fernet(base64.urlsafe_b64encode(derived_key(ID_TOKENS)))
