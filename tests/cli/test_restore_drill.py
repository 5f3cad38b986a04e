"""Backups in a folder: rotation, the drill that restores the newest one, and what a restore does not bring back."""

from __future__ import annotations

import json
import os
import pwd
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from registry.accounts.account_changes import disable_account
from registry.accounts.models import account_named
from registry.accounts.roles import Role, local_actor
from registry.accounts.service import NewPerson, add_person, edit_account
from registry.accounts.sessions import WebSession
from registry.accounts.tokens import Token, issue, revoke
from registry.cli.backup import delete_old
from registry.core.database import db
from registry.core.schema import newest_revision
from registry.journal.service import JournalEntry
from tests.databases import Databases
from tests.factories import ADMINISTRATOR, PASSWORD, a_project, a_token, an_agency
from tests.fixtures.cli import CommandLine
from tests.journal.test_commands import tamper

pytestmark = pytest.mark.usefixtures("server_programs")


@pytest.fixture
def backups(registry: CommandLine, tmp_path: Path) -> Path:
    """The backup folder of ``registry``."""
    folder = tmp_path / "backups"
    folder.mkdir()
    registry.settings["REGISTRY_BACKUP_DIR"] = str(folder)
    return folder


@pytest.fixture
def another(databases: Databases, tmp_path: Path) -> Iterator[CommandLine]:
    """Another registry."""
    url = databases.make()
    yield CommandLine(url, tmp_path / "another")
    databases.drop(url)


def test_drill_counts_records_verifies_the_journal_and_leaves_an_entry(
    registry: CommandLine, backups: Path, services: Callable[[], Any]
) -> None:
    with services():
        a_project(an_agency())
    taken = registry("backup")
    ran = registry("restore-drill", "--json")
    assert ran.code == 0, ran.err
    drill = ran.json
    assert (drill["agencies"], drill["projects"], drill["digest"]) == (1, 1, taken.out.strip())
    assert drill["head"].startswith(f"{drill['entries']}:")
    assert drill["total_seconds"] >= drill["restore_seconds"] >= 0
    entry = json.loads(registry("journal", "export").out.splitlines()[-1])
    assert entry["action"] == "database.restore-drilled"
    assert json.loads(entry["details"])["file"] == next(backups.iterdir()).name


def test_drill_leaves_no_database_behind(
    registry: CommandLine, backups: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    registry("backup")
    assert registry("restore-drill").code == 0
    assert list(temporary.iterdir()) == []


def test_drill_of_a_tampered_backup_fails(
    registry: CommandLine, another: CommandLine, backups: Path, services: Callable[[], Any], tmp_path: Path
) -> None:
    with services():
        an_agency()
    registry("backup")
    [backup] = backups.iterdir()
    another("restore", "--replace", backup)
    another("backup", tmp_path / "changed")
    refused = registry("restore-drill", tmp_path / "changed")
    assert refused.code == 1
    assert "not one of this registry" in refused.err
    tamper(services, "UPDATE journal SET principal = 'nobody' WHERE seq = 1")
    registry("backup", tmp_path / "broken")
    broken = registry("restore-drill", tmp_path / "broken")
    assert broken.code == 1
    assert "hash-wrong" in broken.err
    actions = [json.loads(line)["action"] for line in registry("journal", "export").out.splitlines()]
    assert "database.restore-drilled" not in actions


def test_drill_needs_a_backup(registry: CommandLine, backups: Path, tmp_path: Path) -> None:
    assert registry("restore-drill").code == 3
    (tmp_path / "junk").write_bytes(b"no backup")
    assert registry("restore-drill", tmp_path / "junk").code == 5
    del registry.settings["REGISTRY_BACKUP_DIR"]
    assert registry("restore-drill").code == 2
    assert registry("backup").code == 2


def test_rotation_keeps_the_newest_and_files_of_other_names(registry: CommandLine, backups: Path) -> None:
    names = [f"registry-2026112{day}T010000Z.backup" for day in range(1, 6)]
    for name in (*names, "notes.txt", "registry-20261121T010000Z.backup.gpg"):
        (backups / name).write_bytes(b"x")
    deleted = delete_old(backups, 2)
    assert [path.name for path in deleted] == names[:3]
    assert {path.name for path in backups.iterdir()} == {
        *names[3:],
        "notes.txt",
        "registry-20261121T010000Z.backup.gpg",
    }


def test_backup_that_fails_deletes_none(registry: CommandLine, backups: Path, services: Callable[[], Any]) -> None:
    old = backups / "registry-20261121T010000Z.backup"
    old.write_bytes(b"x")
    failed = registry("backup", "--keep", "1", REGISTRY_DATABASE_URL="sqlite:////nowhere/registry.sqlite3")
    assert failed.code != 0
    assert old.exists()
    kept = registry("backup", "--keep", "1")
    assert kept.code == 0 and not old.exists()
    assert len(list(backups.iterdir())) == 1
    assert registry("backup", "--keep", "1", backups / "named").code == 2


def test_schema_is_taken_back_and_forth_only_when_confirmed(registry: CommandLine) -> None:
    assert registry("db", "downgrade", "2026_11_26_15").code == 2
    assert registry("db", "downgrade", "2020_01_01_1", "--yes").code == 3
    assert registry("db", "downgrade", "2026_11_26_15", "--yes").code == 0
    checks = {finding["check"]: finding for finding in registry("doctor", "--json").json["checks"]}
    assert checks["schema"]["state"] == "failure"
    assert newest_revision() in checks["schema"]["text"] and "2026_11_26_15" in checks["schema"]["text"]
    assert registry("db", "upgrade").code == 0


def test_restore_brings_back_no_access(registry: CommandLine, services: Callable[[], Any], tmp_path: Path) -> None:
    with services():
        a_token(Role.ADMINISTRATOR, name="aigul@example.kz")
        add_person(ADMINISTRATOR, NewPerson("dana@example.kz", Role.AUDITOR, None), PASSWORD)
        revoked = issue(ADMINISTRATOR, "robot", Role.AUDITOR, None)
        kept = issue(ADMINISTRATOR, "other robot", Role.AUDITOR, None)
    assert registry("backup", tmp_path / "backup").code == 0
    with services():
        dana = account_named("dana@example.kz")
        disable_account(ADMINISTRATOR, dana.id)
        revoke(ADMINISTRATOR, revoked.key_id)
    restored = registry("restore", "--replace", tmp_path / "backup")
    assert restored.code == 0, restored.err
    assert "still disabled: dana@example.kz." in restored.err
    with services():
        dana = account_named("dana@example.kz")
        assert dana.disabled_at is not None
        assert db.session.scalar(select(func.count()).select_from(WebSession)) == 0
        pending = select(Token.key_id).where(Token.revoked_at.is_(None), Token.pending_since.is_not(None))
        assert {revoked.key_id, kept.key_id} <= set(db.session.scalars(pending))
        working = select(func.count()).where(Token.revoked_at.is_(None), Token.pending_since.is_(None))
        assert db.session.scalar(working) == 0
    assert registry("journal", "verify").code == 0


def test_account_that_was_renamed_before_it_was_disabled_stays_disabled(
    registry: CommandLine, services: Callable[[], Any], tmp_path: Path
) -> None:
    with services():
        a_token(Role.ADMINISTRATOR, name="aigul@example.kz")
        add_person(ADMINISTRATOR, NewPerson("dana@example.kz", Role.AUDITOR, None), PASSWORD)
    assert registry("backup", tmp_path / "backup").code == 0
    with services():
        dana = account_named("dana@example.kz")
        edit_account(ADMINISTRATOR, dana.id, {"name": "dana.new@example.kz"})
        disable_account(ADMINISTRATOR, dana.id)

    restored = registry("restore", "--replace", tmp_path / "backup")

    assert "still disabled: dana@example.kz." in restored.err
    with services():
        dana = account_named("dana@example.kz")
        assert dana.disabled_at is not None


def test_actor_of_a_command_is_the_user_of_the_process(
    registry: CommandLine, services: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "saule")
    own = f"local:{pwd.getpwuid(os.getuid()).pw_name}"
    assert local_actor(Role.OPERATOR).principal == own
    assert registry("tokens", "issue", "--name", "x", "--role", "auditor", LOGNAME="saule").code == 0
    with services():
        assert set(db.session.scalars(select(JournalEntry.principal))) == {own}
