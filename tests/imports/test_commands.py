"""``registry agencies``, ``registry projects`` and ``registry inventory``."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.factories import a_bin
from tests.fixtures.cli import CommandLine, of_processes

HEADER = "agency,external_id,name_ru,object_kind,work_type,stage,placement,platform_key,budget_kzt\n"


@pytest.fixture
def agency(registry: CommandLine, tmp_path: Path) -> str:
    """Return the BIN of an imported agency."""
    number = a_bin()
    file = tmp_path / "agencies.csv"
    file.write_text(f"bin,name_kk,name_ru,kind,region\n{number},Министрлік,Министерство,central_body,71\n", "utf-8")
    assert registry("agencies", "import", file).code == 0
    return number


def rows(agency: str, *lines: str) -> str:
    return HEADER + "".join(f"{agency},{line}\n" for line in lines)


GOOD = "P-1,Портал услуг,system,creation,pilot,off_platform,,1000000"
ON_PLATFORM = "P-2,Реестр,system,development,operation,on_platform,qt-7,0"
BAD = "P-3,Карта,system,creation,pilot,off_platform,,a lot"


def test_valid_rows_are_imported_and_second_import_changes_nothing(
    registry: CommandLine, agency: str, tmp_path: Path
) -> None:
    file = tmp_path / "projects.csv"
    file.write_text(rows(agency, GOOD, ON_PLATFORM), "utf-8")
    ran = registry("projects", "import", file, "--json")
    assert ran.code == 0
    assert ran.json | {"id": 0} == {
        **{"id": 0, "state": "done", "dry_run": False, "total": 2, "processed": 2, "created": 2, "updated": 0},
        **{"unchanged": 0, "rejected": 0, "unanswered": 0, "warnings": [], "errors": []},
    }
    again = registry("projects", "import", file)
    assert again.code == 0 and "unchanged 2" in again.out


def exported(registry: CommandLine, *arguments: str) -> list[dict[str, str]]:
    ran = registry("projects", "export", *arguments)
    assert ran.code == 0, ran.err
    return list(csv.DictReader(io.StringIO(ran.raw.decode("utf-8-sig"), newline="")))


def test_errors_of_a_file_or_a_filter_stand_below_a_heading(registry: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "projects.csv"
    file.write_text("name_ru,object_kind\nПортал,system\n", "utf-8")
    ran = registry("projects", "import", file)
    assert ran.code == 5
    assert ran.err.splitlines()[0] == "There are errors in the data:"
    assert ran.err.splitlines()[1].startswith('  file: The column "agency')
    ran = registry("projects", "export", "stagee=pilot", LC_ALL="ru_RU.UTF-8")
    assert ran.code == 2
    assert ran.err.splitlines()[-2:] == [
        "Команда не может использовать то, что ей передано:",
        "  stagee: Параметра stagee нет.",
    ]


@pytest.fixture
def two_projects(registry: CommandLine, agency: str, tmp_path: Path) -> str:
    """Return the agency of two projects."""
    file = tmp_path / "projects.csv"
    file.write_text(rows(agency, GOOD, ON_PLATFORM), "utf-8")
    assert registry("projects", "import", file).code == 0
    return agency


@of_processes
def test_export_to_closed_pipe_ends_quietly(registry: CommandLine, two_projects: str) -> None:
    process = registry.start("projects", "export")
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()
    assert process.wait(30) in (0, 1)


def test_inventory_previews_before_writing(registry: CommandLine, two_projects: str, tmp_path: Path) -> None:
    file = tmp_path / "inventory.csv"
    file.write_text(
        f"platform_key,agency,verified_on\nqt-7,{two_projects},2026-03-01\nqt-8,{two_projects},2026-03-01\n"
    )
    assert "add --reason to propose it" in registry("inventory", "import", file, "--dry-run").err
    registry("audits", "run")
    dry = registry("inventory", "import", file, "--dry-run", "--json")
    assert dry.code == 0
    assert {name: dry.json[name] for name in ("dry_run", "matched", "lost", "mismatched", "unregistered")} == {
        **{"dry_run": True, "matched": 1, "lost": 0, "mismatched": 0, "unregistered": 1}
    }
    assert {row["placement_verified_on"] for row in exported(registry)} == {""}
    applied = registry("inventory", "import", file)
    assert applied.code == 0 and "matched 1" in applied.out
    assert {row["placement_verified_on"] for row in exported(registry)} == {"", "2026-03-01"}


def test_inventory_that_waits_for_a_second_person_asks_for_the_reason_and_is_printed_as_json(
    registry: CommandLine, two_projects: str, tmp_path: Path
) -> None:
    file = tmp_path / "inventory.csv"
    file.write_text(f"platform_key,agency,verified_on\nqt-7,{two_projects},2026-03-01\n")

    without = registry("inventory", "import", file)
    proposed = registry("inventory", "import", file, "--json", "--reason", "The platform's own list")

    assert (
        without.code == 5 and "reason: Enter the reason: this waits for a second person, who reads it." in without.err
    )
    assert (proposed.code, proposed.json["kind"], proposed.json["state"]) == (0, "inventory", "waiting")
    assert proposed.json["reason"] == "The platform's own list"


def test_invalid_inventory_row_is_named(registry: CommandLine, two_projects: str, tmp_path: Path) -> None:
    registry("audits", "run")
    file = tmp_path / "inventory.csv"
    lines = [f"qt-7,{two_projects},2026-03-01", f"qt-9,{two_projects},yesterday"]
    file.write_text("platform_key,agency,verified_on\n" + "\n".join(lines) + "\n")
    ran = registry("inventory", "import", file, "--json")
    assert (ran.code, ran.json["matched"], ran.json["rejected"]) == (5, 1, 1)
    (error,) = ran.json["errors"]
    assert (error["row"], error["column"], error["code"]) == (3, "verified_on", "expected-date") and error["message"]
    assert "row 3, column verified_on" in registry("inventory", "import", file).err


@of_processes
def test_progress_is_displayed_on_terminals_only(
    registry: CommandLine, two_projects: str, tmp_path: Path, services: Callable[[], Any]
) -> None:
    ran = registry.process("projects", "import", str(tmp_path / "projects.csv"))
    assert ran.code == 0 and "%" not in ran.err and "\r" not in ran.err and "\x1b" not in ran.err + ran.out
