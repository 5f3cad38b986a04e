"""Password hashing with Argon2id; concurrency is limited, because each hash takes a core and 19 MiB."""

from __future__ import annotations

import secrets
import string
import threading
from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from registry.core.errors import RegistryError

MIN_LENGTH: Final = 12
MAX_LENGTH: Final = 200
GENERATED_FROM: Final = string.ascii_letters + string.digits
GENERATED_LENGTH: Final = 22
# The stored hash of a person without a password, who signs in at the OpenID Connect provider only.
NO_PASSWORD: Final = ""
# OWASP Password Storage Cheat Sheet: 19 MiB, two passes, one lane.
HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
MAX_CONCURRENT_HASHES: Final = 4
MAX_WAIT_SECONDS: Final = 10.0
_hashing_slots = threading.BoundedSemaphore(MAX_CONCURRENT_HASHES)


class SignInBusy(RegistryError):
    """Too many passwords are being hashed at the same time."""


def hash_password(password: str) -> str:
    """The hash to store. Raises SignInBusy."""
    with _HashingSlot():
        return HASHER.hash(password)


def verify_password(password_hash: str | None, password: str) -> bool:
    """True when the password matches the hash. Raises SignInBusy.

    Without a hash, or with NO_PASSWORD, it is False after the same time.
    """
    with _HashingSlot():
        try:
            matches = HASHER.verify(password_hash or _dummy_hash(), password)
        except (VerificationError, InvalidHashError):
            return False
    return matches and bool(password_hash)


def needs_rehash(password_hash: str) -> bool:
    """True when the hash was computed with other parameters than the current ones."""
    return HASHER.check_needs_rehash(password_hash)


def generate_password() -> str:
    """A random password of 131 bits. Letters and digits only: a table would escape a first ``-`` as a formula."""
    return "".join(secrets.choice(GENERATED_FROM) for _ in range(GENERATED_LENGTH))


@cache
def _dummy_hash() -> str:
    return HASHER.hash(secrets.token_urlsafe())


class _HashingSlot:
    """Context manager that limits concurrent hashing to ``MAX_CONCURRENT_HASHES``. Raises SignInBusy."""

    def __enter__(self) -> None:
        if not _hashing_slots.acquire(timeout=MAX_WAIT_SECONDS):
            raise SignInBusy

    def __exit__(self, *_error: object) -> None:
        _hashing_slots.release()
