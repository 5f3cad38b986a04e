"""Workbooks that imports give back: the marked file, the template, and exports with labels."""

from __future__ import annotations

import io

import openpyxl
import pytest
from flask import Flask

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.core.lists import Page
from registry.core.translations import LANGUAGES, Language
from registry.imports.queries import errors_of
from registry.imports.service import import_now
from registry.imports.worker import run_next_import
from registry.projects.exports import COLUMNS
from tests.api.callers import Caller
from tests.factories import ADMINISTRATOR, a_bin, a_project, an_agency
from tests.fixtures.web import SignedIn
from tests.imports.sheets import KAZAKH, RUSSIAN, register, workbook
from tests.imports.test_clerks_sheets import editor_file

# What is in a workbook hangs on no database.
pytestmark = pytest.mark.on_either


def test_four_wrong_rows_come_back_marked(signed_in: SignedIn) -> None:
    agency = an_agency()
    visit = signed_in(Role.AGENCY_EDITOR, agency, language="ru")
    page = visit.send("/imports", kind="projects", file=editor_file(agency, RUSSIAN))
    run_next_import()
    sheet = openpyxl.load_workbook(io.BytesIO(visit.get(f"{page.request.path}/errors.xlsx").data)).active
    comments = {cell.coordinate: cell.comment.text for row in sheet.iter_rows() for cell in row if cell.comment}
    assert sorted(comments) == ["C27", "H18", "J10", "L14"]
    assert comments["J10"] == "Такой даты нет."
    assert (sheet["J10"].value, sheet["J10"].fill.fgColor.rgb) == ("31.02.2026", "FFF6D7D2")
    assert (sheet["A1"].value, sheet.max_row) == ("Реестр проектов в сфере цифровизации, 2026 год", 49)


def test_right_rows_are_removable_and_the_rest_goes_in_again(editor: Caller, agency: Agency) -> None:
    sent = editor.form("/imports", {"file": editor_file(agency, KAZAKH, as_storage=True), "kind": "projects"})
    run_next_import()
    path = f"/imports/{sent.get_json()['id']}/errors.xlsx"
    content = editor.get(f"{path}?only=wrong").data
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert book.active.max_row == 6 + 4
    for cell, value in (("J7", "28.02.2026"), ("L8", "1 200 000"), ("H9", "Жоспарлау"), ("C10", "П-21")):
        book.active[cell] = value
    made = io.BytesIO()
    book.save(made)
    again = import_now(ADMINISTRATOR, "projects", False, "x.xlsx", made.getvalue())
    assert (again.created, again.rejected) == (4, 0)
    assert editor.get(f"{path}?only=right").status_code == 400


def test_marked_file_is_gone_when_nothing_was_wrong(administrator: Caller, agency: Agency) -> None:
    rows = [row for place, row in enumerate(register(agency.bin, RUSSIAN)) if place not in (9, 13, 17, 26)]
    run = import_now(ADMINISTRATOR, "projects", False, "x.xlsx", workbook(rows))
    assert run.rejected == 0
    assert administrator.get(f"/imports/{run.id}/errors.xlsx").status_code == 409


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["projects", "agencies"])
def test_template_goes_in_and_its_example_is_left_out(
    signed_in: SignedIn, language: Language, kind: str, app: Flask
) -> None:
    visit = signed_in(Role.ADMINISTRATOR, language=language)
    content = visit.get(f"/imports/template.xlsx?kind={kind}").data
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert [sheet.sheet_state for sheet in book] == ["visible", "visible", "hidden"]
    sheet = book.active
    lists = [rule.sqref.ranges for rule in sheet.data_validations.dataValidation]
    assert len(lists) == (10 if kind == "projects" else 2)
    example = {cell.value: sheet.cell(2, cell.column).value for cell in sheet[1]}
    assert {"kk": "МЫСАЛ", "ru": "ПРИМЕР", "en": "EXAMPLE"}[language] in example.values()
    run = import_now(ADMINISTRATOR, kind, True, "x.xlsx", content)
    assert (run.total, [each["code"] for each in run.warnings or []]) == (0, ["rows-left-out"])
    # The example itself would be a valid record.
    key = next(cell for cell in sheet[2] if cell.value in ("МЫСАЛ", "ПРИМЕР", "EXAMPLE"))
    key.value = a_bin() if kind == "agencies" else "A-1"
    for cell in sheet[2]:
        if cell.value == "050340004478":
            cell.value = an_agency().bin
    made = io.BytesIO()
    book.save(made)
    filled = import_now(ADMINISTRATOR, kind, True, "x.xlsx", made.getvalue())
    assert (filled.total, filled.rejected) == (1, 0), errors_of(ADMINISTRATOR, filled, Page()).items


@pytest.mark.parametrize("language", LANGUAGES)
def test_export_with_labels_goes_in_again(editor: Caller, agency: Agency, language: Language) -> None:
    a_project(agency, external_id="A-1")
    for ending in ("csv", "xlsx"):
        exported = editor.get(f"/exports/projects.{ending}?header_row=labels", Accept_Language=language)
        run = import_now(ADMINISTRATOR, "projects", True, f"x.{ending}", exported.data)
        assert (run.unchanged, run.rejected, run.warnings) == (1, 0, [])
        label = {"kk": "Жұмыс түрі", "ru": "Вид работ", "en": "Kind of work"}[language]
        assert run.layout is not None and label in run.layout["headers"]
        assert not [header for header in run.layout["headers"] if header in COLUMNS]
        # Its name until 0.3, which generated clients had as a variable of their own.
        former = editor.get(f"/exports/projects.{ending}?headers=labels", Accept_Language=language)
        assert (former.status_code, former.data == exported.data or ending == "xlsx") == (200, True)
    for wrong in (
        "header_row=names",
        "headers=names",
        "headers=labels&header_row=labels",
        "headers=labels&headers=labels",
    ):
        assert editor.get(f"/exports/projects.csv?{wrong}").status_code == 400
    assert editor.get("/exports/projects.csv").data.decode("utf-8-sig").startswith("number,agency,external_id")
