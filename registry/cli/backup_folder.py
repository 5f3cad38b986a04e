"""The backup folder (``REGISTRY_BACKUP_DIR``): names of backups, which one is the newest, and rotation."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from registry.core.clock import now

FORMAT: Final = "registry-%Y%m%dT%H%M%SZ.backup"
NAME: Final = re.compile(r"registry-[0-9]{8}T[0-9]{6}Z\.backup")


def new_backup(folder: Path) -> Path:
    """The path of a backup that is taken now."""
    return folder / now().astimezone(UTC).strftime(FORMAT)


def backups_in(folder: Path) -> list[Path]:
    """The backups in the folder, oldest first. Raises OSError. Files of other names are left alone."""
    return sorted(path for path in folder.iterdir() if NAME.fullmatch(path.name) and path.is_file())


def taken_at(backup: Path) -> datetime:
    """When the backup was taken, by its name: a copy has another time of change."""
    return datetime.strptime(backup.name, FORMAT).replace(tzinfo=UTC)


def delete_old(folder: Path, keep: int) -> list[Path]:
    """Delete all but the newest ``keep`` backups in the folder. Return the deleted ones. Raises OSError."""
    old = backups_in(folder)[:-keep]
    for path in old:
        path.unlink()
    return old
