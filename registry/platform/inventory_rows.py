"""Rows of the platform inventory: platform key, agency and verification date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from registry.agencies.models import Agency
from registry.agencies.service import closed_problem
from registry.core.base_schema import BaseSchema
from registry.core.errors import Problem
from registry.core.fields import Bin, Day, Text
from registry.core.spreadsheets.cell_values import cell_fields, load_cells
from registry.core.spreadsheets.reader import Sheet
from registry.core.spreadsheets.row_errors import ImportResult


class InventoryFields(BaseSchema):
    """The columns of the inventory."""

    platform_key = Text(required=True)
    agency = Bin(required=True)
    verified_on = Day(required=True)


ROW: Final = InventoryFields()
COLUMNS: Final = tuple(ROW.inputs)


@dataclass(frozen=True, slots=True)
class InventoryRow:
    """A valid row; ``agency`` is the BIN."""

    row: int
    agency: str
    agency_id: int
    verified_on: date


def read_inventory_rows(
    sheet: Sheet, agencies: Mapping[str, Agency], latest: date
) -> tuple[ImportResult, dict[str, InventoryRow], set[str]]:
    """Validate the rows; returns the errors, the valid rows by platform key, and the keys of invalid rows.

    Of several rows with the same key only the first is valid. ``agencies``: all by BIN; dates after ``latest``
    are invalid.
    """
    outcome = ImportResult()
    rows: dict[str, InventoryRow] = {}
    bad_keys: set[str] = set()
    fields = cell_fields(sheet.columns, ROW)
    for row in sheet.rows():
        values, wrong = load_cells(row.cells, fields)
        named = {problem.pointer for problem in wrong}
        wrong += [
            Problem(f"/{name}", "required") for name in COLUMNS if values.get(name) is None and f"/{name}" not in named
        ]
        problems = (
            [Problem("", "row-too-long", {"columns": len(COLUMNS), "surplus": row.surplus})] if row.surplus else []
        )
        problems += wrong
        key, agency, day = values.get("platform_key"), values.get("agency"), values.get("verified_on")
        if agency is not None and agency not in agencies:
            problems.append(Problem("/agency", "agency-unknown", {"bin": agency}))
        elif agency is not None and (closed := closed_problem(agencies[agency], "/agency")) is not None:
            problems.append(closed)
        if day is not None and day > latest:
            problems.append(Problem("/verified_on", "date-after-today"))
        if key in rows:
            problems.append(Problem("/platform_key", "platform-key-twice", {"row": rows[key].row}))
        if problems or key is None or agency is None or day is None:
            outcome.reject(row.number, problems)
            if key is not None:
                bad_keys.add(key)
        else:
            rows[key] = InventoryRow(row.number, agency, agencies[agency].id, day)
    return outcome, rows, bad_keys
