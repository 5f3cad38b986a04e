"""Keys for second factors, derived from the service's secret key (HKDF, RFC 5869), one for each purpose."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Final

from cryptography.fernet import Fernet, InvalidToken

from registry.core.derived_keys import derived_key
from registry.core.errors import Conflict

TOTP_SECRETS: Final = b"qaztech-registry: TOTP secrets"
RECOVERY_CODES: Final = b"qaztech-registry: recovery codes"
PASSKEY_USERS: Final = b"qaztech-registry: user handles of passkeys"


class FactorUnreadable(Conflict):
    """The factor was stored under another secret key; an administrator must reset it."""


def encrypt_secret(text: str) -> str:
    """Encrypt a TOTP secret."""
    return _fernet().encrypt(text.encode()).decode()


def decrypt_secret(encrypted: str) -> str:
    """Decrypt a TOTP secret. Raises FactorUnreadable when the service's secret key has changed."""
    try:
        return _fernet().decrypt(encrypted.encode()).decode()
    except InvalidToken as error:
        raise FactorUnreadable from error


def recovery_code_hash(person_id: int, code: str) -> str:
    """The stored hash of a recovery code. Without the service's secret key nobody can try codes against it."""
    return hmac.new(derived_key(RECOVERY_CODES), f"{person_id} {code}".encode(), hashlib.sha256).hexdigest()


def passkey_user_handle(account_id: int) -> bytes:
    """The user handle that passkeys store; it says nothing about the person."""
    return hmac.new(derived_key(PASSKEY_USERS), str(account_id).encode(), hashlib.sha256).digest()


def _fernet() -> Fernet:
    return Fernet(base64.urlsafe_b64encode(derived_key(TOTP_SECRETS)))
