"""CSV as people save it: UTF-8 with or without BOM or cp1251, commas or semicolons, line breaks inside quotes."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Generator, Iterable

from registry.core.errors import invalid

UTF8 = "utf-8-sig"
PIECE = 1 << 20
# Of a sequence of UTF-8 that is more than one byte long: cp1251 text has next to none.
SEQUENCE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
ASCII = bytes(range(128))
NOT_TEXT = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
LINE_END = re.compile(rb"[\r\n]")
LONGEST_HEADER = 1 << 16
# Half a pair that a program wrote as a letter: not text, but the mistake of one cell, which is told by its row.
HALF_PAIRS = "surrogatepass"
LARGEST_TABLE = 128 << 20

# The module's own limit of 128 KiB a cell would refuse the whole file where one row is wrong.
csv.field_size_limit(1 << 30)


def csv_records(content: bytes) -> Generator[tuple[int, list[str]], None, None]:
    """Each record with its number, the first being 1, empty ones too; a cell's line breaks do not count.

    Raises Invalid: not text, an encoding that is none of ours, quotes that do not close.
    """
    encoding = encoding_of(content)
    errors = HALF_PAIRS if encoding == UTF8 else "strict"
    lines = io.TextIOWrapper(io.BytesIO(content), encoding, errors, newline="")
    reader = csv.reader(lines, delimiter=_delimiter(content), strict=True)
    number = 0
    try:
        for number, cells in enumerate(reader, 1):
            yield number, cells
    except csv.Error as error:
        raise invalid("/file", "csv-broken", row=number + 1) from error


def as_csv(records: Iterable[list[str]]) -> bytes:
    """Records as a CSV that gives the same ones with the same numbers. Raises Invalid when it grows too large."""
    made = io.BytesIO()
    text = io.TextIOWrapper(made, "utf-8", newline="")
    writer = csv.writer(text)
    for cells in records:
        writer.writerow(cells if any(cells) else [])
        if made.tell() > LARGEST_TABLE:
            raise invalid("/file", "xlsx-too-large")
    text.flush()
    return made.getvalue()


def encoding_of(content: bytes) -> str:
    """``utf-8-sig`` or ``cp1251``.

    Raises Invalid: a control character in the header makes it no table, one in a cell is the cell's own mistake; broken
    UTF-8 is told from cp1251 by its many whole sequences and not read as gibberish.
    """
    if NOT_TEXT.search(_header(content)) or content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise invalid("/file", "file-not-a-table")
    broken = _first_broken(content, "utf-8", HALF_PAIRS)
    if broken is None:
        return UTF8
    line = content.count(b"\n", 0, broken) + 1
    rest, whole = SEQUENCE.subn(b"", content)
    if content.startswith(codecs.BOM_UTF8) or whole > len(rest.translate(None, ASCII)):
        raise invalid("/file", "utf8-broken", line=line)
    if _first_broken(content, "cp1251", "strict") is not None:
        raise invalid("/file", "file-encoding-unknown", line=line)
    return "cp1251"


def _first_broken(content: bytes, encoding: str, errors: str) -> int | None:
    """Where the text stops being in the encoding, about; None when all of it is."""
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    start = 0
    try:
        for start in range(0, len(content), PIECE):
            decoder.decode(content[start : start + PIECE])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        return min(start + error.start, len(content))
    return None


def _header(content: bytes) -> bytes:
    """The first line that is not empty, or its beginning."""
    return LINE_END.split(content.lstrip(b"\xef\xbb\xbf\r\n")[:LONGEST_HEADER], maxsplit=1)[0]


def _delimiter(content: bytes) -> str:
    header = _header(content)
    return ";" if header.count(b";") > header.count(b",") else ","
