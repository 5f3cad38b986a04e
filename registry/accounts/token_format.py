"""Format of tokens, ``qtr_<key id>_<secret><checksum>``, which secret scanners recognise (docs/reference/api.md)."""

from __future__ import annotations

import hmac
import re
import secrets
import string
import zlib
from typing import Final

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
