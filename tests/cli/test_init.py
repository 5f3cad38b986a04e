"""``registry init``: the files that it copies, and what it refuses."""

from __future__ import annotations

import stat
import sys
import tomllib
from pathlib import Path

import pytest

from registry.settings import CHECKOUT
from tests.fixtures.cli import CommandLine

pytestmark = pytest.mark.sqlite_only

FILES = [
    "config/calendar.toml",
    "config/freeze_policy.toml",
    "config/granian.env",
    "config/monitoring/alerts.yml",
    "config/monitoring/alerts_test.yml",
    "config/monitoring/dashboard.json",
    "config/nginx.conf",
    "config/pgbouncer.ini",
    "config/service.env",
    "config/systemd/registry-audit.service",
    "config/systemd/registry-audit.timer",
    "config/systemd/registry-backup.service",
    "config/systemd/registry-backup.timer",
    "config/systemd/registry-scheduler.service",
    "config/systemd/registry-web.service",
    "scripts/nightly_audit",
    "wsgi.py",
]


@pytest.fixture
def command(tmp_path: Path) -> CommandLine:
    return CommandLine("", tmp_path / "var")


def test_init_copies_the_files_that_an_operator_edits(command: CommandLine, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    done = command("init", folder)
    assert done.code == 0
    assert sorted(done.out.splitlines()) == [str(folder / name) for name in FILES]
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()) == FILES
    assert (folder / "config/freeze_policy.toml").read_text() == (CHECKOUT / "config/freeze_policy.toml").read_text()
    assert tomllib.loads((folder / "config/calendar.toml").read_text())["days_off"] == []
    modes = {name: stat.S_IMODE((folder / name).stat().st_mode) for name in FILES}
    assert {name for name, mode in modes.items() if mode == 0o600} == {"config/service.env"}
    assert set(modes.values()) == {0o600, 0o644}
    assert f"set -a; . {folder}/config/service.env; set +a" in done.err
    assert "registry db upgrade" in done.err and "registry users add --name administrator" in done.err


def test_init_writes_the_paths_of_the_folder_into_settings_and_units(command: CommandLine, tmp_path: Path) -> None:
    command("init", tmp_path)
    settings = (tmp_path / "config/service.env").read_text()
    web = (tmp_path / "config/systemd/registry-web.service").read_text()
    assert f'REGISTRY_DATA_DIR="{tmp_path}/var"\n' in settings
    assert f'REGISTRY_POLICY_FILE="{tmp_path}/config/freeze_policy.toml"\n' in settings
    assert f'REGISTRY_CALENDAR_FILE="{tmp_path}/config/calendar.toml"\n' in settings
    assert f"WorkingDirectory={tmp_path}\n" in web
    assert f"EnvironmentFile={tmp_path}/config/granian.env\nEnvironmentFile={tmp_path}/config/service.env\n" in web
    assert f"ExecStart={Path(sys.executable).parent}/granian wsgi:application\n" in web
    assert f"ReadWritePaths={tmp_path}/var\n" in web and "StateDirectory" not in web
    audit = (tmp_path / "config/systemd/registry-audit.service").read_text()
    assert f"ExecStart={Path(sys.executable).parent}/python {tmp_path}/scripts/nightly_audit\n" in audit
    backup = (tmp_path / "config/systemd/registry-backup.service").read_text()
    assert f"ExecStart={Path(sys.executable).parent}/registry backup --keep 14\n" in backup
    for path in (tmp_path / "config").rglob("*.*"):
        assert "/opt/registry" not in path.read_text()


def test_init_uses_the_current_folder_by_default(
    command: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command("init").code == 0
    assert (tmp_path / "config/service.env").is_file()


@pytest.mark.parametrize("name", ["config/service.env", "wsgi.py"])
def test_init_overwrites_no_file(command: CommandLine, tmp_path: Path, name: str) -> None:
    edited = tmp_path / name
    edited.parent.mkdir(parents=True, exist_ok=True)
    edited.write_text("edited")
    done = command("init", tmp_path)
    assert (done.code, done.raw) == (4, b"")
    assert done.err == f"Nothing was written, because these files exist:\n  {edited}\n"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [edited]
    assert edited.read_text() == "edited"


@pytest.mark.parametrize("name", ["two words", 'quo"te', "$HOME", "50%", "a\nb"])
def test_init_refuses_a_path_that_needs_quoting(command: CommandLine, tmp_path: Path, name: str) -> None:
    done = command("init", tmp_path / name)
    assert (done.code, done.raw) == (2, b"")
    assert not (tmp_path / name).exists()
