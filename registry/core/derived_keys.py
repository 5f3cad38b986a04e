"""Keys derived from the service's secret key (HKDF, RFC 5869), one for each purpose."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import current_app

KEY_LENGTH: Final = 32


def derived_key(purpose: bytes, secret_key: str | None = None) -> bytes:
    """The key for a purpose, 32 bytes; of the service's secret key unless another one is given."""
    secret = str(current_app.config["SECRET_KEY"] if secret_key is None else secret_key).encode()
    return HKDF(algorithm=SHA256(), length=KEY_LENGTH, salt=None, info=purpose).derive(secret)


def keyed_hash(purpose: bytes, *values: object, secret_key: str | None = None) -> str:
    """HMAC-SHA-256 (hex) over values that contain no line breaks: whoever lacks the secret key cannot compute it."""
    return hmac.new(derived_key(purpose, secret_key), "\n".join(map(str, values)).encode(), hashlib.sha256).hexdigest()
