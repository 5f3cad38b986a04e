"""Database schema: created for a new SQLite file, otherwise upgraded on request."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from registry.core.schema import downgrade_schema
from tests.fixtures.cli import CommandLine


def test_upgrade_creates_schema_and_second_upgrade_changes_nothing(new_registry: CommandLine) -> None:
    made = new_registry("db", "upgrade")
    assert (made.code, made.raw) == (0, b"") and "upgraded" in made.err
    again = new_registry("db", "upgrade")
    assert again.code == 0 and "nothing" in again.err
    assert new_registry("audits", "list", "--json").json == {"items": [], "next": None}


@pytest.mark.sqlite_only
@pytest.mark.parametrize("command", ["tokens list", "demo load", "serve", "scheduler"])
def test_command_in_the_wrong_folder_makes_no_database(tmp_path: Path, command: str) -> None:
    registry = CommandLine("", tmp_path / "var")
    ran = registry(*command.split())
    assert (ran.code, ran.raw, list(tmp_path.iterdir())) == (3, b"", [])
    assert f"no database {tmp_path}/var/registry.sqlite3" in ran.err and "registry db upgrade" in ran.err


@pytest.mark.sqlite_only
def test_command_without_settings_names_its_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    registry = CommandLine("", tmp_path)
    for name in ("REGISTRY_DATA_DIR", "REGISTRY_DATABASE_URL"):
        del registry.settings[name]
        monkeypatch.delenv(name, raising=False)
    assert registry("db", "upgrade").code == 0
    ran = registry("tokens", "list", "--json")
    assert ran.json == {"items": []} and f"Database: {tmp_path}/var/registry.sqlite3 (" in ran.err


@pytest.mark.postgres_only
def test_postgresql_without_schema_names_the_command(new_registry: CommandLine) -> None:
    for command in (("audits", "list"), ("serve",), ("scheduler",)):
        ran = new_registry(*command)
        assert (ran.code, ran.raw) == (1, b"")
        assert "registry db upgrade" in ran.err


def test_old_schema_names_the_command(registry: CommandLine, own_app: Flask) -> None:
    with own_app.app_context():
        downgrade_schema("-1")
    ran = registry("tokens", "list")
    assert (ran.code, ran.raw) == (1, b"")
    assert "registry db upgrade" in ran.err
    assert registry("db", "upgrade").code == 0
    assert registry("tokens", "list").code == 0
