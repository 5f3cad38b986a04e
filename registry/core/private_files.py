"""Files that only the service's account may read: reading the database file would bypass all permissions."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

PRIVATE_FILE_MODE = 0o600


def make_private(path: Path) -> None:
    """Create an empty file with mode 600 unless it exists. Errors are ignored; the next open reports them.

    An existing file is not even opened: closing it would drop the POSIX locks that SQLite holds on it.
    """
    with suppress(OSError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE_MODE))
