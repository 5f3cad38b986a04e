"""Sanitised names of uploaded files."""

from typing import Final

MAX_FILE_NAME_LENGTH: Final = 200


def printable_file_name(name: str) -> str:
    """The name without unprintable characters, cut to 200 characters."""
    return "".join(letter for letter in name if letter.isprintable())[:MAX_FILE_NAME_LENGTH]
