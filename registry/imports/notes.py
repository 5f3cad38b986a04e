"""Rows of a table that are no records: numbers of columns, totals, headings, signatures, examples, headers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from registry.core.spreadsheets.reader import Table
from registry.core.values import comparable

TOTALS: Final = re.compile(
    r"\W*(?:всего|итого|итог|в том числе|из них|оның ішінде|жиыны|жиынтығы|барлығы|қорытынды|total|grand\s*total)\b.*",
    re.IGNORECASE | re.DOTALL,
)
# What the template has in the key of its example row.
EXAMPLES: Final = frozenset(map(comparable, ("пример", "мысал", "example")))
# First letters of totals and examples: most keys need no further look.
NOTE_LETTERS: Final = frozenset('иИвВжЖбБқҚоОпПмМtTgGeE"«')
# In tables with so many columns a row with one cell is a signature or a heading, unless the cell is a code.
MIN_COLUMNS_OF_RECORDS: Final = 4
BLANK: Final = re.compile(r"\s")
# An amount, or those of years, and no date.
AMOUNT: Final = re.compile(r"(?![0-9]{1,4}[./-][0-9]{1,2}[./-])[0-9\s.,:;'₸–-]+")
MIN_NUMBERED: Final = 3
MAX_COLUMN_NUMBER: Final = 200
# The number of a column: 8, "8.", "8=6+7"; forms number their first columns with letters.
COLUMN_NUMBER: Final = re.compile(r"([0-9]{1,3}) ?[.)]? ?(?:=[0-9 +*/x().=-]*)?")
COLUMN_LETTER: Final = re.compile(r"[^\W\d_]")


def is_note(cells: Sequence[str], key: int, known: Sequence[int], headers: Sequence[str]) -> bool:
    """True for a total, a signature, an example, a repeated header: a row that no project or agency can be.

    ``key``: the place of the column that identifies a record; ``known``: those that are fields.
    """
    text = cells[key].strip()
    filled = [cell for cell in map(str.strip, cells) if cell]
    is_wide = sum(map(bool, headers)) >= MIN_COLUMNS_OF_RECORDS
    if not text:
        is_bare = len(known) >= MIN_COLUMNS_OF_RECORDS and sum(bool(cells[place].strip()) for place in known) <= 1
        return is_bare or (is_wide and len(filled) <= 1) or any(map(TOTALS.fullmatch, filled))
    if len(filled) == 1 and is_wide and BLANK.search(text):
        return True
    if text[0] in NOTE_LETTERS and (
        (TOTALS.fullmatch(text) is not None and all(cell == text or AMOUNT.fullmatch(cell) for cell in filled))
        or comparable(text) in EXAMPLES
    ):
        return True
    return comparable(text) == comparable(headers[key]) and _is_header(cells, known, headers)


def below_column_numbers(table: Table, header: int, width: int) -> int:
    """Return the number of the record below the header when it only numbers the columns, else the header's."""
    row = next(table.rows(header, width), None)
    return row.number if row is not None and _numbers_columns(row.cells) else header


def _numbers_columns(cells: Sequence[str]) -> bool:
    """True for 1 2 3 4, А Б 1 2 3, and 1 2 3=1+2."""
    filled = [text for cell in cells if (text := " ".join(cell.split()))]
    letters = 0
    while letters < len(filled) and COLUMN_LETTER.fullmatch(filled[letters]):
        letters += 1
    matches = [COLUMN_NUMBER.fullmatch(cell) for cell in filled[letters:]]
    numbers = [int(match[1]) for match in matches if match is not None]
    if len(filled) < MIN_NUMBERED or len(numbers) < len(matches) or not numbers:
        return False
    # Columns that were hidden or deleted leave gaps.
    is_rising = all(before < after for before, after in pairwise(numbers))
    return is_rising and numbers[0] <= 1 and numbers[-1] <= MAX_COLUMN_NUMBER


def _is_header(cells: Sequence[str], known: Sequence[int], headers: Sequence[str]) -> bool:
    filled = [place for place in known if cells[place].strip()]
    return bool(filled) and all(comparable(cells[place]) == comparable(headers[place]) for place in filled)
