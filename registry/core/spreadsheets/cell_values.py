"""Conversion of spreadsheet cells to the JSON values that schemas load."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from registry.core.errors import Problem
from registry.core.fields import Bin, Choice, InputField, Text
from registry.core.list_fields import Entries
from registry.core.spreadsheets.xlsx_child import NO_VALUE

# A spreadsheet treats a cell that begins with one of these as a formula; a leading apostrophe makes it text.
FORMULA_PREFIXES: Final = "=+-@\t\r"
BIN_LENGTH: Final = 12
ESCAPED_FORMULA: Final = re.compile(rf"'+[{re.escape(FORMULA_PREFIXES)}]")

CellReader = Callable[[str], object]


def cell_readers(columns: Sequence[str], fields: Mapping[str, InputField]) -> list[tuple[int, str, CellReader]]:
    """For each column that is a field: its position, its name and the reader of its cells."""
    return [(place, name, _reader(fields[name])) for place, name in enumerate(columns) if name in fields]


def read_cells(cells: Sequence[str], of: Iterable[tuple[int, str, CellReader]]) -> dict[str, object]:
    """The cells of a row as JSON values; None for an empty cell."""
    return {name: read(cells[place]) if cells[place] else None for place, name, read in of}


def cell_problems(columns: Sequence[str], cells: Sequence[str], problems: Iterable[Problem]) -> list[Problem]:
    """The problems of a row, with ``cell-without-value`` for an error or a formula that was never calculated."""
    cell_of = dict(zip(columns, cells, strict=True))
    return [
        Problem(problem.pointer, "cell-without-value") if cell_of[problem.pointer[1:]] == NO_VALUE else problem
        for problem in problems
    ]


def unescape_formula(cell: str) -> str:
    """The text without the apostrophe that protects it from evaluation as a formula."""
    return cell[1:] if cell[0] == "'" and ESCAPED_FORMULA.match(cell) else cell


def _reader(field: InputField) -> CellReader:
    if isinstance(field, Text | Entries):
        return lambda cell: field.from_cell(unescape_formula(cell))
    width = _code_width(field)
    return (lambda cell: field.from_cell(_padded(cell.strip(), width))) if width else field.from_cell


def _code_width(field: InputField) -> int:
    """The number of digits of codes that consist of digits only, of which spreadsheets drop leading zeros; else 0."""
    if isinstance(field, Bin):
        return BIN_LENGTH
    if isinstance(field, Choice) and all(option.isdigit() for option in field.options):
        return max(map(len, field.options))
    return 0


def _padded(text: str, width: int) -> str:
    return text.zfill(width) if text.isascii() and text.isdigit() else text
