"""Spreadsheet reader: columns and rows of text from CSV or XLSX, and a check of the columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from registry.core.errors import Invalid, Problem, invalid
from registry.core.spreadsheets.csv_reader import as_csv, csv_records
from registry.core.spreadsheets.xlsx_reader import xlsx_records

ZIP = b"PK\x03\x04"
# Signatures of old Excel workbooks, images and PDF.
NON_TABLE_SIGNATURES = (b"\xd0\xcf\x11\xe0", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"%PDF-")
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
class Sheet:
    """A table. ``rows`` reads it from the beginning on each call and raises Invalid where the file is unreadable.

    ``content`` is the table as CSV: the uploaded file, or the conversion of an XLSX file.
    """

    content: bytes
    columns: tuple[str, ...]
    rows: Callable[[], Iterator[Row]]


def open_sheet(content: bytes) -> Sheet:
    """Open a CSV or XLSX file; the format is detected from the content. Raises Invalid with pointer ``/file``."""
    if content.startswith(NON_TABLE_SIGNATURES):
        raise invalid("/file", "file-not-a-table")
    if content.startswith(ZIP):
        content = as_csv(cells for _, cells in xlsx_records(content))
    records = csv_records(content)
    header, names = next(((number, names) for number, names in records if _has_content(names)), (0, []))
    columns = [name.strip() for name in names]
    while columns and not columns[-1]:
        columns.pop()
    if not columns:
        raise invalid("/file", "file-empty")
    width = len(columns)

    def rows() -> Iterator[Row]:
        for number, cells in csv_records(content):
            if number <= header or not _has_content(cells):
                continue
            if len(cells) == width:
                yield Row(number, cells)
            elif len(cells) < width:
                # Excel omits trailing empty cells in CSV.
                yield Row(number, cells + [""] * (width - len(cells)))
            else:
                yield Row(number, cells[:width], sum(bool(cell.strip()) for cell in cells[width:]))

    return Sheet(content, tuple(columns), rows)


def check_columns(columns: Iterable[str], known: Iterable[str], required: Iterable[str]) -> None:
    """Raise Invalid with a problem for each unknown, duplicate, unnamed or missing column."""
    known, seen = set(known), set()
    problems = []
    for position, name in enumerate(columns, 1):
        printable = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name)
        params: dict[str, object] = {"column": printable[:MAX_REPORTED_NAME_LENGTH]}
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


def require_upload_size(content: bytes) -> None:
    """Raise Invalid for a file larger than ``MAX_UPLOAD_SIZE``."""
    if len(content) > MAX_UPLOAD_SIZE:
        raise invalid("/file", "file-too-large", limit_mib=MAX_UPLOAD_SIZE >> 20)


def _has_content(cells: list[str]) -> bool:
    return bool("".join(cells).strip())
