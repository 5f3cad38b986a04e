"""Commands exit with a message and an exit code, never with a traceback."""

from __future__ import annotations

import json
import logging
import re
from datetime import date
from pathlib import Path

import pytest

from registry.cli.app_context import open_registry
from registry.core import clock
from registry.settings import read_settings
from tests.fixtures.cli import CommandLine, of_processes

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
    logging.getLogger("registry.cli.exit_codes").error("one\nline", exc_info=forged)

    log = (registry.data_dir / "commands.log").read_text(encoding="utf-8").splitlines()
    line = json.loads(log[0])
    assert len(log) == 1 and line["message"] == "one\nline" and "forged" in line["exception"]
    assert re.fullmatch(r"[0-9-]{10}T[0-9:.]+Z", line["at"])
    assert (line["level"], line["logger"]) == ("error", "registry.cli.exit_codes")


def test_unknown_command_or_option_is_usage_error(registry: CommandLine) -> None:
    for command in (("nonsense",), ("audits", "nonsense"), ("audits", "run", "--nonsense"), ("explain",)):
        ran = registry(*command)
        assert (ran.code, ran.raw) == (2, b""), command
        assert "Usage: " in ran.err


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
    for command in (
        (b"explain", b"\xff\xfe"),
        (b"tokens", b"issue", b"--role", b"auditor", b"--name", b"\xed\xa0\x80"),
    ):
        ran = registry.process(*command)
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
    listed = registry.process("audits", "list", "--json")
    assert (listed.code, listed.json, listed.err) == (0, {"items": [], "next": None}, "")
    assert b"\x1b" not in registry.process("audits", "list").raw
