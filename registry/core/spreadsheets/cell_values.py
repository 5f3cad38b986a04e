"""Validation of the cells of a row by the fields of a schema."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from marshmallow import ValidationError

from registry.core.base_schema import BaseSchema, body_problems
from registry.core.errors import Problem
from registry.core.fields import AnyDay, Bin, Boolean, Choice, Entries, InputField, Text
from registry.core.spreadsheets.table_child import MAX_CELL_LENGTH, NO_VALUE

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
    """The columns that are fields of a schema. ``readers`` read the cells of some fields otherwise than the field."""
    fields, given = schema.inputs, readers or {}
    return [
        CellField(place, name, _load(fields[name], given.get(name) or _reader(fields[name])))
        for place, name in enumerate(columns)
        if name in fields
    ]


def load_cells(cells: Sequence[str], fields: Iterable[CellField]) -> tuple[dict[str, Any], list[Problem]]:
    """The valid values of a row, None for an empty cell, and the problems of the others.

    Each cell for itself, in half of the time of ``Schema.load``: an import has 100,000 rows. An error or a formula that
    was never calculated is ``cell-without-value``, a cell longer than any field ``cell-too-long``: no field reads it.
    """
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for field in fields:
        cell = cells[field.place]
        if not cell:
            values[field.name] = None
            continue
        if len(cell) > MAX_CELL_LENGTH:
            problems.append(Problem(f"/{field.name}", "cell-too-long", {"limit": MAX_CELL_LENGTH}))
            continue
        try:
            values[field.name] = field.load(cell)
        except ValidationError as error:
            if cell == NO_VALUE:
                problems.append(Problem(f"/{field.name}", "cell-without-value"))
            else:
                problems += body_problems({field.name: error.messages})
    return values, problems


def unescape_formula(cell: str) -> str:
    """The text without the apostrophe that protects it from evaluation as a formula."""
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
