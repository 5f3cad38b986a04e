"""Reads an XLSX file in a process of its own, which may be killed: limits first, then the archive, then the parser.

Run as ``python -m registry.core.spreadsheets.xlsx_child``: file in, JSON lines out: ``{"rows": [[number, cells]]}``,
at the end ``{"end": true}`` or ``{"refused": code, "params": {…}}``. All cells are text, as a CSV would have them.
"""

from __future__ import annotations

import io
import json
import resource
import sys
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from typing import Any

from registry.core.spreadsheets.xlsx_archive import ArchiveRefused, look_through

MEMORY = 1 << 30
CPU_SECONDS = 60
ROWS_A_LINE = 200
# What stands for a cell without a usable value: no field takes it.
NO_VALUE = "\x7f"
LARGEST_EXACT = 2**53


def main() -> None:
    """Read stdin and write the rows."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr] # a real stream, not a stand-in
    content = sys.stdin.buffer.read()
    try:
        unusable = look_through(content)
        _write_rows(content, unusable)
    except ArchiveRefused as refused:
        _say({"refused": refused.code, "params": refused.params})
    except MemoryError:
        _say({"refused": "xlsx-too-large", "params": {}})


def _write_rows(content: bytes, unusable: set[tuple[int, int]]) -> None:
    # Imported after the limits: the parser runs under them from its first line on.
    from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
        names = [
            sheet.name
            for sheet in workbook.sheets_metadata
            if sheet.typ == SheetTypeEnum.WorkSheet and sheet.visible == SheetVisibleEnum.Visible
        ]
        if not names:
            raise ArchiveRefused("xlsx-unreadable")
        rows: Iterable[list[Any]] = workbook.get_sheet_by_name(names[0]).iter_rows()
    except CalamineError as error:
        raise ArchiveRefused("xlsx-unreadable") from error
    waiting: list[tuple[int, list[str]]] = []
    for number, row in enumerate(rows, 1):
        cells = [TEXTS.get(type(value), str)(value) for value in row]
        waiting.append((number, cells))
        if len(waiting) == ROWS_A_LINE:
            _flush(waiting, unusable)
    _flush(waiting, unusable)
    _say({"end": True})


def _flush(waiting: list[tuple[int, list[str]]], unusable: set[tuple[int, int]]) -> None:
    if unusable:
        for number, cells in waiting:
            for column in range(len(cells)):
                if (number, column + 1) in unusable:
                    cells[column] = NO_VALUE
    _say({"rows": waiting})
    waiting.clear()


def _say(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < LARGEST_EXACT else repr(value)


def _instant(value: datetime) -> str:
    return value.date().isoformat() if value.time() == time() else value.isoformat()


TEXTS: dict[type, Callable[[Any], str]] = {
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
