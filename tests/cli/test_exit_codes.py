"""Exit codes, streams, locale and message boundaries of commands."""

from __future__ import annotations

import json
import logging
import re
import socket
import stat
import sys
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import click
import pytest

from registry.cli.app_context import open_registry
from registry.cli.main import main
from registry.cli.output import DAY, language
from registry.core import clock
from registry.settings import CHECKOUT, read_settings
from tests.fixtures.cli import CommandLine, of_processes
from tests.running import PATIENCE_S, free_port, running

READING = (("audits", "list"), ("tokens", "list"), ("journal", "head"), ("explain", "QT-2026-0000001-3"))
# Nothing here hangs on the database.
pytestmark = pytest.mark.sqlite_only
HOSTILE = (
    *("", " ", "'", '"; DROP TABLE projects; --', "../../etc/passwd", "%s%n{0}{missing}", "١٢٣", "ＱＴ", "🙂" * 50),
    *("a" * 20_000, "9" * 400, "\x1b[31m", "line\nbreak", "\x01", "-", "--", "=", "a=b", "qtr_0123456789_x"),
    "QT-2026-0000001-3\x7f",
)


def test_unreachable_database_is_reported_without_password(registry: CommandLine) -> None:
    url = "postgresql+psycopg://somebody:hush@127.0.0.1:9/none"
    for command in (*READING, ("db", "upgrade"), ("scheduler",), ("restore", Path(__file__))):
        ran = registry(*command, REGISTRY_DATABASE_URL=url)
        assert ran.code in (1, 5), command
        assert ran.err and "hush" not in ran.err and "Traceback" not in ran.err


def test_foreign_file_is_rejected_and_unchanged(registry: CommandLine, tmp_path: Path) -> None:
    other = tmp_path / "letter.txt"
    other.write_text("Dear registry, " * 500)
    for command in (*READING, ("db", "upgrade"), ("backup", tmp_path / "copy")):
        ran = registry(*command, REGISTRY_DATABASE_URL=f"sqlite:///{other}")
        assert (ran.code, ran.raw) == (1, b""), command
        assert "not a database" in ran.err
    assert other.read_text() == "Dear registry, " * 500
    assert not (tmp_path / "copy").exists()


def test_commands_use_the_configured_calendar(
    registry: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calendar = tmp_path / "calendar.toml"
    calendar.write_text("days_off = [2026-01-05]\n")
    # Another test may have read the calendar of this process.
    monkeypatch.setattr(clock, "_current", [])
    with open_registry(read_settings({**registry.settings, "REGISTRY_CALENDAR_FILE": str(calendar)})):
        assert clock.national_calendar().days_off == {date(2026, 1, 5)}


def test_command_log_is_json_lines_in_utc(registry: CommandLine) -> None:
    assert registry("audits", "list").code == 0
    forged = ValueError("no\n2026-11-26 01:00:00,000 ERROR forged")
    logging.getLogger("registry.cli.output").error("one\nline", exc_info=forged)

    log = (registry.data_dir / "commands.log").read_text(encoding="utf-8").splitlines()
    line = json.loads(log[0])
    assert len(log) == 1 and line["message"] == "one\nline" and "forged" in line["exception"]
    assert re.fullmatch(r"[0-9-]{10}T[0-9:.]+Z", line["at"])
    assert (line["level"], line["logger"]) == ("error", "registry.cli.output")


def test_unknown_command_or_option_is_usage_error(registry: CommandLine) -> None:
    for command in (("nonsense",), ("audits", "nonsense"), ("audits", "run", "--nonsense"), ("explain",)):
        ran = registry(*command)
        assert (ran.code, ran.raw) == (2, b""), command
        assert "Usage: " in ran.err


def test_mistyped_command_names_the_one_like_it(registry: CommandLine) -> None:
    for typed, meant in (("audit", "audits"), ("agencys", "agencies"), ("jurnal", "journal")):
        ran = registry(typed, "list")
        assert (ran.code, ran.raw) == (2, b"")
        assert f"No such command '{typed}'. Did you mean '{meant}'?" in ran.err


def test_hostile_arguments_exit_with_a_message(registry: CommandLine, nightly: bool) -> None:
    for hostile in HOSTILE if nightly else HOSTILE[::3]:
        for command in (
            ("explain", "--", hostile),
            ("explain", "QT-2026-0000001-3", f"--on={hostile}"),
            ("audits", "show", "--", hostile),
            ("audits", "run", f"--on={hostile}"),
            ("tokens", "revoke", "--", hostile),
            ("tokens", "issue", "--name=x", f"--role={hostile}"),
            ("tokens", "issue", "--name=x", "--role=reviewer", f"--expires-in={hostile}"),
            ("tokens", "issue", "--name=x", "--role=agency_editor", f"--agency={hostile}"),
            ("journal", "verify", f"--head={hostile}"),
            ("projects", "export", "--", hostile),
            ("projects", "export", f"--stage={hostile}", f"--agency={hostile}"),
            ("projects", "export", f"--budget-kzt-from={hostile}", f"--registered_at_to={hostile}"),
            ("projects", "import", "--", hostile),
            ("restore", "--", hostile),
        ):
            ran = registry(*command)
            # 5: a file of that name may exist, which is no table.
            assert ran.code in (2, 3, 5), (command, ran)
            assert ran.raw == b"" and ran.err and "Traceback" not in ran.err and "unexpected" not in ran.err
        issued = registry("tokens", "issue", f"--name={hostile}", "--role=auditor")
        assert issued.code in (0, 2)
        assert (issued.code == 0) == issued.out.startswith("qtr_")


@of_processes
def test_undecodable_argument_is_usage_error(registry: CommandLine) -> None:
    ran = registry.process(b"tokens", b"issue", b"--role", b"auditor", b"--name", b"\xed\xa0\x80")
    assert (ran.code, ran.raw) == (2, b"")
    assert "UTF-8" in ran.err and "Traceback" not in ran.err


def test_help_needs_no_settings_and_lists_every_command(registry: CommandLine) -> None:
    ran = registry("--help", REGISTRY_PORT="wrong")
    assert ran.code == 0
    for command in ("serve", "scheduler", "db", "audits", "explain", "projects", "agencies", "inventory", "tokens"):
        assert f"\n  {command} " in ran.out
    for command in ("journal", "backup", "restore", "demo"):
        assert f"\n  {command} " in ran.out
    assert registry("audits", "run", "--help", REGISTRY_PORT="wrong").code == 0


@of_processes
def test_process_has_same_exit_codes_and_streams(registry: CommandLine) -> None:
    missing = registry.process("explain", "QT-2026-0000001-3")
    assert (missing.code, missing.raw) == (3, b"")
    assert "QT-2026-0000001-3" in missing.err
    listed = registry.process("audits", "list")
    assert (listed.code, listed.err) == (0, "")
    assert listed.raw and b"\x1b" not in listed.raw


# It writes the file of settings, and reads none.
WITHOUT_SETTINGS = ("init",)
WRONG_ROLE = "REGISTRY_SECOND_FACTOR: there is no role emperor"


def commands(group: click.Group = main, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that is no group, with the words that call it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        elif (*path, name) != WITHOUT_SETTINGS:
            yield (*path, name), command


def arguments(command: click.Command, file: Path) -> Iterator[str]:
    """Something for each parameter that the command demands."""
    for parameter in command.params:
        if "--yes" in parameter.opts:
            yield "--yes"
        if not parameter.required:
            continue
        if isinstance(parameter, click.Option):
            yield parameter.opts[0]
        if isinstance(parameter.type, click.Choice):
            yield str(parameter.type.choices[0])
        elif isinstance(parameter.type, click.Path | click.File):
            yield str(file)
        elif parameter.type is DAY:
            yield "2026-11-01"
        else:
            yield "2"


COMMANDS = {" ".join(words): command for words, command in commands()}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_refuses_a_role_that_does_not_exist(tmp_path: Path, name: str) -> None:
    file = tmp_path / "file"
    file.write_text("{}")
    registry = CommandLine(f"sqlite:///{tmp_path}/registry.sqlite3", tmp_path)
    ran = registry(*name.split(), *arguments(COMMANDS[name], file), REGISTRY_SECOND_FACTOR="emperor")
    if name == "doctor":
        assert (ran.code, WRONG_ROLE in ran.out) == (1, True)
    else:
        assert (ran.code, ran.raw) == (2, b""), ran.err
        assert WRONG_ROLE in ran.err


@pytest.mark.parametrize("command", ["serve", "audits list"])
@pytest.mark.parametrize(
    ("variable", "content", "text"),
    [
        ("REGISTRY_CALENDAR_FILE", 'days_off = ["2026-01-05"]\n', "The calendar file is invalid"),
        ("REGISTRY_POLICY_FILE", "version = 1\n", "The policy file cannot be used"),
        ("REGISTRY_SIGN_IN_FILE", "[roles]\nemperor = ['x']\n", "The sign-in file is invalid"),
    ],
)
def test_commands_refuse_the_files_that_the_service_refuses(
    registry: CommandLine, tmp_path: Path, command: str, variable: str, content: str, text: str
) -> None:
    (tmp_path / "wrong.toml").write_text(content)
    provider = {
        "REGISTRY_PUBLIC_URL": "https://registry.example.kz",
        "REGISTRY_OIDC_ISSUER": "https://idp.example.kz",
        "REGISTRY_OIDC_CLIENT_ID": "registry",
        "REGISTRY_OIDC_CLIENT_SECRET": "secret",
    }
    ran = registry(*command.split(), **provider, **{variable: str(tmp_path / "wrong.toml")})
    assert (ran.code, ran.raw) == (5, b""), ran.err
    assert text in ran.err and "wrong.toml" in ran.err


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
def init_command(tmp_path: Path) -> CommandLine:
    return CommandLine("", tmp_path / "var")


def test_init_copies_the_files_that_an_operator_edits(init_command: CommandLine, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    done = init_command("init", folder)
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


def test_init_writes_the_paths_of_the_folder_into_settings_and_units(init_command: CommandLine, tmp_path: Path) -> None:
    init_command("init", tmp_path)
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
    init_command: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert init_command("init").code == 0
    assert (tmp_path / "config/service.env").is_file()


@pytest.mark.parametrize("name", ["config/service.env", "wsgi.py"])
def test_init_overwrites_no_file(init_command: CommandLine, tmp_path: Path, name: str) -> None:
    edited = tmp_path / name
    edited.parent.mkdir(parents=True, exist_ok=True)
    edited.write_text("edited")
    done = init_command("init", tmp_path)
    assert (done.code, done.raw) == (4, b"")
    assert done.err == f"Nothing was written, because these files exist:\n  {edited}\n"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [edited]
    assert edited.read_text() == "edited"


@pytest.mark.parametrize("name", ["two words", 'quo"te', "$HOME", "50%", "a\nb"])
def test_init_refuses_a_path_that_needs_quoting(init_command: CommandLine, tmp_path: Path, name: str) -> None:
    done = init_command("init", tmp_path / name)
    assert (done.code, done.raw) == (2, b"")
    assert not (tmp_path / name).exists()


# Parsing of requests does not depend on the database.
LAST = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.fixture
def port(registry: CommandLine) -> Iterator[int]:
    """Return the port of ``registry serve``."""
    chosen = free_port()
    with running(registry, "serve", REGISTRY_PORT=str(chosen)):
        yield chosen


def statuses(port: int, headers: bytes, body: bytes) -> list[bytes]:
    """Return the statuses of a POST with these headers and a following GET on one connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as client:
        client.sendall(b"POST /healthz HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n" + body + LAST)
        answered = b"".join(iter(lambda: client.recv(65536), b""))
    return [part[:3] for part in answered.split(b"HTTP/1.1 ")[1:]]


def test_chunked_encoding_overrides_content_length(port: int) -> None:
    assert statuses(port, b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n") == [b"405", b"200"]
    assert statuses(port, b"Content-Length: 5\r\n", b"abcde") == [b"405", b"200"]


def test_ambiguous_length_is_rejected_and_connection_closed(port: int) -> None:
    assert statuses(port, b"Content-Length: 5\r\nContent-Length: 6\r\n", b"abcdef") == [b"400"]
    assert statuses(port, b"Content-Length: +5\r\n", b"abcde") == [b"400"]
    assert statuses(port, b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", b"0\r\n\r\n") == [b"501"]
    assert statuses(port, b"Transfer-Encoding: chunked\r\n", b"0x5\r\nabcde\r\n0\r\n\r\n") == [b"400"]


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "en"),
        ({"LANG": "kk_KZ.UTF-8"}, "kk"),
        ({"LANG": "ru_RU.UTF-8"}, "ru"),
        ({"LANG": "ru_RU.UTF-8", "LC_ALL": "en_GB.UTF-8"}, "en"),
        ({"LANG": "ru_RU.UTF-8", "LC_MESSAGES": "kk_KZ"}, "kk"),
        ({"LANG": "C.UTF-8", "LANGUAGE": "de:ru:kk"}, "ru"),
        ({"LANG": "C", "LANGUAGE": "ru"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "", "LC_ALL": ""}, "en"),
    ],
)
def test_language_follows_locale(environ: dict[str, str], expected: str) -> None:
    assert language(environ) == expected


@pytest.mark.sqlite_only
def test_error_is_in_language_of_locale(registry: CommandLine) -> None:
    messages = {
        locale: registry("tokens", "revoke", "0123456789", LC_ALL=locale).err
        for locale in ("kk_KZ.UTF-8", "ru_RU.UTF-8", "en_GB.UTF-8")
    }
    assert len(set(messages.values())) == 3
    assert all("0123456789" in text for text in messages.values())


@of_processes
def test_terminal_without_cyrillic_works(registry: CommandLine) -> None:
    ran = registry.process("tokens", "revoke", "0123456789", LC_ALL="ru_RU.UTF-8", PYTHONIOENCODING="ascii")
    assert (ran.code, ran.raw) == (3, b"")
    assert "0123456789" in ran.err and "Traceback" not in ran.err
