"""Rows of a table: validation of cells by the fields of a schema, and rows with errors."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, NamedTuple

from marshmallow import ValidationError

from registry.core.errors import Problem
from registry.core.fields import AnyDay, BaseSchema, Bin, Boolean, Choice, Entries, InputField, Text, body_problems
from registry.core.spreadsheets.csv_and_xlsx import MAX_CELL_LENGTH, NO_VALUE
from registry.core.spreadsheets.reader import Row

# Validation of the cells of a row by the fields of a schema.

# A spreadsheet treats a cell that begins with one of these as a formula, the full-width signs where the language is
# Japanese or Chinese; a leading apostrophe makes it text.
FORMULA_PREFIXES: Final = "=+-@\t\r\uff1d\uff0b\uff0d\uff20"
ESCAPED_FORMULA: Final = re.compile(rf"'+[{re.escape(FORMULA_PREFIXES)}]")

# Their columns have few different cells: each is read once: a third of the time of reading projects.
REPETITIVE: Final = (AnyDay, Bin, Boolean, Choice)
MAX_REMEMBERED: Final = 4096

CellReader = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class CellField:
    """A column that is a field: its position, its name and what reads and validates a cell that is not empty."""

    place: int
    name: str
    load: Callable[[str], Any]


def cell_fields(
    columns: Sequence[str], schema: BaseSchema, readers: Mapping[str, CellReader] | None = None
) -> list[CellField]:
    """Return the columns that are fields of a schema. ``readers`` read the cells of some fields otherwise than the
    field.
    """
    fields, given = schema.inputs, readers or {}
    return [
        CellField(place, name, _load(fields[name], given.get(name) or _reader(fields[name])))
        for place, name in enumerate(columns)
        if name in fields
    ]


def load_cells(cells: Sequence[str], fields: Iterable[CellField]) -> tuple[dict[str, Any], list[Problem]]:
    """Return the valid values of a row, None for an empty cell, and the problems of the others.

    Each cell for itself, in half of the time of ``Schema.load``: an import has 100,000 rows. An error or a formula that
    was never calculated is ``cell-without-value``, a cell longer than any field ``cell-too-long``: no field reads it.
    """
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for column in fields:
        cell = cells[column.place]
        if not cell:
            values[column.name] = None
            continue
        if len(cell) > MAX_CELL_LENGTH:
            problems.append(Problem(f"/{column.name}", "cell-too-long", {"limit": MAX_CELL_LENGTH}))
            continue
        try:
            values[column.name] = column.load(cell)
        except ValidationError as error:
            if cell == NO_VALUE:
                problems.append(Problem(f"/{column.name}", "cell-without-value"))
            else:
                problems += body_problems({column.name: error.messages})
    return values, problems


def load_row(
    row: Row, columns: Sequence[str], fields: Iterable[CellField], required: Iterable[str] = ()
) -> tuple[dict[str, Any], list[Problem]]:
    """Return what ``load_cells`` does, with the problems of a row that is too long and of required cells."""
    values, problems = load_cells(row.cells, fields)
    if row.surplus:
        problems.append(Problem("", "row-too-long", {"columns": len(columns), "surplus": row.surplus}))
    # A cell with a problem has no value, not even None.
    return values, problems + [Problem(f"/{name}", "required") for name in required if values.get(name, "") is None]


def unescape_formula(cell: str) -> str:
    """Return the text without the apostrophe that protects it from evaluation as a formula."""
    return cell[1:] if cell[0] == "'" and ESCAPED_FORMULA.match(cell) else cell


def _load(field: InputField, read: CellReader) -> Callable[[str], Any]:
    def load(cell: str) -> Any:
        value = read(cell)
        return None if value is None else field.deserialize(value)

    return lru_cache(MAX_REMEMBERED)(load) if isinstance(field, REPETITIVE) else load


def _reader(field: InputField) -> CellReader:
    if isinstance(field, Text | Entries):
        return lambda cell: field.from_text(unescape_formula(cell))
    return field.from_text


# Rows of an import and their results.

MAX_SHOWN_LENGTH = 200


class ImportRow(NamedTuple):
    """A validated row: its accepted values and the problems found so far.

    ``key`` identifies the record: the BIN, or agency, external id and number. ``cells`` are the texts of the file.
    """

    row: int
    key: tuple[str | None, ...]
    values: dict[str, Any]
    problems: list[Problem]
    cells: Sequence[str] = ()


@dataclass(slots=True)
class ImportResult:
    """Counts of created, updated, unchanged and rejected rows, and the errors of the rejected ones.

    ``unanswered``: of the rejected rows, those that ask whether they are a registered project or a new one.
    ``preview``: what a dry run would do with each row.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    unanswered: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)
    preview: list[dict[str, Any]] = field(default_factory=list)

    def reject(self, row: int, problems: Iterable[Problem], cells: Mapping[str, str] | None = None) -> None:
        """Count a row as rejected and add its errors. ``cells``: the texts of the row by column."""
        self.rejected += 1
        self.errors += [row_error(row, problem, (cells or {}).get(problem.pointer[1:])) for problem in problems]

    @property
    def processed(self) -> int:
        """The total number of rows."""
        return self.created + self.updated + self.unchanged + self.rejected


def row_error(row: int, problem: Problem, cell: str | None = None) -> dict[str, Any]:
    """``{row, column, code, params, value}``; ``column`` is None when the problem concerns the whole row."""
    return {
        "row": row,
        "column": problem.pointer[1:] or None,
        "code": problem.code,
        "params": problem.params,
        "value": None if cell is None else shown_value(cell),
    }


def shown_value(cell: str) -> str | None:
    """Return the text of a cell as errors display it: shortened, without control characters; None for an empty one."""
    if not cell or cell == NO_VALUE:
        return None
    return "".join(
        letter if letter.isprintable() or letter in "\n\t" else "\N{REPLACEMENT CHARACTER}"
        for letter in cell[:MAX_SHOWN_LENGTH]
    )
