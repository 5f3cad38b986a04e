"""Account names: allowed characters, and the skeleton for detecting confusable names.

The skeleton is that of UTS 39 with case folding. ``confusables.txt`` beside this module is the part of Unicode's table
that the allowed characters need; packages on PyPI lack the skeleton or have an old table of 900 kB.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path
from typing import Final

from registry.core.errors import Problem

MAX_NAME_LENGTH: Final = 200
CONFUSABLES: Final = Path(__file__).with_name("confusables.txt")
# Latin and Cyrillic letters, digits and punctuation. The colon is reserved for the principals ``local:`` and
# ``service:``.
ALLOWED_CHARACTERS: Final = re.compile(
    r"[0-9A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0400-\u0481\u048a-\u052f '\u2019._@()+&/,#-]+"
)


def clean_name(name: str) -> str:
    """The normalised name: NFC, single spaces, trimmed."""
    return " ".join(part for part in unicodedata.normalize("NFC", name).split(" ") if part)


def name_problems(name: str) -> list[Problem]:
    """The problems of a normalised name: its length or a character that is not allowed."""
    if not name or len(name) > MAX_NAME_LENGTH or not ALLOWED_CHARACTERS.fullmatch(name):
        return [Problem("/name", "name-not-usable", {"limit": MAX_NAME_LENGTH})]
    return []


def skeleton(name: str) -> str:
    """The UTS 39 skeleton; two names that look alike have the same one."""
    folded = unicodedata.normalize("NFKC", clean_name(name)).casefold()
    return unicodedata.normalize("NFD", folded).translate(_prototypes())


@cache
def _prototypes() -> dict[int, str]:
    lines = CONFUSABLES.read_text(encoding="utf-8").splitlines()
    pairs = (line.split("=", 1) for line in lines if not line.startswith("#"))
    return {ord(letter): prototype for prototype, letters in pairs for letter in letters}
