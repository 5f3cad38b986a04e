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
def test_new_sqlite_registry_works_immediately(tmp_path: Path) -> None:
    registry = CommandLine("", tmp_path / "var")
    assert registry("tokens", "list", "--json").json == {"items": []}
    assert (tmp_path / "var" / "registry.sqlite3").exists()


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
