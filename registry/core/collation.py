"""Collation for the Kazakh alphabet: Ә after А, Ғ after Г, І after Ы. By code point they would come after Я.

Both databases have a collation named ``kazakh``. On PostgreSQL the migrations create it from ICU where the server was
built with ICU (all the usual packages are) and by code point otherwise; on SQLite this module's function is registered
on each connection. Different texts never compare as equal, so that cursor pagination has a total order.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement

COLLATION: Final = "kazakh"
ALPHABET: Final = "аәбвгғдеёжзийкқлмнңоөпрстуұүфхһцчшщъыіьэюя"
POSITIONS: Final = {letter: place for place, letter in enumerate(ALPHABET)}


def sort_in_kazakh(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return a text column with the Kazakh collation, for sorting and comparing."""
    return column.collate(COLLATION)


def kazakh_key(text: str) -> tuple[list[tuple[int, int]], list[bool], str]:
    """Return the sort key of a text: signs and digits, Cyrillic, then other letters; upper case after lower case."""
    return [_letter_key(letter) for letter in text.casefold()], [letter.isupper() for letter in text], text


def compare(one: str, other: str) -> int:
    """-1, 0 or 1, as SQLite expects of a collation function."""
    if one == other:
        return 0
    return -1 if kazakh_key(one) < kazakh_key(other) else 1


def _letter_key(letter: str) -> tuple[int, int]:
    if letter in POSITIONS:
        return 1, POSITIONS[letter]
    return (2 if letter.isalpha() else 0), ord(letter)
