"""Comparison of written words regardless of case, blanks, quotes, punctuation and ё/е."""

from __future__ import annotations

import unicodedata
from typing import Final

# Excel fills cells with no-break, thin and figure spaces; a leading apostrophe marks a text.
BLANKS: Final = str.maketrans("", "", " \u00a0\u2007\u2009\u202f\t\r\n'\u2019\ufeff\u200b")
# What people write into a cell that has nothing to say.
DASHES: Final = frozenset("-\u2010\u2011\u2012\u2013\u2014\u2212")
YES: Final = frozenset({"true", "1", "yes", "да", "иә", "ия", "истина", "ақиқат"})
NO: Final = frozenset({"false", "0", "no", "нет", "жоқ", "ложь", "жалған"})


def comparable(text: str) -> str:
    """The letters and digits of a text in lower case, ё as е: equal for two spellings of the same words."""
    folded = unicodedata.normalize("NFC", text).casefold().replace("ё", "е")
    return "".join(letter for letter in folded if letter.isalnum())


def is_blank(text: str) -> bool:
    """True for a text without content, or of a single dash."""
    stripped = text.strip()
    return not stripped or stripped in DASHES


def read_boolean(text: str) -> bool | str:
    """True or False for yes or no in the languages of the service; any other text as it is."""
    word = text.strip().casefold().rstrip(".")
    return True if word in YES else False if word in NO else text.strip()
