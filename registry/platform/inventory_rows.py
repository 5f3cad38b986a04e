"""Rows of the platform inventory: platform key, agency and verification date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from registry.core.errors import Problem
from registry.core.field_types import Bin, Day, InvalidValue, Kind, Text
from registry.core.spreadsheets.cell_values import cell_problem, cell_readers, read_cells
from registry.core.spreadsheets.reader import Sheet
from registry.core.spreadsheets.row_errors import ImportResult

KINDS: Final[Mapping[str, Kind]] = {"platform_key": Text(), "agency": Bin(), "verified_on": Day()}
COLUMNS: Final = tuple(KINDS)


@dataclass(frozen=True, slots=True)
class InventoryRow:
    """A valid row; ``agency`` is the BIN."""

    row: int
    agency: str
    agency_id: int
    verified_on: date


def read_inventory_rows(
    sheet: Sheet, agencies: Mapping[str, int], latest: date
) -> tuple[ImportResult, dict[str, InventoryRow], set[str]]:
    """Validate the rows; returns the errors, the valid rows by platform key, and the keys of invalid rows.

    Of several rows with the same key only the first is valid. ``agencies`` maps BINs to ids; dates after ``latest``
    are invalid.
    """
    outcome = ImportResult()
    rows: dict[str, InventoryRow] = {}
    bad_keys: set[str] = set()
    of = cell_readers(sheet.columns, KINDS)
    for row in sheet.rows():
        raw = read_cells(row.cells, of)
        values: dict[str, Any] = {}
        problems = (
            [Problem("", "row-too-long", {"columns": len(COLUMNS), "surplus": row.surplus})] if row.surplus else []
        )
        for name, kind in KINDS.items():
            try:
                values[name] = kind.accept(raw[name])
            except InvalidValue as error:
                cell = row.cells[sheet.columns.index(name)]
                problems.append(cell_problem(cell, Problem(f"/{name}", error.code, error.params)))
            else:
                if values[name] is None:
                    problems.append(Problem(f"/{name}", "required"))
        key, agency, day = values.get("platform_key"), values.get("agency"), values.get("verified_on")
        if agency is not None and agency not in agencies:
            problems.append(Problem("/agency", "agency-unknown", {"bin": agency}))
        if day is not None and day > latest:
            problems.append(Problem("/verified_on", "date-after-today"))
        if key in rows:
            problems.append(Problem("/platform_key", "platform-key-twice", {"row": rows[key].row}))
        if problems or key is None or agency is None or day is None:
            outcome.reject(row.number, problems)
            if key is not None:
                bad_keys.add(key)
        else:
            rows[key] = InventoryRow(row.number, agency, agencies[agency], day)
    return outcome, rows, bad_keys
