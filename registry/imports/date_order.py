"""Order of day and month in a file: dates are read day first, and columns that have the month first are refused."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from registry.core.errors import Problem
from registry.core.fields import AnyDay
from registry.core.spreadsheets.reader import Row, printable
from registry.projects.fields import FIELDS

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
        """A problem for each column in which more dates have the month first than the day, and others could be either.

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
