"""Inspection of an XLSX archive before it is parsed: total size, cell range, cells without a value.

The parser allocates memory for every cell between the first and the last, so that two cells in a file of 4 KiB can
require 549 GB.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib

# Entries of OpenDocument files, binary workbooks and Word documents.
OTHER_FORMATS = frozenset({"mimetype", "content.xml", "xl/workbook.bin", "word/document.xml"})
ZIP = b"PK\x03\x04"
MAX_ENTRIES = 1000
MAX_TOTAL_SIZE = 512 << 20
RATIO_CHECKED_FROM = 16 << 20
MAX_COMPRESSION_RATIO = 100
MAX_CELLS = 10_000_000
MAX_UNUSABLE_CELLS = 100_000
CHUNK_SIZE = 1 << 20
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
    """The (row, column) of each cell with an error or an uncalculated formula. Raises ArchiveRejected."""
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
    """The number of a column: 1 for A, 16384 for XFD, 0 for no letters."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number
