"""Spreadsheet reader: columns and rows of text from CSV or XLSX, and a check of the columns."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass

from registry.core.errors import Invalid, Problem, invalid
from registry.core.spreadsheets.csv_reader import as_csv, as_utf8, csv_records
from registry.core.spreadsheets.xlsx_reader import xlsx_records

ZIP = b"PK\x03\x04"
# Signatures of old Excel workbooks, images, PDF and RTF.
NON_TABLE_SIGNATURES = (b"\xd0\xcf\x11\xe0", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"%PDF-", b"{\\rtf")
# HTML and XML, which some programs save under the name of a workbook.
MARKUP = re.compile(rb"(?:\xef\xbb\xbf)?\s*<[!?a-z]", re.IGNORECASE)
MAX_UPLOAD_SIZE = 20 << 20
MAX_COLUMN_PROBLEMS = 20
MAX_REPORTED_NAME_LENGTH = 60


@dataclass(frozen=True, slots=True)
class Row:
    """A non-blank row: its number in the spreadsheet, where the header is 1, and one cell per column.

    ``surplus`` is the number of non-blank cells beyond the last column.
    """

    number: int
    cells: list[str]
    surplus: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """A file or one sheet of a workbook as CSV.

    In a workbook no cell moves when another has a separator in it; ``sheets`` are the names of its visible sheets.
    """

    content: bytes
    is_workbook: bool = False
    sheets: tuple[str, ...] = ()

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Each record with its number from 1, also blank ones. Raises Invalid where the file is unreadable."""
        return csv_records(self.content)

    def rows(self, header: int, width: int) -> Iterator[Row]:
        """The non-blank rows below the record ``header``, with ``width`` cells. Raises Invalid."""
        for number, cells in csv_records(self.content):
            if number <= header or not has_content(cells):
                continue
            if len(cells) == width:
                yield Row(number, cells)
            elif len(cells) < width:
                # Excel omits trailing empty cells in CSV.
                yield Row(number, cells + [""] * (width - len(cells)))
            else:
                yield Row(number, cells[:width], sum(bool(cell.strip()) for cell in cells[width:]))


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table whose first non-blank row has the columns. ``rows`` reads it from the beginning on each call."""

    table: Table
    columns: tuple[str, ...]
    header: int

    def rows(self) -> Iterator[Row]:
        """The non-blank rows below the header. Raises Invalid where the file is unreadable."""
        return self.table.rows(self.header, len(self.columns))


def open_table(content: bytes, place: int = 0) -> Table:
    """Open a CSV or XLSX file; the format is detected from the content. Raises Invalid with pointer ``/file``.

    ``place`` counts the visible sheets of a workbook from 0.
    """
    if content.startswith(NON_TABLE_SIGNATURES) or MARKUP.match(content):
        raise invalid("/file", "file-not-a-table")
    if not content.startswith(ZIP):
        return Table(as_utf8(content))
    sheets: tuple[str, ...] = ()

    def cells() -> Iterator[list[str]]:
        nonlocal sheets
        sheets = yield from _cells(xlsx_records(content, place))

    converted = as_csv(cells())
    return Table(converted, is_workbook=True, sheets=sheets)


def open_sheet(content: bytes) -> Sheet:
    """Open a file whose first non-blank row has the columns. Raises Invalid with pointer ``/file``."""
    table = open_table(content)
    header, names = next(((number, names) for number, names in table.records() if has_content(names)), (0, []))
    columns = [name.strip() for name in names]
    while columns and not columns[-1]:
        columns.pop()
    if not columns:
        raise invalid("/file", "file-empty")
    return Sheet(table, tuple(columns), header)


def _cells(
    records: Generator[tuple[int, list[str]], None, tuple[str, ...]],
) -> Generator[list[str], None, tuple[str, ...]]:
    while True:
        try:
            yield next(records)[1]
        except StopIteration as end:
            return tuple(end.value)


def check_columns(columns: Iterable[str], known: Iterable[str], required: Iterable[str]) -> None:
    """Raise Invalid with a problem for each unknown, duplicate, unnamed or missing column."""
    known, seen = set(known), set()
    problems = []
    for position, name in enumerate(columns, 1):
        params: dict[str, object] = {"column": printable(name)}
        if not name:
            problems.append(Problem("/file", "column-without-name", {"position": position}))
        elif name not in known:
            problems.append(Problem("/file", "column-unknown", params))
        elif name in seen:
            problems.append(Problem("/file", "column-twice", params))
        seen.add(name)
    missing = [Problem("/file", "column-missing", {"column": name}) for name in required if name not in seen]
    if missing or problems:
        raise Invalid((missing + problems)[:MAX_COLUMN_PROBLEMS])


def printable(name: str) -> str:
    """A header as errors show it: shortened, without control characters."""
    shown = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name)
    return shown[:MAX_REPORTED_NAME_LENGTH]


def require_upload_size(content: bytes) -> None:
    """Raise Invalid for a file larger than ``MAX_UPLOAD_SIZE``."""
    if len(content) > MAX_UPLOAD_SIZE:
        raise invalid("/file", "file-too-large", limit_mib=MAX_UPLOAD_SIZE >> 20)


def has_content(cells: list[str]) -> bool:
    """True unless all cells are blank."""
    return bool("".join(cells).strip())
