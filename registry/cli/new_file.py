"""Atomic file creation: a file is complete or absent, and readable by its owner only."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
