"""Lists as one text: amounts by year (``2026: 1000000; 2027: 2000000``) and lists of texts (``first; second``).

Forms, tables, exports and the database have the text; JSON has the list. A form may have one entry a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

SEPARATOR: Final = ";"
YEAR: Final = "year"
AMOUNT: Final = "amount_kzt"
ENTRIES: Final = re.compile(r"[;\r\n]+")
YEAR_ENTRY: Final = re.compile(r"([0-9]{4})\s*[:=\u2013\u2014-]\s*(.*)", re.DOTALL)


def split_entries(text: str) -> list[str]:
    """The entries of a text, trimmed, without blank ones."""
    return [entry.strip() for entry in ENTRIES.split(text) if entry.strip()]


def split_year(entry: str) -> tuple[int, str] | None:
    """The year and the text of its amount; None for an entry that does not begin with a year."""
    match = YEAR_ENTRY.fullmatch(entry)
    return None if match is None else (int(match[1]), match[2])


def years_text(amounts: Iterable[Mapping[str, Any]]) -> str:
    """The text of amounts by year."""
    return f"{SEPARATOR} ".join(f"{each[YEAR]}: {each[AMOUNT]}" for each in amounts)


def years_from_text(text: str) -> list[dict[str, int]]:
    """The amounts of a text that ``years_text`` wrote."""
    pairs = (entry.split(": ") for entry in split_entries(text))
    return [{YEAR: int(year), AMOUNT: int(amount)} for year, amount in pairs]


def entries_text(entries: Sequence[str]) -> str:
    """The text of a list of texts, none of which has a separator or a line break."""
    return f"{SEPARATOR} ".join(entries)
