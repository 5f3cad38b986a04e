"""Files: private ones, sanitised names, and those that ship beside the code."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import Final

# Files that only the service's account may read: reading the database file would bypass all permissions.

PRIVATE_FILE_MODE = 0o600


def make_private(path: Path) -> None:
    """Create an empty file with mode 600 unless it exists. Errors are ignored; the next open reports them.

    An existing file is not even opened: closing it would drop the POSIX locks that SQLite holds on it.
    """
    with suppress(OSError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE_MODE))


# Sanitised names of uploaded files.

MAX_FILE_NAME_LENGTH: Final = 200


def printable_file_name(name: str) -> str:
    """Return the name without unprintable characters, cut to 200 characters."""
    return "".join(letter for letter in name if letter.isprintable())[:MAX_FILE_NAME_LENGTH]


# Where the files lie that ship beside the code: ``config/``, ``docs/``, ``migrations/`` and ``wsgi.py``.
#
# In a checkout they are at its top. A wheel has them inside the package, where ``setup.py`` puts them.

PACKAGE: Final = Path(str(files("registry")))


def shipped(name: str) -> Path:
    """Return the path of a file or folder, in the installed package or in the checkout."""
    installed = PACKAGE / name
    return installed if installed.exists() else PACKAGE.parent / name


CONFIG: Final = shipped("config")
MIGRATIONS: Final = shipped("migrations")


# Atomic file creation: a file is complete or absent, and readable by its owner only.


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Yield a temporary file beside ``path``, mode 600; rename it to ``path`` on success, else delete it.

    Raises OSError when the folder is not writable.
    """
    making = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    os.close(os.open(making, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        yield making
        _to_disk(making)
        making.replace(path)
        _to_disk(path.parent)
    finally:
        making.unlink(missing_ok=True)


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
