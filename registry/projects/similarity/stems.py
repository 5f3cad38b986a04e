"""Reduced words for comparison: Cyrillic in Latin letters, beginnings instead of endings, one word for one meaning."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from registry.core.search import words_of
from registry.projects.similarity.glossary import COMMON, SAME

# Long enough to tell words apart, short enough to lose endings and to match loan words: медици-на, медици-налық.
STEM_LENGTH: Final = 6
BEGINNING: Final = 5
SHORT_BEGINNING: Final = 4
ENDINGS: Final = "aeiouj"
MIN_STEM_LENGTH: Final = 3
# Voiced as voiceless: Kazakh changes them before endings (кезек, кезегі).
LETTERS: Final = str.maketrans(
    {
        **dict(zip("абвгдезийклмнопрстуфхыіәөүұқғңһэ", "apvkdezijklmnoprstufhiiaouukknhe", strict=True)),
        "ё": "e", "ж": "zh", "ц": "c", "ч": "ch", "ш": "sh", "щ": "sh", "ъ": "", "ь": "", "ю": "iu", "я": "ia",
        "b": "p", "g": "k", "y": "i", "w": "v", "x": "ks",
        "ö": "o", "ü": "u", "ı": "i", "ş": "sh", "ğ": "k", "ñ": "n", "ä": "a", "ū": "u",
    }
)  # fmt: skip
# Two letters, so that their words would be lost: what they stand for hardly counts anyway (glossary.COMMON).
ABBREVIATIONS: Final = frozenset({"is", "ais", "azh", "akzh", "rk", "kr"})


def _plain(word: str) -> str:
    beginning = word.translate(LETTERS)[:STEM_LENGTH]
    shorter = beginning.rstrip(ENDINGS)
    return shorter if len(shorter) >= MIN_STEM_LENGTH else beginning


def _same_words() -> dict[str, str]:
    same: dict[str, str] = {}
    for line in filter(None, (COMMON + SAME).splitlines()):
        words = [_plain(word) for word in words_of(line)]
        meaning = next((same[word] for word in words if word in same), words[0])
        for word in words:
            same.setdefault(word, meaning)
            same.setdefault(word[:BEGINNING], meaning)
    return same


_SAME: Final = _same_words()
COMMON_STEMS: Final = ABBREVIATIONS | {_SAME[_plain(word)] for word in words_of(COMMON)}


@lru_cache(maxsize=1 << 14)
def stem(word: str) -> str:
    """The reduced form of one word of ``words_of``."""
    plain = _plain(word)
    same = _SAME.get(plain) or _SAME.get(plain[:BEGINNING])
    if same is None and not word.isascii():
        # Kazakh and Russian words have long endings; English ones of four equal letters differ in meaning.
        same = _SAME.get(plain[:SHORT_BEGINNING])
    return same or plain


def stems(text: str | None) -> list[str]:
    """The reduced words of a text, in its order."""
    return [stem(word) for word in words_of(text)] if text else []
