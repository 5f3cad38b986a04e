"""From the text of a cell to what a field accepts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from registry.core.errors import Problem
from registry.core.field_types import Bin, Choice, Kind, Whole, YesNo
from registry.core.spreadsheets.xlsx_child import NO_VALUE

# A spreadsheet reads a cell that begins so as a formula; an apostrophe before it makes it text.
FORMULA_SIGNS: Final = "=+-@\t\r"
GUARDED: Final = re.compile(rf"'+[{re.escape(FORMULA_SIGNS)}]")
# Numbers that are written with leading zeros, which a spreadsheet drops.
WIDTHS: Final[Mapping[str, int]] = {
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

Read = Callable[[str], object]


def readers(columns: Sequence[str], kinds: Mapping[str, Kind]) -> list[tuple[int, str, Read]]:
    """For each column that is a field: its place, its name and how its cells are read."""
    return [(place, name, _reader(name, kinds[name])) for place, name in enumerate(columns) if name in kinds]


def read_cells(cells: Sequence[str], of: Iterable[tuple[int, str, Read]]) -> dict[str, object]:
    """The cells of a row as values for its fields to accept; None for an empty one."""
    return {name: read(cells[place]) if cells[place] else None for place, name, read in of}


def cell_problem(cell: str, problem: Problem) -> Problem:
    """The problem, or that the cell has no value: it holds an error or a formula that was never worked out."""
    return Problem(problem.pointer, "cell-without-value") if cell == NO_VALUE else problem


def unguarded(cell: str) -> str:
    """The text without the apostrophe that keeps a spreadsheet from running it."""
    return cell[1:] if cell[0] == "'" and GUARDED.match(cell) else cell


def _reader(name: str, kind: Kind) -> Read:
    if isinstance(kind, Whole):
        return _whole
    if isinstance(kind, YesNo):
        return _yes_or_no
    if name in WIDTHS:
        width = WIDTHS[name]
        return lambda cell: _padded(cell.strip(), width)
    if isinstance(kind, Choice | Bin):
        return str.strip
    return unguarded


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
