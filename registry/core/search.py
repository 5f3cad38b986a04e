"""Full-text search of projects: each query word matches the beginning of a word in names, purpose or number.

PostgreSQL uses a GIN index on the unstemmed words, without a dictionary or an extension, so that Kazakh, Russian and
English are treated alike. SQLite scans all search texts (``registry/projects/queries.py``).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, and_, cast, func
from sqlalchemy.dialects.postgresql import TSQUERY

from registry.core.dialects import has_word_index

WORD = re.compile(r"\w+")
# PostgreSQL cannot index words longer than 2,046 bytes.
MAX_WORD_LENGTH = 100
NAMES: Final = ("name_kk", "name_ru", "name_en")


class Words(NamedTuple):
    """The words of a project's names, in all languages, and of its purpose."""

    names: list[str]
    purpose: list[str]


def project_words(values: Mapping[str, Any]) -> Words:
    """Return the words of a project with these values, for its search text and its fingerprint."""
    purpose = values.get("purpose")
    names = " ".join([values[name] for name in NAMES if values.get(name)])
    return Words(words_of(names), words_of(purpose) if purpose else [])


def search_words(words: Words, number: str) -> str:
    """Return the text that ``q`` searches: a space before each word, so that a prefix can be matched."""
    return " " + " ".join([number.lower().replace("-", " "), *words.names, *words.purpose])


def words_of(text: str) -> list[str]:
    """Return the words of a text in lower case, without punctuation, NFC-normalised; ё becomes е, as most people write
    it.
    """
    folded = unicodedata.normalize("NFC", text).casefold().replace("ё", "е")
    return [word[:MAX_WORD_LENGTH] for word in WORD.findall(folded)]


def contains_words(column: ColumnElement[str], words: list[str]) -> ColumnElement[bool]:
    """Return the condition that a ``search_words`` column has each word as a prefix, evaluated without an index."""
    if not has_word_index():
        # A third of the time of LIKE, which compares letter by letter.
        return and_(*(func.instr(column, f" {word}") > 0 for word in words))
    return and_(*(column.contains(f" {word}", autoescape=True) for word in words))


def matches_words(column: ColumnElement[str], words: list[str]) -> ColumnElement[bool]:
    """Return the condition that a ``search_words`` column has each word as a prefix, using the index on PostgreSQL."""
    if not has_word_index():
        return contains_words(column, words)
    indexed = func.array_to_tsvector(func.string_to_array(func.ltrim(column, " "), " "))
    # A word consists of letters, digits and underscores, so it cannot contain a quote.
    return indexed.op("@@")(cast(" & ".join(f"'{word}':*" for word in words), TSQUERY))
