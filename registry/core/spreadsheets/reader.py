"""A table in a file: its columns and rows of text, whatever the format, and which columns it may have."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from registry.core.errors import Invalid, Problem, invalid
from registry.core.spreadsheets.csv_reader import as_csv, csv_records
from registry.core.spreadsheets.xlsx_reader import xlsx_records

ZIP = b"PK\x03\x04"
# How an old workbook, pictures and PDF begin.
NO_TABLES = (b"\xd0\xcf\x11\xe0", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"%PDF-")
LARGEST_UPLOAD = 20 << 20
MOST_NAMES_TOLD = 20
LONGEST_NAME_TOLD = 60


@dataclass(frozen=True, slots=True)
class Row:
    """One row that is not blank: its number in the spreadsheet, the header's being 1, and its cells, one a column.

    ``surplus`` is how many cells hold something beyond the last column.
    """

    number: int
    cells: list[str]
    surplus: int = 0


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table; ``rows`` reads it from its beginning each time. It raises Invalid where the file cannot be read.

    ``content`` is what opens as the same table again: the CSV that was sent, or the one that an XLSX became.
    """

    content: bytes
    columns: tuple[str, ...]
    rows: Callable[[], Iterator[Row]]


def open_sheet(content: bytes) -> Sheet:
    """The table in a CSV or XLSX file, told apart by what is in it. Raises Invalid, pointer /file."""
    if content.startswith(NO_TABLES):
        raise invalid("/file", "file-not-a-table")
    if content.startswith(ZIP):
        content = as_csv(cells for _, cells in xlsx_records(content))
    records = csv_records(content)
    header, names = next(((number, names) for number, names in records if _holds(names)), (0, []))
    columns = [name.strip() for name in names]
    while columns and not columns[-1]:
        columns.pop()
    if not columns:
        raise invalid("/file", "file-empty")
    width = len(columns)

    def rows() -> Iterator[Row]:
        for number, cells in csv_records(content):
            if number <= header or not _holds(cells):
                continue
            if len(cells) == width:
                yield Row(number, cells)
            elif len(cells) < width:
                # Excel leaves the empty cells at the end of a row out of its CSV.
                yield Row(number, cells + [""] * (width - len(cells)))
            else:
                yield Row(number, cells[:width], sum(bool(cell.strip()) for cell in cells[width:]))

    return Sheet(content, tuple(columns), rows)


def check_columns(columns: Iterable[str], known: Iterable[str], required: Iterable[str]) -> None:
    """Raise Invalid, naming each column that is unknown, there twice, without a name or missing."""
    known, seen = set(known), set()
    problems = []
    for position, name in enumerate(columns, 1):
        told = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name)
        params: dict[str, object] = {"column": told[:LONGEST_NAME_TOLD]}
        if not name:
            problems.append(Problem("/file", "column-without-name", {"position": position}))
        elif name not in known:
            problems.append(Problem("/file", "column-unknown", params))
        elif name in seen:
            problems.append(Problem("/file", "column-twice", params))
        seen.add(name)
    missing = [Problem("/file", "column-missing", {"column": name}) for name in required if name not in seen]
    if missing or problems:
        raise Invalid((missing + problems)[:MOST_NAMES_TOLD])


def require_upload_size(content: bytes) -> None:
    """Raise Invalid for a file that is larger than what may be uploaded."""
    if len(content) > LARGEST_UPLOAD:
        raise invalid("/file", "file-too-large", limit_mib=LARGEST_UPLOAD >> 20)


def _holds(cells: list[str]) -> bool:
    return bool("".join(cells).strip())
