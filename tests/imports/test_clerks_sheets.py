"""Tables as clerks send them go in without editing, by service, API, pages and command line."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from flask import Flask
from werkzeug.datastructures import FileStorage

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.core.database import db
from registry.core.errors import Invalid
from registry.core.lists import Page
from registry.imports.headers import match_header
from registry.imports.models import ImportRun
from registry.imports.queries import errors_of
from registry.imports.service import ImportOptions, import_now
from registry.projects.models import Project
from tests.factories import ADMINISTRATOR, an_actor, an_agency
from tests.fixtures.cli import CommandLine
from tests.imports.sheets import KAZAKH, RUSSIAN, WRONG, Words, excel_csv, register, workbook
from tests.imports.tables import xlsx_of

# How a table is read hangs on no database.
pytestmark = pytest.mark.on_either
BIN = "050340004478"


def codes(run: ImportRun) -> list[tuple[int, str | None, str]]:
    errors = errors_of(ADMINISTRATOR, run, Page(500)).items
    return [(error["row"], error["column"], error["code"]) for error in errors]


def warnings(run: ImportRun) -> list[tuple[str, Any]]:
    return [(each["code"], next(iter(each["params"].values()))) for each in run.warnings or []]


def as_file(rows: list[list[Any]], form: str) -> bytes:
    """Return the rows as Excel saves them; cp1251 has no Kazakh letters and no sign of the tenge."""
    if form == "xlsx":
        return workbook(rows)
    text = excel_csv(rows, "utf-8", "\t" if form in ("utf-16", "tab") else ";").decode()
    if form == "cp1251":
        text = text.replace("Жүйе", "Жуйе")
    return text.encode("utf-8" if form == "tab" else form, "replace")


def editor_file(agency: Agency, words: Words, *, as_storage: bool = False) -> Any:
    """Return the register as a form of a page or of the API sends it."""
    content = io.BytesIO(workbook(register(agency.bin, words)))
    return FileStorage(content, "Реестр.xlsx") if as_storage else (content, "Реестр.xlsx")


@pytest.mark.parametrize(
    ("words", "form"),
    [
        *((RUSSIAN, form) for form in ("xlsx", "cp1251", "utf-8-sig", "tab")),
        *((KAZAKH, form) for form in ("xlsx", "kz1048", "utf-16")),
    ],
)
def test_register_of_forty_rows_goes_in_without_editing(app: Flask, words: Words, form: str) -> None:
    agency = an_agency(bin=BIN)
    content = as_file(register(agency.bin, words), form)
    run = import_now(ADMINISTRATOR, "projects", False, "Реестр.xlsx", content)
    assert (run.state, run.total, run.created, run.rejected) == ("done", 40, 36, 4)
    assert codes(run) == WRONG
    assert [code for code, _ in warnings(run)] == ["column-left-out", "column-left-out", "rows-left-out"]
    assert warnings(run)[-1] == ("rows-left-out", "47, 49")
    project = db.session.scalars(db.select(Project).where(Project.external_id == "П-1")).one()
    assert (project.agency_id, project.name_ru, project.object_kind) == (agency.id, "Учёт № 1", "system")
    assert (project.work_type, project.stage, project.placement) == ("development", "operation", "off_platform")
    assert (project.contract_signed_on, project.planned_end_on) == (date(2026, 3, 2), date(2026, 12, 31))
    assert (project.budget_kzt, project.is_ai) == (1_200_000, True)


def test_register_goes_in_by_the_command_line(registry: CommandLine, tmp_path: Path) -> None:
    agencies = tmp_path / "agencies.csv"
    agencies.write_text(f"БИН;Название на русском;Вид организации\n{BIN};Министерство;министерство\n", "cp1251")
    assert registry("agencies", "import", agencies).code == 0
    file = tmp_path / "register.csv"
    rows = register(BIN, RUSSIAN)
    file.write_bytes(as_file(rows, "cp1251"))
    ran = registry("projects", "import", file)
    assert ran.code == 5 and "created 36" in ran.out and "rejected 4" in ran.out
    assert 'The column "Примечание" is not known and was left out.' in ran.err
    strict = registry("projects", "import", file, "--strict")
    assert strict.code == 5 and 'There is no column "Примечание".' in strict.err
    mapped = registry("projects", "import", file, "--dry-run", "--json", "--column", "Примечание=purpose")
    assert (mapped.json["updated"], mapped.json["rejected"]) == (36, 4)
    assert registry("projects", "import", file, "--column", "Примечание").code == 2


def test_mapping_comes_before_what_is_recognised(app: Flask) -> None:
    agency = an_agency()
    content = xlsx_of(
        ("БИН", "Шифр", "Название на русском", "Сумма", "Цена"),
        (agency.bin, "А-1", "Учёт", 5, 7),
    )
    options = ImportOptions({"шифр": "external_id", "Сумма": None, "Цена": "budget_kzt"})
    run = import_now(ADMINISTRATOR, "projects", True, "x", content, options=options)
    assert run.layout["columns"] == ["agency", "external_id", "name_ru", None, "budget_kzt"]
    with pytest.raises(Invalid) as error:
        import_now(ADMINISTRATOR, "projects", True, "x", content, options=ImportOptions({"Нет такой": "stage"}))
    assert {problem.code for problem in error.value.problems} == {"columns-for-one-field"}


def test_agency_is_known_by_its_name_and_editors_need_no_column(app: Flask) -> None:
    agency = an_agency(name_ru="Министерство озёр")
    rows = (
        ("Организация", "Код проекта", "Название", "Вид объекта", "Вид работ", "Стадия", "Размещение"),
        ("министерство  озер", "А-1", "Учёт", "ИС", "Создание", "Планирование", "Пока неизвестно"),
        ("Министерство рек", "А-2", "Учёт", "ИС", "Создание", "Планирование", "Пока неизвестно"),
    )
    run = import_now(ADMINISTRATOR, "projects", False, "x", xlsx_of(*rows))
    assert (run.created, codes(run)) == (1, [(3, "agency", "agency-name-unknown")])
    own = import_now(an_actor(Role.AGENCY_EDITOR, agency), "projects", False, "x", xlsx_of(*[row[1:] for row in rows]))
    assert (own.created, own.unchanged) == (1, 1)


def test_header_may_be_on_a_later_sheet(app: Flask) -> None:
    book = openpyxl.Workbook()
    book.active.append(["Пояснительная записка к реестру"])
    sheet = book.create_sheet("Реестр")
    sheet.append(["БИН", "Код проекта", "Название"])
    sheet.append([int(an_agency(bin=BIN).bin), "А-1", "Учёт"])
    made = io.BytesIO()
    book.save(made)
    run = import_now(ADMINISTRATOR, "projects", True, "x", made.getvalue())
    assert (run.total, [error[1] for error in codes(run)]) == (1, ["object_kind", "work_type", "stage", "placement"])


@pytest.mark.parametrize(
    ("header", "cell"),
    [
        ("Где размещён объект", "В другом месте"),
        ("Объект орналасқан жер", "Басқа жерде"),
        ("Where the object lives", "Elsewhere"),
    ],
)
def test_former_labels_of_hosting_are_read(app: Flask, header: str, cell: str) -> None:
    agency = an_agency()
    names = f"БИН;Код проекта;Наименование;Вид объекта;Вид работ;Стадия;{header}\n"
    table = f"{names}{agency.bin};А-1;Учёт;ИС;Создание;Создание;{cell}\n"
    run = import_now(ADMINISTRATOR, "projects", False, "x.csv", table.encode())
    assert (run.created, warnings(run)) == (1, [])
    assert db.session.scalars(db.select(Project.placement)).all() == ["off_platform"]


def test_letters_of_columns_are_no_positions(app: Flask) -> None:
    assert [match_header("projects", letter) for letter in "Додлжнстьвица"] == [None] * 13
    assert [match_header("projects", text).field for text in ("Должность", "Должн.")] == ["responsible_position"] * 2
