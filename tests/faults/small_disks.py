"""A small tmpfs that can be filled and emptied. Mounting it needs root."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

IS_ROOT = os.geteuid() == 0


@contextmanager
def small_disk(at: Path, megabytes: int) -> Iterator[None]:
    """Mount a disk of that size on the folder for the duration of the block."""
    options = f"size={megabytes}m,mode=0700"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(at)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(at)], check=True)


@contextmanager
def filled(disk: Path, leave: int) -> Iterator[None]:
    """Fill the disk with a file, except for the given number of bytes, for the duration of the block."""
    file = disk / "ballast"
    room = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    with file.open("wb") as ballast:
        os.posix_fallocate(ballast.fileno(), 0, max(room - leave, 1))
    try:
        yield
    finally:
        file.unlink()
