"""Backup and restore of a SQLite file when its disk is full, or has lost pages of it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults.small_disks import filled, small_disk
from tests.fixtures.cli import CommandLine


@pytest.mark.sqlite_only
def test_restore_keeps_file_that_opens_and_has_damaged_pages(registry: CommandLine, tmp_path: Path) -> None:
    assert registry("backup", tmp_path / "backup").code == 0
    file = Path(registry.url.removeprefix("sqlite:///"))
    with file.open("r+b") as damaged:
        damaged.seek(4096)
        damaged.write(bytes(4096 * 20))
    content = file.read_bytes()
    with closing(sqlite3.connect(file)) as opened:
        opened.execute("SELECT count(*) FROM sqlite_master").fetchone()
    assert registry("restore", "--replace", tmp_path / "backup").code == 0
    (kept,) = file.parent.glob(f"{file.name}.damaged-*")
    assert kept.read_bytes()[4096:] == content[4096:]


@pytest.mark.sqlite_only
@pytest.mark.needs_root
def test_backup_from_a_full_disk_while_the_service_is_stopped(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with small_disk(data, 12):
        registry = CommandLine(f"sqlite:///{data}/registry.sqlite3", data)
        assert registry("db", "upgrade").code == 0
        assert registry("tokens", "issue", "--name", "x", "--role", "auditor").code == 0
        with filled(data, leave=0):
            taken = registry("backup", tmp_path / "full.backup")
            assert taken.code == 0, taken.err
    other = CommandLine(f"sqlite:///{tmp_path}/other.sqlite3", tmp_path)
    assert other("restore", tmp_path / "full.backup").out == taken.out
