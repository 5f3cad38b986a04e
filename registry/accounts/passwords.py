"""Passwords: Argon2id, a few at a time, because each takes memory and a core while it is worked out."""

from __future__ import annotations

import secrets
import threading
from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from registry.core.errors import RegistryError

MIN_LENGTH: Final = 12
MAX_LENGTH: Final = 200
GENERATED_BYTES: Final = 16
# OWASP's password storage sheet: 19 MiB, two passes, one lane.
HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
MAX_CONCURRENT_HASHES: Final = 4
MAX_WAIT_SECONDS: Final = 10.0
_hashing_slots = threading.BoundedSemaphore(MAX_CONCURRENT_HASHES)


class SignInBusy(RegistryError):
    """Too many passwords are being checked at this moment."""


def hash_password(password: str) -> str:
    """The hash to keep. Raises SignInBusy."""
    with _HashingSlot():
        return HASHER.hash(password)


def verify_password(kept: str | None, password: str) -> bool:
    """True when the password is the one of the hash; without a hash, False after the same time. Raises SignInBusy."""
    with _HashingSlot():
        try:
            right = HASHER.verify(kept or _dummy_hash(), password)
        except (VerificationError, InvalidHashError):
            return False
    return right and kept is not None


def needs_rehash(kept: str) -> bool:
    """True when the hash was made with other parameters than those of now."""
    return HASHER.check_needs_rehash(kept)


def generate_password() -> str:
    """A random password of 128 bits, for somebody who is told it once."""
    return secrets.token_urlsafe(GENERATED_BYTES)


@cache
def _dummy_hash() -> str:
    return HASHER.hash(secrets.token_urlsafe())


class _HashingSlot:
    """One of the few places in which a password is worked out at the same time."""

    def __enter__(self) -> None:
        if not _hashing_slots.acquire(timeout=MAX_WAIT_SECONDS):
            raise SignInBusy

    def __exit__(self, *_error: object) -> None:
        _hashing_slots.release()
