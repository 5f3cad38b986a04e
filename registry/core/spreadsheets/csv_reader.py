"""CSV reader: UTF-8 with or without BOM, cp1251 or KZ-1048; commas, semicolons or tabs; line breaks inside quotes."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Generator
from contextlib import suppress
from itertools import islice

from registry.core.errors import invalid

UTF8 = "utf-8-sig"
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
    """The content without Excel's first line ``sep=;``, which it does not count as a row, and the delimiter."""
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
    """The approximate position of the first byte that cannot be decoded; None when there is none."""
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
    """The first non-empty line, cut to ``MAX_HEADER_LENGTH`` bytes."""
    return LINE_END.split(content.lstrip(b"\xef\xbb\xbf\r\n")[:MAX_HEADER_LENGTH], maxsplit=1)[0]


def _delimiter(content: bytes, encoding: str) -> str:
    """The delimiter with which most of the first records have the same number of cells; else that of the header.

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
    """The numbers of cells of the first records that are not blank, without those that a cut sample ends with."""
    records = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
    widths: list[int] = []
    # A quote that is never closed is reported where the whole file is read.
    with suppress(csv.Error):
        widths.extend(len(cells) for cells in islice(records, SAMPLE_RECORDS) if any(cells))
    return widths[:-1] if len(sample) >= SAMPLE_SIZE and len(widths) > 1 else widths
