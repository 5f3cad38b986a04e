"""``registry backup`` and ``registry restore``."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import stat
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from registry.core.database import db
from tests.databases import Databases
from tests.factories import a_project, an_agency
from tests.faults.small_disks import small_disk
from tests.fixtures.cli import CommandLine
from tests.journal.test_commands import tamper
from tests.postgres_server import client_programs
from tests.running import free_port, get, running


@pytest.fixture(autouse=True)
def programs_of_the_server(database_kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put pg_dump and pg_restore of the test server's version first on the path."""
    if database_kind == "postgresql":
        monkeypatch.setenv("PATH", f"{client_programs()}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def other_registry(databases: Databases, tmp_path: Path) -> Iterator[CommandLine]:
    """Return a registry in a new place without a schema."""
    url = databases.make(empty=True)
    yield CommandLine(url, tmp_path / "elsewhere")
    databases.drop(url)


def some_records(services: Callable[[], Any], count: int = 3) -> None:
    with services():
        agency = an_agency()
        for _ in range(count):
            a_project(agency)


def test_restored_backup_has_same_digest(
    registry: CommandLine, other_registry: CommandLine, services: Callable[[], Any], tmp_path: Path
) -> None:
    some_records(services)
    file = tmp_path / "backup"
    taken = registry("backup", file)
    assert taken.code == 0 and len(taken.out.strip()) == 64
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    restored = other_registry("restore", file)
    assert (restored.code, restored.out) == (0, taken.out)
    assert other_registry("journal", "verify", "--head", registry("journal", "head").out.strip()).code == 0
    *before, entry = other_registry("journal", "export").out.splitlines()
    assert before == registry("journal", "export").out.splitlines()
    assert json.loads(before[-1])["action"] == "database.backup-started"
    assert json.loads(json.loads(before[-1])["details"]) == {"file": "backup"}
    assert json.loads(entry)["action"] == "database.restored"
    assert json.loads(json.loads(entry)["details"]) == {
        "digest": taken.out.strip(),
        "file": "backup",
        "forced": False,
        "replaced_head": None,
        "disabled": [],
        "tokens": 0,
        "webhooks": 0,
    }
    assert other_registry("projects", "export").raw == registry("projects", "export").raw


def test_backup_before_upgrade_is_complete_without_journal_entry(
    registry: CommandLine, other_registry: CommandLine, services: Callable[[], Any], tmp_path: Path
) -> None:
    some_records(services)
    tamper(services, "UPDATE alembic_version SET version_num = '2026_11_26_01'")
    head = registry("journal", "head").raw
    taken = registry("backup", tmp_path / "backup")
    assert (taken.code, len(taken.out.strip())) == (0, 64)
    assert "no entry of it: the database has the schema of another version." in taken.err
    assert registry("journal", "head").raw == head


def test_restored_registry_works(
    registry: CommandLine, other_registry: CommandLine, services: Callable[[], Any], tmp_path: Path
) -> None:
    some_records(services)
    registry("backup", tmp_path / "backup")
    other_registry("restore", tmp_path / "backup")
    assert other_registry("tokens", "issue", "--name", "x", "--role", "auditor").code == 0
    assert other_registry("audits", "run").code == 0
    assert other_registry("journal", "verify").code == 0


def test_restore_over_records_needs_option(registry: CommandLine, services: Callable[[], Any], tmp_path: Path) -> None:
    some_records(services)
    taken = registry("backup", tmp_path / "backup")
    some_records(services)
    head = registry("journal", "head").out
    refused = registry("restore", tmp_path / "backup")
    assert (refused.code, refused.raw) == (4, b"") and "--force" in refused.err
    assert registry("journal", "head").out == head
    forced = registry("restore", "--force", tmp_path / "backup")
    assert (forced.code, forced.out) == (0, taken.out)
    assert registry("journal", "head").out != head


def test_restore_is_refused_while_service_runs(
    registry: CommandLine, own_app: Flask, services: Callable[[], Any], tmp_path: Path
) -> None:
    some_records(services)
    registry("backup", tmp_path / "backup")
    some_records(services)
    head = registry("journal", "head").out.strip()
    with own_app.app_context():
        db.engine.dispose()
    port = free_port()
    with running(registry, "serve", REGISTRY_PORT=str(port)):
        refused = registry("restore", "--replace", tmp_path / "backup")
        assert (refused.code, refused.raw) == (4, b"") and "--force" in refused.err
        # The service has added the key of its checkpoints.
        assert registry("journal", "verify", "--head", head).code == 0
        assert get(port, "/healthz") == {"status": "ok"}
    head = registry("journal", "head").out.strip()
    restored = registry("restore", "--replace", tmp_path / "backup")
    assert restored.code == 0, restored.err
    entry = json.loads(registry("journal", "export").out.splitlines()[-1])
    assert json.loads(entry["details"])["replaced_head"] == head
    assert registry("journal", "verify").code == 0


def test_forced_restore_replaces_records_under_running_service(
    registry: CommandLine, own_app: Flask, services: Callable[[], Any], tmp_path: Path
) -> None:
    some_records(services)
    taken = registry("backup", tmp_path / "backup")
    some_records(services)
    with own_app.app_context():
        db.engine.dispose()
    with running(registry, "serve", REGISTRY_PORT=str(free_port())):
        restored = registry("restore", "--force", tmp_path / "backup")
        assert (restored.code, restored.out) == (0, taken.out), restored.err
    entry = json.loads(registry("journal", "export").out.splitlines()[-1])
    assert (entry["action"], json.loads(entry["details"])["forced"]) == ("database.restored", True)
    assert registry("journal", "verify").code == 0


@pytest.mark.sqlite_only
@pytest.mark.parametrize("damage", [b"no database at all", bytes(4096)])
def test_restore_keeps_damaged_database_file(
    registry: CommandLine, own_app: Flask, services: Callable[[], Any], tmp_path: Path, damage: bytes
) -> None:
    some_records(services)
    taken = registry("backup", tmp_path / "backup")
    with own_app.app_context():
        db.engine.dispose()
    file = Path(registry.url.removeprefix("sqlite:///"))
    file.write_bytes(damage * 100)
    ran = registry("journal", "head")
    assert ran.code == 1 and "registry restore" in ran.err
    assert registry("restore", tmp_path / "backup").code == 4
    restored = registry("restore", "--replace", tmp_path / "backup")
    assert (restored.code, restored.out) == (0, taken.out), restored.err
    assert registry("journal", "verify").code == 0
    (kept,) = file.parent.glob(f"{file.name}.damaged-*")
    assert kept.read_bytes() == damage * 100


@pytest.mark.sqlite_only
@pytest.mark.needs_root
def test_backup_of_read_only_data_folder(tmp_path: Path) -> None:
    for state in ("stopped", "killed"):
        data = tmp_path / state
        data.mkdir()
        with small_disk(data, 24):
            registry = CommandLine(f"sqlite:///{data}/registry.sqlite3", data)
            registry.settings.pop("REGISTRY_SECRET_KEY")
            assert registry("db", "upgrade").code == 0
            assert registry("tokens", "issue", "--name", "x", "--role", "auditor").code == 0
            head = registry("journal", "head").out
            if state == "killed":
                leave_commit_in_log(data / "registry.sqlite3")
            (data / "secret_key").unlink()
            subprocess.run(["mount", "-o", "remount,ro", str(data)], check=True)
            taken = registry("backup", tmp_path / f"{state}.backup")
            assert taken.code == 0, taken.err
            assert "The backup is complete. The journal has no entry of it: " in taken.err
            subprocess.run(["mount", "-o", "remount,rw", str(data)], check=True)
        other_registry = CommandLine(f"sqlite:///{tmp_path}/{state}.sqlite3", tmp_path)
        restored = other_registry("restore", tmp_path / f"{state}.backup")
        assert (restored.code, restored.out) == (0, taken.out)
        assert other_registry("journal", "verify", "--head", head.strip()).code == 0
        assert sorted(path.name for path in tmp_path.glob(".*")) == []


def leave_commit_in_log(file: Path) -> None:
    """Leave the folder as a killed service does: a commit exists in the write-ahead log only."""
    log = file.with_name(f"{file.name}-wal")
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        database.execute("PRAGMA wal_autocheckpoint = 0")
        database.execute("CREATE TABLE late (id INTEGER PRIMARY KEY)")
        kept = log.read_bytes(), file.read_bytes()
    assert kept[0]
    log.write_bytes(kept[0])
    file.write_bytes(kept[1])


def test_damaged_or_foreign_file_is_no_backup(
    registry: CommandLine, services: Callable[[], Any], tmp_path: Path
) -> None:
    some_records(services, count=30)
    registry("backup", tmp_path / "backup")
    whole = (tmp_path / "backup").read_bytes()
    records = registry("projects", "export").raw
    for content in (b"", b"no backup", whole[: len(whole) // 2], bytes(1000) + whole[1000:]):
        (tmp_path / "broken").write_bytes(content)
        refused = registry("restore", "--force", tmp_path / "broken")
        assert refused.code in (1, 5) and refused.raw == b"" and refused.err
        assert "Traceback" not in refused.err and "unexpected" not in refused.err
        assert registry("projects", "export").raw == records
    assert registry("restore", tmp_path / "none").code == 2


def test_backup_does_not_replace_file_without_force(
    registry: CommandLine, services: Callable[[], Any], tmp_path: Path
) -> None:
    some_records(services)
    (tmp_path / "thesis.txt").write_text("ten years of work")
    assert registry("backup", tmp_path / "thesis.txt").code == 4
    assert (tmp_path / "thesis.txt").read_text() == "ten years of work"
    assert registry("backup", tmp_path / "no" / "folder").code == 1
    assert registry("backup", tmp_path).code == 2
    assert sorted(path.name for path in tmp_path.iterdir() if "thesis" in path.name) == ["thesis.txt"]


@pytest.mark.sqlite_only
def test_backup_to_database_file_is_refused(registry: CommandLine, services: Callable[[], Any]) -> None:
    some_records(services)
    file = registry.url.removeprefix("sqlite:///")
    assert registry("backup", "--force", file).code == 2
    assert registry("journal", "verify").code == 0


def test_backup_under_load_is_consistent(
    registry: CommandLine, other_registry: CommandLine, own_app: Flask, services: Callable[[], Any], tmp_path: Path
) -> None:
    some_records(services)
    stop, failed = threading.Event(), []

    def write() -> None:
        with own_app.app_context():
            agency = an_agency()
            while not stop.is_set():
                try:
                    a_project(agency)
                except Exception as error:
                    failed.append(error)
                    raise

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    try:
        taken = [registry.aside("backup", tmp_path / f"backup-{number}") for number in range(3)]
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert failed == []
    for number, ran in enumerate(taken):
        assert ran.code == 0, ran.err
        restored = other_registry("restore", "--force", tmp_path / f"backup-{number}")
        assert (restored.code, restored.out) == (0, ran.out), restored.err
        assert other_registry("journal", "verify").code == 0


def test_tampered_journal_is_reported_on_restore(
    registry: CommandLine, other_registry: CommandLine, services: Callable[[], Any], tmp_path: Path
) -> None:
    some_records(services)
    tamper(services, "UPDATE journal SET principal = 'nobody' WHERE seq = 2")
    assert registry("backup", tmp_path / "backup").code == 0
    restored = other_registry("restore", tmp_path / "backup")
    assert restored.code == 1 and "entry 2" in restored.err


@pytest.mark.postgres_only
def test_missing_pg_dump_is_named_with_package(registry: CommandLine, tmp_path: Path) -> None:
    ran = registry("backup", tmp_path / "backup", PATH=str(tmp_path))
    assert (ran.code, ran.raw) == (1, b"")
    entries = [json.loads(line)["action"] for line in registry("journal", "export").out.splitlines()]
    assert entries[-2:] == ["database.backup-started", "database.backup-failed"]
    assert "pg_dump" in ran.err and "postgresql-client" in ran.err
    assert shutil.which("pg_dump", path=str(tmp_path)) is None
