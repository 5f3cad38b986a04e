"""Process that reads a table: CSV or XLSX from stdin becomes plain CSV on stdout.

Run as ``python -m registry.core.spreadsheets.table_child``. The first line of the output is JSON: ``{"problems":
[[code, params]]}``, or ``{"is_workbook": …, "sheets": [{"name", "is_hidden", "is_whole", "size"}]}``. The tables of the
sheets follow, ``size`` bytes each: UTF-8, commas, all cells are text and at most ``MAX_CELL_LENGTH`` + 1 long.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Any

from registry.core.child_processes import limit_itself
from registry.core.errors import Invalid, invalid
from registry.core.spreadsheets.csv_reader import as_utf8, csv_records
from registry.core.spreadsheets.xlsx_archive import ZIP, ArchiveRejected, inspect_archive

# Replaces a cell without a usable value; no field type accepts it.
NO_VALUE = "\x7f"
# The longest text of a field: a list of 50 entries of 200 characters. A longer cell is cut, and refused by its length.
MAX_CELL_LENGTH = 10_100
# As many as Excel has; of further cells one is left, so that the row is known to be too long.
MAX_COLUMNS = 16_384
BEYOND = "…"
MAX_TABLE_SIZE = 64 << 20
# More than a file of 20 MiB has of rows that can be registered; each further one costs those who wait.
MAX_ROWS = 500_000
# Twice as many as Excel has.
MAX_RECORDS = 1 << 21
# Visible sheets that are read; of others only the first rows, to see whether a table is in them.
WHOLE_SHEETS = 5
MAX_SHEETS = 20
FIRST_ROWS = 60
MAX_EXACT_INTEGER = 2**53
# Keeps halves of characters, which are reported for their row.
ERRORS = "surrogatepass"


def main() -> None:
    """Read the file from stdin and write its tables to stdout."""
    limit_itself()
    content = sys.stdin.buffer.read()
    try:
        head, tables = _workbook(content) if content.startswith(ZIP) else _csv(content)
    except Invalid as error:
        head, tables = {"problems": [[each.code, each.params] for each in error.problems]}, []
    except ArchiveRejected as error:
        head, tables = {"problems": [[error.code, error.params]]}, []
    except MemoryError:
        head, tables = {"problems": [["xlsx-too-large" if content.startswith(ZIP) else "csv-too-large", {}]]}, []
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n")
    for table in tables:
        sys.stdout.buffer.write(table)


def _csv(content: bytes) -> tuple[dict[str, Any], list[bytes]]:
    records = (cells for _, cells in csv_records(as_utf8(content)))
    table = _as_csv(records, MAX_TABLE_SIZE, "csv-too-large")
    return {"is_workbook": False, "sheets": [_sheet("", len(table))]}, [table]


def _workbook(content: bytes) -> tuple[dict[str, Any], list[bytes]]:
    unusable = inspect_archive(content)
    # Imported after the limits are set, so that they also cover the import.
    from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

    sheets: list[dict[str, Any]] = []
    tables: list[bytes] = []
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
        known = [sheet for sheet in workbook.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
        # Visible ones first, each in its order.
        known.sort(key=lambda sheet: sheet.visible != SheetVisibleEnum.Visible)
        for place, sheet in enumerate(known[:MAX_SHEETS]):
            is_hidden = sheet.visible != SheetVisibleEnum.Visible
            is_whole = not is_hidden and place < WHOLE_SHEETS
            rows: Iterable[list[Any]] = workbook.get_sheet_by_name(sheet.name).iter_rows()
            records = _texts(rows if is_whole else islice(rows, FIRST_ROWS), unusable)
            table = _as_csv(records, MAX_TABLE_SIZE - sum(map(len, tables)), "xlsx-too-large")
            sheets.append(_sheet(sheet.name, len(table), is_hidden=is_hidden, is_whole=is_whole))
            tables.append(table)
    except CalamineError as error:
        raise ArchiveRejected("xlsx-unreadable") from error
    if not sheets or sheets[0]["is_hidden"]:
        raise ArchiveRejected("xlsx-unreadable")
    return {"is_workbook": True, "sheets": sheets}, tables


def _sheet(name: str, size: int, *, is_hidden: bool = False, is_whole: bool = True) -> dict[str, Any]:
    return {"name": name, "size": size, "is_hidden": is_hidden, "is_whole": is_whole}


def _texts(rows: Iterable[list[Any]], unusable: set[tuple[int, int]]) -> Iterator[list[str]]:
    for number, row in enumerate(rows, 1):
        cells = [FORMATTERS.get(type(value), str)(value) for value in row]
        if unusable:
            for column in range(len(cells)):
                if (number, column + 1) in unusable:
                    cells[column] = NO_VALUE
        yield cells


def _as_csv(records: Iterable[list[str]], limit: int, code: str) -> bytes:
    """The records as CSV; reading it yields the same ones. Raises Invalid when it grows over the limit."""
    buffer = io.BytesIO()
    text = io.TextIOWrapper(buffer, "utf-8", ERRORS, newline="")
    writer = csv.writer(text)
    rows = 0
    for number, cells in enumerate(records, 1):
        if len(cells) > MAX_COLUMNS:
            is_more = any(cell.strip() for cell in cells[MAX_COLUMNS:])
            cells = [*cells[:MAX_COLUMNS], *([BEYOND] if is_more else [])]
        if max(map(len, cells), default=0) > MAX_CELL_LENGTH:
            cells = [_cut(cell) for cell in cells]
        rows += any(cells)
        writer.writerow(cells if any(cells) else [])
        if buffer.tell() > limit or rows > MAX_ROWS or number > MAX_RECORDS:
            raise invalid("/file", code)
    text.flush()
    return buffer.getvalue()


def _cut(cell: str) -> str:
    return cell if len(cell) <= MAX_CELL_LENGTH else cell.strip()[: MAX_CELL_LENGTH + 1]


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < MAX_EXACT_INTEGER else repr(value)


def _instant(value: datetime) -> str:
    return value.date().isoformat() if value.time() == time() else value.isoformat()


FORMATTERS: dict[type, Callable[[Any], str]] = {
    str: str,
    float: _number,
    int: str,
    bool: lambda value: "true" if value else "false",
    date: date.isoformat,
    datetime: _instant,
    time: time.isoformat,
    timedelta: str,
}


if __name__ == "__main__":
    main()
