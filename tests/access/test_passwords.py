"""What the keeping of passwords promises to who has one: that a stolen database does not tell it."""

from __future__ import annotations

from argon2 import PasswordHasher

LIKELY = "Астана-2026-весна"


def test_a_password_is_kept_with_the_memory_and_the_passes_that_owasp_asks_for(strong_hasher: PasswordHasher) -> None:
    kept = strong_hasher.hash(LIKELY)

    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert strong_hasher.verify(kept, LIKELY)
    assert strong_hasher.hash(LIKELY) != kept
