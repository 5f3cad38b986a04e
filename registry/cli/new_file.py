"""A file that is complete or not there at all, and that only its owner may read."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """A temporary file beside ``path``, mode 600, which takes that name when the block ends well; otherwise it goes.

    Raises OSError when the folder cannot be written.
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
