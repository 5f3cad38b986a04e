"""Process that reads a table: CSV or XLSX from stdin becomes plain CSV on stdout.

Run as ``python -m registry.core.spreadsheets.csv_and_xlsx``. The first line of the output is JSON: ``{"problems":
[[code, params]]}``, or ``{"is_workbook": …, "sheets": [{"name", "is_hidden", "is_whole", "size", "merged"}]}``. The
tables of the sheets follow, ``size`` bytes each: UTF-8, commas, all cells are text and at most ``MAX_CELL_LENGTH`` + 1
long.
"""

import codecs
import csv
import io
import json
import re
import sys
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Any

from registry.core.child_processes import limit_itself
from registry.core.errors import Invalid, invalid

# CSV reader: UTF-8 with or without BOM, cp1251 or KZ-1048; commas, semicolons or tabs; line breaks inside quotes.

UTF8 = "utf-8-sig"
# The first line of what is written here, so that no stored file is taken for it.
READ = b"\xef\xbb\xbfsep=,\r\n"
CHUNK_SIZE = 1 << 20
# A UTF-8 sequence of two or more bytes; cp1251 text has hardly any.
UTF8_SEQUENCE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
ASCII = bytes(range(128))
NOT_TEXT = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
LINE_END = re.compile(rb"[\r\n]")
MAX_HEADER_LENGTH = 1 << 16
# Lone surrogates are decoded, so that the error is reported for the row and not for the whole file.
SURROGATE_HANDLING = "surrogatepass"
UTF16_BOMS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
# Bytes that are Kazakh letters in KZ-1048, and in cp1251 letters that neither Russian nor Kazakh has.
KZ1048_LETTERS = re.compile(rb"[\x8d\x8e\x9d\x9e\xa1\xa2\xa3\xaa\xaf\xb4\xba\xbc\xbd\xbe\xbf]")
# Excel writes Kazakh letters, which cp1251 does not have, as question marks.
LOST_LETTER = re.compile(r"(?<=[а-яёі])\?(?=[а-яёі])", re.IGNORECASE)
MAX_LOST_LETTERS = 2
# The same of the sign of the tenge behind an amount.
LOST_TENGE = re.compile(r"([0-9]\s*)\?$")
SEPARATOR_LINE = re.compile(rb'(?:\xef\xbb\xbf)?"?sep=([,;\t|])"?[ \t,;|]*\r?\n', re.IGNORECASE)
DELIMITERS = ",;\t"
SAMPLE_SIZE = 1 << 16
SAMPLE_RECORDS = 40

# The csv module's limit of 128 KiB a cell would reject the whole file because of one row.
csv.field_size_limit(1 << 30)


def csv_records(content: bytes) -> Generator[tuple[int, list[str]], None, None]:
    """Yield each record, including empty ones, with its number from 1; line breaks inside cells do not count.

    Raises Invalid for binary content, an unsupported encoding or unclosed quotes.
    """
    content, separator = _without_separator_line(content)
    encoding = encoding_of(content)
    errors = SURROGATE_HANDLING if encoding == UTF8 else "strict"
    lines = io.TextIOWrapper(io.BytesIO(content), encoding, errors, newline="")
    reader = csv.reader(lines, delimiter=separator or _delimiter(content, encoding), strict=True)
    number = 0
    try:
        if encoding == UTF8:
            for number, cells in enumerate(reader, 1):
                yield number, cells
        else:
            for number, cells in enumerate(reader, 1):
                yield number, [LOST_TENGE.sub("\\1₸", cell) if cell.endswith("?") else cell for cell in cells]
    except csv.Error as error:
        raise invalid("/file", "csv-broken", row=number + 1) from error


def _without_separator_line(content: bytes) -> tuple[bytes, str | None]:
    """Return the content without Excel's first line ``sep=;``, which it does not count as a row, and the delimiter."""
    line = SEPARATOR_LINE.match(content)
    return (content, None) if line is None else (content[line.end() :], line[1].decode())


def as_utf8(content: bytes) -> bytes:
    """UTF-16 with a BOM, as Excel saves "Unicode text", as UTF-8; other content as it is. Raises Invalid."""
    for mark, encoding in UTF16_BOMS.items():
        if content.startswith(mark):
            try:
                return content[len(mark) :].decode(encoding).encode()
            except UnicodeDecodeError as error:
                raise invalid("/file", "file-not-a-table") from error
    return content


def encoding_of(content: bytes) -> str:
    """Detect the encoding: ``utf-8-sig``, ``cp1251`` or ``kz1048``.

    Raises Invalid for a control character in the header (one in a cell is reported for that row), for broken UTF-8,
    which is distinguished from cp1251 by its many valid sequences, for lost
    letters, and for other encodings.
    """
    if NOT_TEXT.search(_header(content)) or content.startswith(tuple(UTF16_BOMS)):
        raise invalid("/file", "file-not-a-table")
    broken = _decode_error_position(content, "utf-8", SURROGATE_HANDLING)
    if broken is None:
        return UTF8
    line = content.count(b"\n", 0, broken) + 1
    rest, whole = UTF8_SEQUENCE.subn(b"", content)
    if content.startswith(codecs.BOM_UTF8) or whole > len(rest.translate(None, ASCII)):
        raise invalid("/file", "utf8-broken", line=line)
    encoding = "kz1048" if KZ1048_LETTERS.search(content) else "cp1251"
    if _decode_error_position(content, encoding, "strict") is not None:
        raise invalid("/file", "file-encoding-unknown", line=line)
    if len(LOST_LETTER.findall(content[:SAMPLE_SIZE].decode(encoding))) > MAX_LOST_LETTERS:
        raise invalid("/file", "kazakh-letters-lost")
    return encoding


def _decode_error_position(content: bytes, encoding: str, errors: str) -> int | None:
    """Return the approximate position of the first byte that cannot be decoded; None when there is none."""
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    start = 0
    try:
        for start in range(0, len(content), CHUNK_SIZE):
            decoder.decode(content[start : start + CHUNK_SIZE])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        return min(start + error.start, len(content))
    return None


def _header(content: bytes) -> bytes:
    """Return the first non-empty line, cut to ``MAX_HEADER_LENGTH`` bytes."""
    return LINE_END.split(content.lstrip(b"\xef\xbb\xbf\r\n")[:MAX_HEADER_LENGTH], maxsplit=1)[0]


def _delimiter(content: bytes, encoding: str) -> str:
    """Return the delimiter with which most of the first records have the same number of cells; else that of the header.

    Titles, which have one cell, count for none.
    """
    sample = content[:SAMPLE_SIZE].decode(encoding, "replace")
    header = _header(content)
    best, most = ";" if header.count(b";") > header.count(b",") else ",", (0.0, 0)
    for delimiter in DELIMITERS:
        widths = _widths(sample, delimiter)
        several = Counter(width for width in widths if width > 1)
        if not several:
            continue
        width, count = several.most_common(1)[0]
        score = (count / len(widths), width)
        if score > most:
            best, most = delimiter, score
    return best


def _widths(sample: str, delimiter: str) -> list[int]:
    """Return the numbers of cells of the first records that are not blank, without those that a cut sample ends
    with.
    """
    records = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
    widths: list[int] = []
    # A quote that is never closed is reported where the whole file is read.
    with suppress(csv.Error):
        widths.extend(len(cells) for cells in islice(records, SAMPLE_RECORDS) if any(cells))
    return widths[:-1] if len(sample) >= SAMPLE_SIZE and len(widths) > 1 else widths


# Inspection of an XLSX archive before it is parsed: total size, cell range, cells without a value.
#
# The parser allocates memory for every cell between the first and the last, so that two cells in a file of 4 KiB can
# require 549 GB.

# Entries of OpenDocument files, binary workbooks and Word documents.
OTHER_FORMATS = frozenset({"mimetype", "content.xml", "xl/workbook.bin", "word/document.xml"})
ZIP = b"PK\x03\x04"
MAX_ENTRIES = 1000
MAX_TOTAL_SIZE = 512 << 20
RATIO_CHECKED_FROM = 16 << 20
MAX_COMPRESSION_RATIO = 100
MAX_CELLS = 10_000_000
MAX_UNUSABLE_CELLS = 100_000
MAX_TAIL = 1 << 16

# References of cells and rows; the first two patterns are ten times as fast and match what common programs write.
COLUMN = re.compile(rb""" r="([A-Z]{1,3})[0-9]""")
ROW = re.compile(rb''' r="[A-Z]{0,3}([0-9]{1,7})"''')
ANY_REFERENCE = re.compile(rb"""\sr\s*=\s*["']([A-Za-z]{0,3})([0-9]{1,7})["']""")
UNUSUAL_REFERENCES = (b"r='", b"r =", b"r= ", b"\nr=", b"\tr=", b"\rr=")
ERROR_CELL = re.compile(rb"""<(?:\w+:)?c\s(?=[^<>]*\bt=["']e["'])[^<>]*?\br=["']([A-Z]{1,3})([0-9]{1,7})["']""")
# A formula without a cached value, as some libraries write it: readers return an empty cell. Nothing is tried twice, so
# that the time grows with the text and not with its square.
FORMULA_CELL = re.compile(
    rb"""<(?:\w++:)?+c\s(?![^<>]*\bt=["']str["'])(?>(?:[^<>]*?\s)?r=["']([A-Z]{1,3})([0-9]{1,7})["'])[^<>]*+>"""
    rb"""\s*+<(?:\w++:)?+f(?:(?:\s[^<>]*+(?<=/)|/)>|(?:\s[^<>]*+)?+>[^<]*+</(?:\w++:)?+f>)"""
    rb"""\s*+(?:<(?:\w++:)?+v(?:\s*+/>|>\s*+</(?:\w++:)?+v>)\s*+)?+</(?:\w++:)?+c>"""
)


class ArchiveRejected(Exception):
    """The archive was rejected; ``code`` and ``params`` give the reason."""

    def __init__(self, code: str, **params: object) -> None:
        super().__init__(code, params)
        self.code = code
        self.params = params


def inspect_archive(content: bytes) -> set[tuple[int, int]]:
    """Return the (row, column) of each cell with an error or an uncalculated formula. Raises ArchiveRejected."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
        entries = archive.infolist()
        names = {entry.filename for entry in entries}
        if not names.isdisjoint(OTHER_FORMATS):
            raise ArchiveRejected("file-not-a-table")
        total = sum(entry.file_size for entry in entries)
        if len(entries) > MAX_ENTRIES or total > MAX_TOTAL_SIZE:
            raise ArchiveRejected("xlsx-too-large")
        if total > RATIO_CHECKED_FROM and total > MAX_COMPRESSION_RATIO * len(content):
            raise ArchiveRejected("xlsx-too-large")
        unusable: set[tuple[int, int]] = set()
        for entry in entries:
            # Encrypted entries and compression methods that XLSX does not use raise here.
            with archive.open(entry) as file:
                _inspect_entry(file, unusable)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise ArchiveRejected("xlsx-unreadable") from error
    return unusable


def _inspect_entry(file: object, unusable: set[tuple[int, int]]) -> None:
    last_row = last_column = 1
    rest = b""
    while chunk := file.read(CHUNK_SIZE):  # type: ignore[attr-defined]
        text = rest + chunk
        rows, columns = set(ROW.findall(text)), set(COLUMN.findall(text))
        if any(odd in text for odd in UNUSUAL_REFERENCES):
            for letters, digits in ANY_REFERENCE.findall(text):
                rows.add(digits)
                columns.add(letters)
        last_row = max(last_row, *map(int, rows), 1)
        last_column = max(last_column, *map(column_number, columns), 1)
        if last_row * last_column > MAX_CELLS:
            raise ArchiveRejected("xlsx-too-many-cells", rows=last_row, columns=last_column)
        cells = ERROR_CELL.findall(text) if b't="e"' in text or b"t='e'" in text else []
        if b"<f" in text or b":f" in text:
            cells += FORMULA_CELL.findall(text)
        unusable.update((int(row), column_number(letters)) for letters, row in cells)
        if len(unusable) > MAX_UNUSABLE_CELLS:
            raise ArchiveRejected("xlsx-unreadable")
        # The last cell may continue in the next chunk.
        rest = text[text.rfind(b"<c") if b"<c" in text[-MAX_TAIL:] else text.rfind(b"<") :][-MAX_TAIL:]


def column_number(letters: bytes) -> int:
    """Return the number of a column: 1 for A, 16384 for XFD, 0 for no letters."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


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
MAX_MERGED = 20_000
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
            opened = workbook.get_sheet_by_name(sheet.name)
            rows: Iterable[list[Any]] = opened.iter_rows()
            records = _texts(rows if is_whole else islice(rows, FIRST_ROWS), unusable)
            table = _as_csv(records, MAX_TABLE_SIZE - sum(map(len, tables)), "xlsx-too-large")
            sheets.append(_sheet(sheet.name, len(table), is_hidden=is_hidden, is_whole=is_whole))
            sheets[-1]["merged"] = _merged(opened) if is_whole else []
            tables.append(table)
    except CalamineError as error:
        raise ArchiveRejected("xlsx-unreadable") from error
    if not sheets or sheets[0]["is_hidden"]:
        raise ArchiveRejected("xlsx-unreadable")
    return {"is_workbook": True, "sheets": sheets}, tables


def _sheet(name: str, size: int, *, is_hidden: bool = False, is_whole: bool = True) -> dict[str, Any]:
    return {"name": name, "size": size, "is_hidden": is_hidden, "is_whole": is_whole, "merged": []}


def _merged(sheet: Any) -> list[tuple[int, int, int]]:
    """Return the column from 0, and the first and the last row from 1, of merged cells over several rows."""
    merged = sheet.merged_cell_ranges or []
    several = [(first[1], first[0] + 1, last[0] + 1) for first, last in merged if last[0] > first[0]]
    return several[:MAX_MERGED]


def _texts(rows: Iterable[list[Any]], unusable: set[tuple[int, int]]) -> Iterator[list[str]]:
    for number, row in enumerate(rows, 1):
        cells = [FORMATTERS.get(type(value), str)(value) for value in row]
        if unusable:
            for column in range(len(cells)):
                if (number, column + 1) in unusable:
                    cells[column] = NO_VALUE
        yield cells


def _as_csv(records: Iterable[list[str]], limit: int, code: str) -> bytes:
    """Return the records as CSV; reading it yields the same ones. Raises Invalid when it grows over the limit."""
    buffer = io.BytesIO()
    buffer.write(READ)
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
