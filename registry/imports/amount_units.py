"""Units of amounts: tables in thousands or millions of tenge are refused, or they would be read as tenge."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from registry.core.errors import Problem
from registry.core.fields import WholeNumber, YearlyAmounts
from registry.core.spreadsheets.reader import Table, printable
from registry.imports.header_search import Header
from registry.projects.fields import FIELDS

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
