"""Account names: which are accepted, and the skeleton by which two names that look the same are one.

Two names of one skeleton are the same by UTS 39, by letter case, or by both in any number of steps. ``confusables.txt``
beside this module holds the classes for accepted names; packages on PyPI have no skeleton, or an old table of 900 kB.
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
# Latin and Cyrillic letters of living languages of Europe and Central Asia, digits, and punctuation of names. Letters
# of phonetics and of scripts of the past are left out: through them the look-alikes of different letters are joined.
# ``local:`` and ``service:`` are the machine's own.
USABLE: Final = re.compile(
    r"[0-9A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u0148\u014a-\u017e\u018f\u01f4\u01f5\u0218-\u021b\u0259"
    r"\u0400-\u045f\u048c-\u04ff '\u2019._@()+&/,#-]+"
)
RESERVED: Final = ("local", "service", "schedule", "system", "root")
"""Names that a reader of the journal would take for the machine's own."""


def clean_name(name: str) -> str:
    """The name as it is kept: composed letters, single spaces, none at the ends."""
    return " ".join(part for part in unicodedata.normalize("NFC", name).split(" ") if part)


def name_problems(name: str) -> list[Problem]:
    """What is wrong with a cleaned name: its length, a character that names do not have, or that it is reserved."""
    if not name or len(name) > LONGEST_NAME or not USABLE.fullmatch(name):
        return [Problem("/name", "name-not-usable", {"limit": LONGEST_NAME})]
    if skeleton(name) in {skeleton(reserved) for reserved in RESERVED}:
        return [Problem("/name", "name-reserved")]
    return []


def skeleton(name: str) -> str:
    """What two names share when a reader can take one for the other."""
    # Case is folded by the table: folding first would lose what only capitals share. Names of earlier versions may have
    # other letters, whose case is folded after it.
    parts = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", clean_name(name)))
    return unicodedata.normalize("NFD", parts.translate(_prototypes()).casefold())


@cache
def _prototypes() -> dict[int, str]:
    lines = CONFUSABLES.read_text(encoding="utf-8").splitlines()
    pairs = (line.split("=", 1) for line in lines if not line.startswith("#"))
    return {ord(letter): prototype for prototype, letters in pairs for letter in letters}
