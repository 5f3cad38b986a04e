"""Conversion of spreadsheet cells to values for field types."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from registry.core.errors import Problem
from registry.core.field_types import Bin, Choice, Kind, Whole, YesNo
from registry.core.spreadsheets.xlsx_child import NO_VALUE

# A spreadsheet treats a cell that begins with one of these as a formula; a leading apostrophe makes it text.
FORMULA_PREFIXES: Final = "=+-@\t\r"
ESCAPED_FORMULA: Final = re.compile(rf"'+[{re.escape(FORMULA_PREFIXES)}]")
# Codes with leading zeros, which spreadsheets drop.
ZERO_PADDED_WIDTHS: Final[Mapping[str, int]] = {
    "bin": 12,
    "agency": 12,
    "supplier_bin": 12,
    "parent_bin": 12,
    "region": 2,
    "sector": 2,
}
WHOLE: Final = re.compile(r"-?[0-9]{1,30}")
YES: Final = frozenset({"true", "1", "yes", "да", "иә", "истина"})
NO: Final = frozenset({"false", "0", "no", "нет", "жоқ", "ложь"})

CellReader = Callable[[str], object]


def cell_readers(columns: Sequence[str], kinds: Mapping[str, Kind]) -> list[tuple[int, str, CellReader]]:
    """For each column that is a field: its position, its name and the reader of its cells."""
    return [(place, name, _reader(name, kinds[name])) for place, name in enumerate(columns) if name in kinds]


def read_cells(cells: Sequence[str], of: Iterable[tuple[int, str, CellReader]]) -> dict[str, object]:
    """The cells of a row as values for field types; None for an empty cell."""
    return {name: read(cells[place]) if cells[place] else None for place, name, read in of}


def cell_problem(cell: str, problem: Problem) -> Problem:
    """The problem, or ``cell-without-value`` for a cell with an error or a formula that was never calculated."""
    return Problem(problem.pointer, "cell-without-value") if cell == NO_VALUE else problem


def unescape_formula(cell: str) -> str:
    """The text without the apostrophe that protects it from evaluation as a formula."""
    return cell[1:] if cell[0] == "'" and ESCAPED_FORMULA.match(cell) else cell


def _reader(name: str, kind: Kind) -> CellReader:
    if isinstance(kind, Whole):
        return _whole
    if isinstance(kind, YesNo):
        return _yes_or_no
    if name in ZERO_PADDED_WIDTHS:
        width = ZERO_PADDED_WIDTHS[name]
        return lambda cell: _padded(cell.strip(), width)
    if isinstance(kind, Choice | Bin):
        return str.strip
    return unescape_formula


def _padded(text: str, width: int) -> str:
    return text.zfill(width) if text.isascii() and text.isdigit() else text


def _whole(cell: str) -> object:
    text = cell.strip()
    return int(text) if WHOLE.fullmatch(text) else text or None


def _yes_or_no(cell: str) -> object:
    text = cell.strip().casefold()
    if text in YES:
        return True
    return False if text in NO else text or None
