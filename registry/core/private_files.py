"""Files that only the account of the service may read: who reads the database needs no token."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

ONLY_OURS = 0o600
FOLDER_ONLY_OURS = 0o700


def make_private(path: Path) -> None:
    """Make an empty file of mode 600 unless there is one; whoever opens it next tells why it cannot be made.

    One that is there is not touched, not even opened: closing it would drop the locks that SQLite holds on it.
    """
    with suppress(OSError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, ONLY_OURS))
