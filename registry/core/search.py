"""Search in projects: every word of the query, or its beginning, in names, purpose and number.

PostgreSQL looks in a GIN index over the words as they are: no dictionary, no stemming, so that Kazakh, Russian and
English are treated alike, and no extension. SQLite looks through all rows.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, and_, cast, func
from sqlalchemy.dialects.postgresql import TSQUERY

from registry.core.database import is_sqlite

WORD = re.compile(r"\w+")
# PostgreSQL indexes no word longer than 2,046 bytes, and nobody looks for one.
LONGEST_WORD = 100


def search_words(values: Mapping[str, Any], number: str) -> str:
    """The text that ``q`` looks in: each word after a space, so that a word's beginning can be asked for."""
    parts = [number, *(values.get(name) for name in ("name_kk", "name_ru", "name_en", "purpose"))]
    return " " + " ".join(words_of(" ".join(part for part in parts if part)))


def words_of(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation; ё is е, as most write it, and a letter is one sign."""
    folded = unicodedata.normalize("NFC", text).casefold().replace("ё", "е")
    return [word[:LONGEST_WORD] for word in WORD.findall(folded)]


def holds_words(column: ColumnElement[str], words: list[str]) -> ColumnElement[bool]:
    """That a column of ``search_words`` has each of the words, or one that begins so, seen row by row."""
    return and_(*(column.contains(f" {word}", autoescape=True) for word in words))


def has_words(column: ColumnElement[str], words: list[str]) -> ColumnElement[bool]:
    """The same, asked of the index where there is one."""
    if is_sqlite():
        return holds_words(column, words)
    indexed = func.array_to_tsvector(func.string_to_array(func.ltrim(column, " "), " "))
    # A word is letters, digits and underscores: nothing in it can end the quotes.
    return indexed.op("@@")(cast(" & ".join(f"'{word}':*" for word in words), TSQUERY))
