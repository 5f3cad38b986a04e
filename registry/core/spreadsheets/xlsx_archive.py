"""Looks an XLSX archive through before a parser sees it: its totals, the reach of its cells, cells without a value.

A parser makes room for every cell between the first and the last, so that two cells in 4 KiB can ask for 549 GB.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib

MOST_ENTRIES = 1000
LARGEST_TOTAL = 512 << 20
SMALL = 16 << 20
LARGEST_RATIO = 100
MOST_CELLS = 10_000_000
MOST_UNUSABLE = 100_000
PIECE = 1 << 20
LONGEST_TAIL = 1 << 16

# Of cells and rows; the first two are ten times as fast and see what every program writes.
COLUMN = re.compile(rb""" r="([A-Z]{1,3})[0-9]""")
ROW = re.compile(rb''' r="[A-Z]{0,3}([0-9]{1,7})"''')
ANY_REFERENCE = re.compile(rb"""\sr\s*=\s*["']([A-Za-z]{0,3})([0-9]{1,7})["']""")
ODD = (b"r='", b"r =", b"r= ", b"\nr=", b"\tr=", b"\rr=")
ERROR_CELL = re.compile(rb"""<(?:\w+:)?c\s(?=[^<>]*\bt=["']e["'])[^<>]*?\br=["']([A-Z]{1,3})([0-9]{1,7})["']""")
# A formula that no program has worked out: some libraries write it without a value, and a reader sees an empty cell.
FORMULA_CELL = re.compile(
    rb"""<(?:\w+:)?c\s(?![^<>]*\bt=["']str["'])(?:[^<>]*?\s)?r=["']([A-Z]{1,3})([0-9]{1,7})["'][^<>]*>"""
    rb"""\s*<(?:\w+:)?f(?:\s[^<>]*)?(?:/>|>[^<]*</(?:\w+:)?f>)\s*(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v>\s*</(?:\w+:)?v>)?\s*</(?:\w+:)?c>"""
)


class ArchiveRefused(Exception):
    """The archive is not read; ``code`` and ``params`` say why."""

    def __init__(self, code: str, **params: object) -> None:
        super().__init__(code, params)
        self.code = code
        self.params = params


def look_through(content: bytes) -> set[tuple[int, int]]:
    """The (row, column) of each cell that holds an error or an uncalculated formula. Raises ArchiveRefused."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
        entries = archive.infolist()
        total = sum(entry.file_size for entry in entries)
        if len(entries) > MOST_ENTRIES or total > LARGEST_TOTAL:
            raise ArchiveRefused("xlsx-too-large")
        if total > SMALL and total > LARGEST_RATIO * len(content):
            raise ArchiveRefused("xlsx-too-large")
        unusable: set[tuple[int, int]] = set()
        for entry in entries:
            # Encrypted entries and methods that are not those of XLSX raise here.
            with archive.open(entry) as file:
                _look_through_entry(file, unusable)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise ArchiveRefused("xlsx-unreadable") from error
    return unusable


def _look_through_entry(file: object, unusable: set[tuple[int, int]]) -> None:
    last_row = last_column = 1
    rest = b""
    while piece := file.read(PIECE):  # type: ignore[attr-defined]
        text = rest + piece
        rows, columns = set(ROW.findall(text)), set(COLUMN.findall(text))
        if any(odd in text for odd in ODD):
            for letters, digits in ANY_REFERENCE.findall(text):
                rows.add(digits)
                columns.add(letters)
        last_row = max(last_row, *map(int, rows), 1)
        last_column = max(last_column, *map(column_number, columns), 1)
        if last_row * last_column > MOST_CELLS:
            raise ArchiveRefused("xlsx-too-many-cells", rows=last_row, columns=last_column)
        found = ERROR_CELL.findall(text) if b't="e"' in text or b"t='e'" in text else []
        if b"<f" in text or b":f" in text:
            found += FORMULA_CELL.findall(text)
        unusable.update((int(row), column_number(letters)) for letters, row in found)
        if len(unusable) > MOST_UNUSABLE:
            raise ArchiveRefused("xlsx-unreadable")
        # The last cell may go on in the next piece.
        rest = text[text.rfind(b"<c") if b"<c" in text[-LONGEST_TAIL:] else text.rfind(b"<") :][-LONGEST_TAIL:]


def column_number(letters: bytes) -> int:
    """1 for A, 16384 for XFD, 0 for none."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number
