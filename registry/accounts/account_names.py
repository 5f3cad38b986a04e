"""Account names: which are accepted, and the skeleton by which two names that look the same are one.

The skeleton is that of UTS 39 with letter case folded too. ``confusables.txt`` beside this module is the part of
Unicode's table that accepted names can need; packages on PyPI have no skeleton, or an old table of 900 kB.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path
from typing import Final

from registry.core.errors import Problem

LONGEST_NAME: Final = 200
CONFUSABLES: Final = Path(__file__).with_name("confusables.txt")
# Latin and Cyrillic letters, digits, and the punctuation of names. ``local:`` and ``service:`` are the machine's own.
USABLE: Final = re.compile(
    r"[0-9A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0400-\u0481\u048a-\u052f '\u2019._@()+&/,#-]+"
)


def clean_name(name: str) -> str:
    """The name as it is kept: composed letters, single spaces, none at the ends."""
    return " ".join(part for part in unicodedata.normalize("NFC", name).split(" ") if part)


def name_problems(name: str) -> list[Problem]:
    """What is wrong with a cleaned name: its length, or a character that names do not have."""
    if not name or len(name) > LONGEST_NAME or not USABLE.fullmatch(name):
        return [Problem("/name", "name-not-usable", {"limit": LONGEST_NAME})]
    return []


def skeleton(name: str) -> str:
    """What two names share when a reader can take one for the other."""
    folded = unicodedata.normalize("NFKC", clean_name(name)).casefold()
    return unicodedata.normalize("NFD", folded).translate(_prototypes())


@cache
def _prototypes() -> dict[int, str]:
    lines = CONFUSABLES.read_text(encoding="utf-8").splitlines()
    pairs = (line.split("=", 1) for line in lines if not line.startswith("#"))
    return {ord(letter): prototype for prototype, letters in pairs for letter in letters}
