"""The size of integers in the specification: generators of typed languages take 32 bits where nothing says 64."""

from __future__ import annotations

from typing import Any, Final

MAX_32_BITS: Final = 2**31 - 1
INT64: Final = "int64"


def add_integer_formats(part: Any) -> None:
    """Give each integer that may need more than 32 bits the format ``int64``: sums of tenge, numbers of changes.

    Ids too, whose limit in paths is that of 32 bits: they have one type everywhere.
    """
    if isinstance(part, list):
        for each in part:
            add_integer_formats(each)
    elif isinstance(part, dict):
        if _is_integer(part.get("type")) and part.get("maximum", MAX_32_BITS) >= MAX_32_BITS:
            part["format"] = INT64
        for each in part.values():
            add_integer_formats(each)


def _is_integer(types: Any) -> bool:
    # A value that may be a text too has no format: it would be one of texts.
    return types == "integer" or (isinstance(types, list) and set(types) - {"null"} == {"integer"})
