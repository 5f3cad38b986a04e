"""Comparison of written words regardless of case, blanks, quotes, punctuation and ё/е."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

# Excel fills cells with no-break, thin and figure spaces; a leading apostrophe marks a text.
BLANKS: Final = str.maketrans("", "", " \u00a0\u2007\u2009\u202f\t\r\n'\u2019\ufeff\u200b")
# What people write into a cell that has nothing to say.
DASHES: Final = frozenset("-\u2010\u2011\u2012\u2013\u2014\u2212")
CYRILLIC: Final = re.compile(r"[\u0400-\u04ff]")
NOT_ALPHANUMERIC: Final = re.compile(r"[\W_]+")
# Kazakh letters, Latin letters that look like Cyrillic ones, and ъ, which is confused with ь.
LOOK_ALIKES: Final = str.maketrans(
    "\u0259\u0275iaeopcxykmtbhәғқңөұүһіъ",
    "аоиаеорсхукмтвнагкноуухиь",
)


def comparable(text: str) -> str:
    """The letters and digits of a text in lower case: equal for two spellings of the same words.

    ё is е. In texts with a Cyrillic letter a Kazakh letter is the Russian one that stands in for it, and a Latin letter
    the Cyrillic one that looks like it: both are typed where a keyboard has no Kazakh letters.
    """
    return NOT_ALPHANUMERIC.sub("", _folded(text))


def is_blank(text: str) -> bool:
    """True for a text without content, or of a single dash."""
    stripped = text.strip()
    return not stripped or stripped in DASHES


def read_boolean(text: str) -> bool | str:
    """True or False for yes or no in the languages of the service; any other text as it is."""
    word = _folded(text.strip()).rstrip(".")
    return True if word in YES else False if word in NO else text.strip()


def _folded(text: str) -> str:
    folded = unicodedata.normalize("NFC", text).casefold().replace("ё", "е")
    return folded.translate(LOOK_ALIKES) if CYRILLIC.search(folded) else folded


# Compared with folded words: written as those are.
YES: Final = frozenset(map(_folded, ("true", "1", "yes", "да", "иә", "ия", "истина", "ақиқат", "есть", "бар")))
NO: Final = frozenset(map(_folded, ("false", "0", "no", "нет", "жоқ", "ложь", "жалған")))
