"""Choice of the sheet of a workbook that has the table; further sheets with tables are named with the reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from registry.core.errors import Problem
from registry.core.spreadsheets.reader import Table, open_file, printable
from registry.core.spreadsheets.table_child import MAX_SHEETS, WHOLE_SHEETS
from registry.imports.header_search import MIN_KNOWN, Header, Mappings, find_header
from registry.imports.headers import KNOWN, all_labels

MAX_NAMED: Final = 10
# A sheet that lacks required columns looks like a table of records when it has so many fields.
MIN_LOOKING: Final = 3


class _Sheet(NamedTuple):
    table: Table
    header: Header


def choose_sheet(content: bytes, kind: str, mappings: Mappings, *, needs_agency: bool) -> tuple[Table, list[Problem]]:
    """The table of a file: the first visible sheet with all required columns, else with the most columns.

    The problems name the other sheets with a table, and why each was not read. Raises Invalid where the file is
    unreadable.
    """
    tables = open_file(content)
    known = [_Sheet(table, header) for table in tables if (header := find_header(table, kind, mappings)) is not None]
    sheets = [sheet for sheet in known if sheet.table.is_whole]
    required = set(KNOWN[kind].required)
    chosen = next((sheet for sheet in sheets if required <= sheet.header.fields), None)
    if chosen is None and sheets:
        chosen = max(sheets, key=lambda sheet: len(sheet.header.fields))
    # A list of the fields, as templates have, names one or two of them.
    enough = 0 if chosen is None else max(MIN_KNOWN, len(chosen.header.fields) // 2)
    lacking = {sheet.table.name: KNOWN[kind].missing(sheet.header.fields, needs_agency=needs_agency) for sheet in known}
    named = [sheet for sheet in known if sheet is not chosen and _is_table(sheet, lacking, enough)]
    table = tables[0] if chosen is None else chosen.table
    problems = [_reason(sheet, kind, lacking) for sheet in named if not _could_be_read(sheet, lacking)]
    others = [sheet.table.name for sheet in named if _could_be_read(sheet, lacking)]
    if others:
        shown = ", ".join(f'"{printable(name)}"' for name in others[:MAX_NAMED])
        problems.insert(0, Problem("/file", "sheets-left-out", {"sheet": printable(table.name), "sheets": shown}))
    if len(tables) == MAX_SHEETS:
        problems.append(Problem("/file", "sheets-beyond-limit", {"limit": MAX_SHEETS}))
    return table, problems[:MAX_NAMED]


def _is_table(sheet: _Sheet, lacking: Mapping[str, Sequence[str]], enough: int) -> bool:
    return len(sheet.header.fields) >= (max(enough, MIN_LOOKING) if lacking[sheet.table.name] else enough)


def _could_be_read(sheet: _Sheet, lacking: Mapping[str, Sequence[str]]) -> bool:
    return sheet.table.is_whole and not lacking[sheet.table.name]


def _reason(sheet: _Sheet, kind: str, lacking: Mapping[str, Sequence[str]]) -> Problem:
    name = printable(sheet.table.name)
    if sheet.table.is_hidden:
        return Problem("/file", "sheet-hidden-left-out", {"sheet": name})
    if not sheet.table.is_whole:
        return Problem("/file", "sheet-beyond-limit", {"sheet": name, "limit": WHOLE_SHEETS})
    missing = [all_labels(kind, column) for column in lacking[sheet.table.name]]
    return Problem("/file", "sheet-without-columns", {"sheet": name, "columns": "; ".join(missing)})
