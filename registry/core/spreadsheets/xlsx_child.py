"""XLSX parser process: sets resource limits, inspects the archive, then parses it.

Run as ``python -m registry.core.spreadsheets.xlsx_child PLACE``; PLACE counts the visible sheets from 0. Reads the file
from stdin and writes JSON lines: ``{"rows": [[number, cells]]}``, finally ``{"end": true, "sheets": names}`` or
``{"error": code, "params": {…}}``. All cells are text, as in CSV.
"""

from __future__ import annotations

import io
import json
import resource
import sys
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from typing import Any

from registry.core.spreadsheets.xlsx_archive import ArchiveRejected, inspect_archive

MEMORY_LIMIT = 1 << 30
CPU_SECONDS = 60
ROWS_PER_LINE = 200
# Replaces a cell without a usable value; no field type accepts it.
NO_VALUE = "\x7f"
MAX_EXACT_INTEGER = 2**53


def main() -> None:
    """Read the file from stdin and write its rows to stdout."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr] # a real stream, not a stand-in
    content = sys.stdin.buffer.read()
    try:
        unusable = inspect_archive(content)
        _write_rows(content, unusable, int(sys.argv[1]))
    except ArchiveRejected as error:
        _write_line({"error": error.code, "params": error.params})
    except MemoryError:
        _write_line({"error": "xlsx-too-large", "params": {}})


def _write_rows(content: bytes, unusable: set[tuple[int, int]], place: int) -> None:
    # Imported after the limits are set, so that they also cover the import.
    from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
        names = [
            sheet.name
            for sheet in workbook.sheets_metadata
            if sheet.typ == SheetTypeEnum.WorkSheet and sheet.visible == SheetVisibleEnum.Visible
        ]
        if place >= len(names):
            raise ArchiveRejected("xlsx-unreadable")
        rows: Iterable[list[Any]] = workbook.get_sheet_by_name(names[place]).iter_rows()
    except CalamineError as error:
        raise ArchiveRejected("xlsx-unreadable") from error
    waiting: list[tuple[int, list[str]]] = []
    for number, row in enumerate(rows, 1):
        cells = [FORMATTERS.get(type(value), str)(value) for value in row]
        waiting.append((number, cells))
        if len(waiting) == ROWS_PER_LINE:
            _flush(waiting, unusable)
    _flush(waiting, unusable)
    _write_line({"end": True, "sheets": names})


def _flush(waiting: list[tuple[int, list[str]]], unusable: set[tuple[int, int]]) -> None:
    if unusable:
        for number, cells in waiting:
            for column in range(len(cells)):
                if (number, column + 1) in unusable:
                    cells[column] = NO_VALUE
    _write_line({"rows": waiting})
    waiting.clear()


def _write_line(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")


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
