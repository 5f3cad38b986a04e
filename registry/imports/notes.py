"""What a table means beside its records: rows that are none, units of amounts, the order of day and month."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from typing import Final

from registry.core.errors import Problem
from registry.core.fields import AnyDay, WholeNumber, YearlyAmounts
from registry.core.spreadsheets.reader import Row, Table, printable
from registry.core.values import comparable
from registry.imports.header_search import Header
from registry.projects.fields import FIELDS

# Units of amounts: tables in thousands or millions of tenge are refused, or they would be read as tenge.

MULTIPLE: Final = r"(?:тыс(?:\.|яч\w*)?|мың|млн\.?|миллион\w*|млрд\.?|миллиард\w*|thousands?|million\w*|mln|bln)"
TENGE: Final = r"(?:тенге|теңге\w*|тг\.?|₸|kzt|tenge)"
IN_HEADER: Final = re.compile(rf"(?<![^\W\d_]){MULTIPLE}(?![^\W\d_])", re.IGNORECASE)
# A cell that is a unit, or what a title ends with: "(в тыс. тенге)".
IS_UNIT: Final = re.compile(rf"(?:ед(?:\.|иница) ?изм\w*+\.? ?)?(?:в )?{MULTIPLE} ?{TENGE}[ ).]*", re.IGNORECASE)
BEFORE_UNIT: Final = re.compile("[(,;:–-]")
AMOUNTS: Final = frozenset(
    name for name, field in FIELDS.items() if name.endswith("_kzt") and isinstance(field, WholeNumber)
) | {name for name, field in FIELDS.items() if isinstance(field, YearlyAmounts)}
ROWS_BELOW: Final = 2


def unit_problems(table: Table, header: Header, columns: Sequence[str | None]) -> Iterator[Problem]:
    """The problems of columns of amounts that are not in tenge, by their headers, or a unit above or below the header.

    Raises Invalid where the file is unreadable.
    """
    below = [cell for row in islice(table.rows(header.number, len(columns)), ROWS_BELOW) for cell in row.cells]
    unit = next((cell for cell in (*header.above, *below) if _is_unit(cell)), None)
    for place, name in enumerate(columns):
        if name not in AMOUNTS:
            continue
        full = header.full[place] if place < len(header.full) else ""
        shown = full if IN_HEADER.search(full) else unit
        if shown is not None:
            yield Problem("/file", "amounts-in-thousands", {"column": printable(" ".join(shown.split()))})


def _is_unit(cell: str) -> bool:
    return IS_UNIT.fullmatch(" ".join(BEFORE_UNIT.split(cell)[-1].split())) is not None


# Order of day and month in a file: dates are read day first, and columns that have the month first are refused.

SLASHED: Final = re.compile(r"\s*([0-9]{1,2})/([0-9]{1,2})/[0-9]{4}(?:\s.*)?")
DATES: Final = frozenset(name for name, field in FIELDS.items() if isinstance(field, AnyDay))
MONTHS_A_YEAR: Final = 12


class DateOrder:
    """Sees the rows of a file. Of 03/02/2026 nobody can say which is the month; of 02/13/2026 it is the first."""

    def __init__(self, columns: Sequence[str | None]) -> None:
        self._places = [place for place, name in enumerate(columns) if name in DATES]
        self._day_first = dict.fromkeys(self._places, 0)
        self._in_doubt = dict.fromkeys(self._places, 0)
        self._month_first: dict[int, list[tuple[int, str]]] = {place: [] for place in self._places}

    def see(self, row: Row) -> None:
        """Note the order of the dates of a row."""
        for place in self._places:
            cell = row.cells[place]
            if "/" not in cell or (date := SLASHED.fullmatch(cell)) is None:
                continue
            first, second = int(date[1]), int(date[2])
            if first <= MONTHS_A_YEAR < second:
                self._month_first[place].append((row.number, cell))
            elif second <= MONTHS_A_YEAR < first:
                self._day_first[place] += 1
            elif max(first, second) <= MONTHS_A_YEAR and first != second:
                self._in_doubt[place] += 1

    def problems(self, headers: Sequence[str]) -> list[Problem]:
        """Return a problem for each column in which more dates have the month first than the day, and others could be
        either.

        Without dates in doubt, nothing would be read wrongly: the rows with the month first are rejected by themselves.
        """
        return [
            Problem(
                "/file",
                "dates-month-first",
                {"column": printable(headers[place]), "row": dates[0][0], "value": printable(dates[0][1].strip())},
            )
            for place, dates in self._month_first.items()
            if self._in_doubt[place] and len(dates) > self._day_first[place]
        ]


# Rows that are no records: numbers of columns, totals, headings, signatures, examples, a header once more.

TOTALS: Final = re.compile(
    r"\W*(?:всего|итого|итог|жиыны|жиынтығы|барлығы|қорытынды|total|grand\s*total)\b.*", re.IGNORECASE | re.DOTALL
)
# What the template has in the key of its example row.
EXAMPLES: Final = frozenset(map(comparable, ("пример", "мысал", "example")))
# First letters of totals and examples: most keys need no further look.
NOTE_LETTERS: Final = frozenset('иИвВжЖбБқҚпПмМtTgGeE"«')
# In tables with so many fields a row with one of them, and without a key, is a signature or a heading.
MIN_COLUMNS_OF_RECORDS: Final = 4
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
    if not text:
        return any(TOTALS.fullmatch(cell) for cell in cells if cell) or (
            len(known) >= MIN_COLUMNS_OF_RECORDS and _filled(cells, known) <= 1
        )
    if text[0] in NOTE_LETTERS and (
        (TOTALS.fullmatch(text) is not None and _filled(cells, known) * 2 < len(known)) or comparable(text) in EXAMPLES
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


def _filled(cells: Sequence[str], places: Sequence[int]) -> int:
    return sum(bool(cells[place].strip()) for place in places)
