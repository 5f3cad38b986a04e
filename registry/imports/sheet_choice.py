"""Choice of the sheet of a workbook that has the table, and a warning about further sheets with tables."""

from __future__ import annotations

from typing import Final, NamedTuple

from registry.core.errors import Problem
from registry.core.spreadsheets.reader import Table, open_table, printable
from registry.imports.header_search import MIN_KNOWN, Header, Mappings, find_header
from registry.imports.headers import KNOWN

MAX_SHEETS: Final = 5
MAX_NAMED: Final = 10


class _Sheet(NamedTuple):
    name: str
    table: Table
    header: Header


def choose_sheet(content: bytes, kind: str, mappings: Mappings) -> tuple[Table, list[Problem]]:
    """The table of a file: the first visible sheet with all required columns, else with the most columns.

    Looks at five sheets; warns of others with a table. Raises Invalid where the file is unreadable.
    """
    first = open_table(content)
    opened = [first, *(open_table(content, place) for place in range(1, min(len(first.sheets), MAX_SHEETS)))]
    names = first.sheets or ("",)
    sheets = [
        _Sheet(name, table, header)
        for name, table in zip(names, opened, strict=False)
        if (header := find_header(table, kind, mappings)) is not None
    ]
    if not sheets:
        return first, []
    required = set(KNOWN[kind].required)
    chosen = max(sheets, key=lambda sheet: (required <= sheet.header.fields, 0))
    if not required <= chosen.header.fields:
        chosen = max(sheets, key=lambda sheet: len(sheet.header.fields))
    # A list of the fields, as templates have, names one or two of them.
    enough = max(MIN_KNOWN, len(chosen.header.fields) // 2)
    tables = [sheet for sheet in sheets if required <= sheet.header.fields and len(sheet.header.fields) >= enough]
    others = [sheet.name for sheet in tables if sheet is not chosen]
    others += names[MAX_SHEETS:]
    if not others:
        return chosen.table, []
    shown = ", ".join(f'"{printable(name)}"' for name in others[:MAX_NAMED])
    return chosen.table, [Problem("/file", "sheets-left-out", {"sheet": printable(chosen.name), "sheets": shown})]
