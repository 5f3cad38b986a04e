"""Files of many sizes to upload: bytes without a pattern, and a table that is almost all line breaks."""

from __future__ import annotations

import random
from collections.abc import Sequence

KIB, MIB = 1024, 1024 * 1024
SIZES = (200 * KIB, MIB, 5 * MIB, 199 * MIB // 10)
# A cell of nothing but line breaks: read in a fraction of the time that as many empty lines take.
BAD_ROW = b'"' + b"\r\n" * 15_000 + b'"\r\n'


def random_bytes(size: int) -> bytes:
    """The same bytes in each run, among them CR and LF as often as any others."""
    return random.Random(size).randbytes(size)


def table_of_line_breaks(columns: Sequence[str], row: Sequence[str], size: int) -> bytes:
    """A CSV file of one good row, bad rows of line breaks, and empty lines up to the size."""
    table = f"{','.join(columns)}\r\n{','.join(row)}\r\n".encode()
    table += BAD_ROW * ((size - len(table)) // len(BAD_ROW))
    return table + b"\n" * (size - len(table))
