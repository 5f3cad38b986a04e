"""The order of the Kazakh alphabet, for names: Ә after А, Ғ after Г, І after Ы. By code points they come after Я.

In both databases it is a collation named ``kazakh``. On PostgreSQL the migrations make it, from ICU's where the server
was built with ICU (all the usual packages are) and by code points where not; SQLite is given this one on each
connection. It tells apart whatever differs, so that pages walked by cursor have one order.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement

COLLATION: Final = "kazakh"
ALPHABET: Final = "аәбвгғдеёжзийкқлмнңоөпрстуұүфхһцчшщъыіьэюя"
PLACES: Final = {letter: place for place, letter in enumerate(ALPHABET)}


def in_kazakh_order(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A column of text, to sort and to compare by the Kazakh alphabet."""
    return column.collate(COLLATION)


def kazakh_key(text: str) -> tuple[list[tuple[int, int]], list[bool], str]:
    """What texts are sorted by: signs and digits, Cyrillic, then other letters; a capital after its small letter."""
    return [_place(letter) for letter in text.casefold()], [letter.isupper() for letter in text], text


def compare(one: str, other: str) -> int:
    """Below, equal or above, as SQLite asks a collation."""
    if one == other:
        return 0
    return -1 if kazakh_key(one) < kazakh_key(other) else 1


def _place(letter: str) -> tuple[int, int]:
    if letter in PLACES:
        return 1, PLACES[letter]
    return (2 if letter.isalpha() else 0), ord(letter)
