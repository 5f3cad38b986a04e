"""Exports: contents, visibility, and re-import; filters by budget programme and security test."""

from __future__ import annotations

import csv
import io
from datetime import date
from pathlib import Path

import pytest
from flask import Flask
from python_calamine import CalamineWorkbook

from registry.accounts.roles import Actor, Role
from registry.core.database import db, transaction
from registry.journal.service import JournalEntry
from registry.projects.exports import COLUMNS, export_csv, export_xlsx
from registry.projects.fields import FIELDS, READ_ONLY
from registry.projects.models import Project
from registry.projects.service import restrict_project
from tests.api.callers import Caller
from tests.factories import ADMINISTRATOR, a_project, an_actor, an_agency
from tests.imports.tables import DATA
from tests.imports.test_projects import counts, run_import

# Filters, sorts and search hang on the database.
pytestmark = pytest.mark.on_both

HOSTILE = [
    "=SUM(A1)",
    "+7 701",
    "-1",
    "@x",
    "＝SUM(A1)",
    "＋7 701",
    "－1",
    "＠x",
    "'=x",
    "''+1",
    "'",
    "a\nb",
    'Он сказал "да"; потом, нет',
    "_x0041_",
    "₸ 𝕏 ӘҚ",
]


def exported(actor: Actor = ADMINISTRATOR, **filters: str) -> list[dict[str, str]]:
    content = b"".join(export_csv(actor, filters))
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def in_xlsx(tmp_path: Path, actor: Actor = ADMINISTRATOR, **filters: str) -> bytes:
    path = tmp_path / "projects.xlsx"
    export_xlsx(actor, filters, path)
    return path.read_bytes()


def test_export_contains_all_fields_and_read_only_values(app: Flask) -> None:
    project = a_project(is_ai=True, holds_personal_data=False, object_class=2, purpose="Учёт")
    (row,) = exported()
    assert set(row) == {"agency", *FIELDS, *READ_ONLY, "severity"} == set(COLUMNS)
    assert (row["number"], row["agency"], row["is_ai"]) == (project.number, project.agency.bin, "true")
    assert (row["holds_personal_data"], row["object_class"], row["is_restricted"]) == ("false", "2", "false")
    assert (row["started_on"], row["version"], row["freeze_status"]) == ("2026-01-20", "1", "unaudited")
    assert (row["budget_kzt"], row["sector"], row["purpose"], row["name_en"]) == ("120000000", "07", "Учёт", "")
    assert row["registered_at"] == project.registered_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def test_no_exported_cell_starts_a_formula(app: Flask, tmp_path: Path) -> None:
    agency = an_agency()
    for text in HOSTILE:
        a_project(agency, name_ru=text, contract_number=text, responsible_name=text)
    cells = [cell for row in exported() for cell in row.values()]
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(in_xlsx(tmp_path))).get_sheet_by_index(0)
    cells += [cell for row in sheet.to_python()[1:] for cell in row if isinstance(cell, str)]
    assert not [cell for cell in cells if cell[:1] in tuple("=+-@\t\r＝＋－＠")]


def test_untouched_export_changes_nothing_when_it_is_imported(app: Flask, tmp_path: Path) -> None:
    agency = an_agency()
    for number, text in enumerate(HOSTILE):
        a_project(agency, external_id=f"{text}{number}", name_ru=text, purpose=text, object_class=1, is_ai=False)
    content = b"".join(export_csv(ADMINISTRATOR, {}))
    assert counts(run_import(content)) == (0, 0, len(HOSTILE), 0)
    assert counts(run_import(in_xlsx(tmp_path))) == (0, 0, len(HOSTILE), 0)


# An untouched export changes nothing, by the test above.
@pytest.mark.nightly
def test_real_records_survive_export_and_import(app: Flask, tmp_path: Path) -> None:
    run_import((DATA / "agencies.csv").read_bytes(), kind="agencies")
    run_import((DATA / "projects.csv").read_bytes())
    assert counts(run_import(b"".join(export_csv(ADMINISTRATOR, {})))) == (0, 0, 1050, 0)
    assert counts(run_import(in_xlsx(tmp_path))) == (0, 0, 1050, 0)


def test_dates_and_money_are_dates_and_numbers_in_xlsx(app: Flask, tmp_path: Path) -> None:
    a_project(budget_kzt=10**15, work_started_on="2026-02-01")
    header, row = CalamineWorkbook.from_filelike(io.BytesIO(in_xlsx(tmp_path))).get_sheet_by_index(0).to_python()
    cells = dict(zip(header, row, strict=True))
    assert (cells["budget_kzt"], cells["work_started_on"]) == (10.0**15, date(2026, 2, 1))


def test_export_of_restricted_projects_is_limited_and_journalled(app: Flask) -> None:
    project = a_project()
    with transaction():
        restrict_project(an_actor(Role.SUPERVISOR), project, True, "решение")
    reads = db.select(JournalEntry.subject).where(JournalEntry.action == "restricted.read")
    assert exported(an_actor(Role.OPERATOR)) == exported() == []
    assert db.session.scalars(reads).all() == []
    assert [row["is_restricted"] for row in exported(an_actor(Role.AUDITOR))] == ["true"]
    assert db.session.scalars(reads).all() == [f"project:{project.number}"]


@pytest.fixture
def numbers(administrator: Caller) -> dict[str, Project]:
    return {
        "with": a_project(
            budget_programme="047-100 Цифровизация",
            security_conclusion_number="ИБ-7",
            security_conclusion_on="2026-03-02",
        ),
        "dated": a_project(budget_programme="047", security_conclusion_on="2026-05-02"),
        "without": a_project(budget_programme="104_7"),
    }


def test_list_has_the_projects_that_match(administrator: Caller, numbers: dict[str, Project]) -> None:
    for query, expected in [
        ("budget_programme=047", {"with", "dated"}),
        ("budget_programme=047-100,104", {"with", "without"}),
        ("budget_programme=047%25", set()),
        ("budget_programme=104_", {"without"}),
        ("budget_programme=1___", set()),
        ("has_security_conclusion=true", {"with", "dated"}),
        ("has_security_conclusion=false", {"without"}),
        ("security_conclusion_number=ИБ-7", {"with"}),
        ("security_conclusion_on_from=2026-04-01", {"dated"}),
    ]:
        items = administrator.get(f"/projects?{query}").get_json()["items"]
        assert {item["number"] for item in items} == {numbers[name].number for name in expected}, query


@pytest.mark.parametrize("query", ["has_security_conclusion=yes", "budget_programme=", "security_conclusion_on_to=x"])
def test_invalid_value_is_an_error(administrator: Caller, query: str) -> None:
    assert administrator.get(f"/projects?{query}").status_code == 400
