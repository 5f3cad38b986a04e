"""Reader of files: columns and rows of text from CSV or XLSX, a check of the columns, and objects from JSON."""

import codecs
import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from registry.core.child_processes import ChildFailed, child_output
from registry.core.errors import Invalid, Problem, invalid
from registry.core.spreadsheets.csv_and_xlsx import READ, ZIP
from registry.core.values import read_json

CHILD = "registry.core.spreadsheets.csv_and_xlsx"
# A ZIP archive ends with this record and a comment of at most 64 KiB.
END_OF_ZIP = b"PK\x05\x06"
MAX_END_OF_ZIP = (1 << 16) + 22
MAX_START = 1 << 12
# Signatures of old Excel workbooks, images, PDF and RTF.
NON_TABLE_SIGNATURES = (b"\xd0\xcf\x11\xe0", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"%PDF-", b"{\\rtf")
# HTML and XML, which some programs save under the name of a workbook.
MARKUP = re.compile(rb"(?:\xef\xbb\xbf)?\s*<[!?a-z]", re.IGNORECASE)
MAX_UPLOAD_SIZE = 20 << 20
# JSON becomes objects here, and not in a child process: of an array all at once, of NDJSON those of a line.
MAX_ARRAY_SIZE = 4 << 20
MAX_LINE_SIZE = 1 << 20
BOM = b"\xef\xbb\xbf"
MAX_COLUMN_PROBLEMS = 20
MAX_REPORTED_NAME_LENGTH = 60


class Row(NamedTuple):
    """A non-blank row: its number in the spreadsheet, where the header is 1, and one cell per column.

    ``surplus`` is the number of non-blank cells beyond the last column.
    """

    number: int
    cells: list[str]
    surplus: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV file or one sheet of a workbook, as the child process wrote it.

    In a workbook no cell moves when another has a separator in it. ``is_whole`` is False where only the first rows were
    read. ``merged``: the column from 0, and the first and last row from 1, of cells merged over rows.
    """

    content: bytes
    is_workbook: bool = False
    name: str = ""
    is_hidden: bool = False
    is_whole: bool = True
    merged: tuple[tuple[int, int, int], ...] = ()

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Return each record with its number from 1, also blank ones."""
        text = io.TextIOWrapper(io.BytesIO(self.content), "utf-8", "surrogatepass", newline="")
        text.readline()
        return enumerate(csv.reader(text), 1)

    def rows(self, header: int, width: int) -> Iterator[Row]:
        """The non-blank rows below the record ``header``, with ``width`` cells."""
        for number, cells in self.records():
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
        """Return the non-blank rows below the header."""
        return self.table.rows(self.header, len(self.columns))


def open_file(content: bytes) -> Sequence[Table]:
    """Return the visible sheets of a CSV or XLSX file, and the beginnings of others; the format is detected from the
    content.

    A child process reads it: hostile bytes reach no parser here. What plainly is no table is refused without one.
    Raises Invalid with pointer ``/file`` and ServiceBusy.
    """
    _require_plausible(content)
    try:
        with child_output(CHILD, content) as output:
            head = json.loads(output.readline())
            if "problems" in head:
                raise Invalid([Problem("/file", code, params) for code, params in head["problems"]])
            return [
                Table(
                    output.read(sheet["size"]),
                    head["is_workbook"],
                    sheet["name"],
                    is_hidden=sheet["is_hidden"],
                    is_whole=sheet["is_whole"],
                    merged=tuple((column, first, last) for column, first, last in sheet["merged"]),
                )
                for sheet in head["sheets"]
            ]
    except ChildFailed as error:
        raise invalid("/file", "xlsx-too-large" if content.startswith(ZIP) else "csv-too-large") from error


def open_table(content: bytes) -> Table:
    """Return the only table of a file, or the first visible sheet. Raises as ``open_file``."""
    return open_file(content)[0]


def stored_table(content: bytes) -> Table:
    """Return the table of an import's stored file. Earlier versions stored CSV files as they came. Raises as
    ``open_file``.
    """
    return Table(content) if content.startswith(READ) else open_table(content)


def _require_plausible(content: bytes) -> None:
    start = content[:MAX_START]
    # A zero byte in a cell is reported for its row.
    header = start.lstrip(b"\xef\xbb\xbf\r\n").partition(b"\n")[0]
    is_text = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\x00" not in header
    if content.startswith(ZIP):
        if content.rfind(END_OF_ZIP, -MAX_END_OF_ZIP) < 0:
            raise invalid("/file", "xlsx-unreadable")
    elif start.startswith(NON_TABLE_SIGNATURES) or MARKUP.match(start) or not is_text:
        raise invalid("/file", "file-not-a-table")
    elif not content.strip(b"\xef\xbb\xbf \t\r\n,;"):
        raise invalid("/file", "file-empty")


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


def is_json(content: bytes) -> bool:
    """Return whether a file is a JSON array or NDJSON."""
    return content[:MAX_START].removeprefix(BOM).lstrip().startswith((b"{", b"["))


def json_objects(content: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the objects of a JSON array with their places from 1, or of NDJSON with their lines.

    Raises Invalid when one is reached that is no object, or that two readers would read differently (``read_json``),
    with its number, and for an array above 4 MiB.
    """
    content = content.removeprefix(BOM)
    if content.lstrip().startswith(b"["):
        if len(content) > MAX_ARRAY_SIZE:
            raise invalid("/file", "json-array-too-large", limit_mib=MAX_ARRAY_SIZE >> 20)
        objects: Iterable[tuple[int, object]] = enumerate(_parsed(content, "/file"), 1)
    else:
        lines = ((number, line) for number, line in enumerate(io.BytesIO(content), 1) if not line.isspace())
        objects = ((number, _parsed(line, f"/file/{number}", MAX_LINE_SIZE)) for number, line in lines)
    for number, value in objects:
        if not isinstance(value, dict):
            raise invalid(f"/file/{number}", "expected-objects")
        yield number, value


def _parsed(text: bytes, pointer: str, limit: int = MAX_ARRAY_SIZE) -> Any:
    try:
        return read_json(text) if len(text) <= limit else None
    except (ValueError, RecursionError) as error:
        raise invalid(pointer, "expected-objects") from error


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
    """Return a header as errors show it: shortened, without control characters."""
    shown = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name)
    return shown[:MAX_REPORTED_NAME_LENGTH]


def require_upload_size(content: bytes) -> None:
    """Raise Invalid for a file larger than ``MAX_UPLOAD_SIZE``."""
    if len(content) > MAX_UPLOAD_SIZE:
        raise invalid("/file", "file-too-large", limit_mib=MAX_UPLOAD_SIZE >> 20)


def has_content(cells: list[str]) -> bool:
    """True unless all cells are blank."""
    return any(map(str.strip, cells))
