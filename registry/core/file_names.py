"""Names of uploaded files, as they are stored and printed."""

from typing import Final

MAX_FILE_NAME_LENGTH: Final = 200


def printable_file_name(name: str) -> str:
    """The name without what a database or a terminal cannot take, cut to 200 characters."""
    return "".join(letter for letter in name if letter.isprintable())[:MAX_FILE_NAME_LENGTH]
