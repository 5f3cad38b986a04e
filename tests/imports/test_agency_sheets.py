"""Tables of agencies that nobody prepared: what can be read goes in right, and nothing wrong goes in silently."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import pytest
from flask import Flask
from werkzeug.datastructures import FileStorage

from registry.accounts.roles import Role
from registry.core.database import db
from registry.core.errors import Invalid, Problem
from registry.core.lists import Page
from registry.imports.models import ImportRun
from registry.imports.queries import errors_of
from registry.imports.service import ImportOptions, import_now, run_dry_run_now
from registry.imports.worker import run_next_import
from registry.projects.models import Project
from tests.api.callers import Caller
from tests.factories import ADMINISTRATOR, an_actor, an_agency
from tests.imports.agency_sheets import BIN, GOOD, HEADER, REFUSED, row, sheets_of
from tests.imports.tables import xlsx_of

# How a table is read hangs on no database.
pytestmark = pytest.mark.on_either


def warnings(run: ImportRun) -> list[tuple[str, Any]]:
    return [(each["code"], next(iter(each["params"].values()))) for each in run.warnings or []]


def problems_of(content: bytes, options: ImportOptions | None = None) -> list[Problem]:
    with pytest.raises(Invalid) as error:
        import_now(ADMINISTRATOR, "projects", True, "x", content, options=options or ImportOptions())
    return list(error.value.problems)


def stored() -> list[Project]:
    return list(db.session.scalars(db.select(Project).order_by(Project.external_id)))


def fields(header: str, **more: str) -> dict[str, str | None]:
    """Return the fields that the columns of a table with one further header, or several, are read as."""
    an_agency(bin=BIN)
    names = (header, *more)
    run = import_now(ADMINISTRATOR, "projects", True, "x", xlsx_of((*HEADER, *names), row(1, *[None] * len(names))))
    return dict(zip(run.layout["headers"], run.layout["columns"], strict=True))


@pytest.mark.parametrize("name", GOOD)
def test_table_of_an_agency_goes_in_after_a_dry_run(app: Flask, name: str) -> None:
    agency = an_agency(bin=BIN)
    dry = import_now(ADMINISTRATOR, "projects", True, "Перечень.xlsx", GOOD[name]())
    assert (dry.state, dry.total, dry.created, dry.rejected) == ("done", 2, 2, 0)
    assert stored() == []
    run = run_dry_run_now(ADMINISTRATOR, dry.id)
    assert (run.state, run.created, run.rejected) == ("done", 2, 0)
    for number, project in enumerate(stored(), 1):
        assert (project.agency_id, project.external_id) == (agency.id, f"К-{number}")
        assert f"{number}" in (project.name_ru or project.name_kk or "")
        assert (project.object_kind in ("system", "internet_resource"), project.stage) == (True, "operation")
        assert project.placement == "off_platform"
        assert project.budget_kzt in (None, 1_200_000)
        assert project.contract_signed_on in (None, date(2026, 3, 2))


@pytest.mark.parametrize("name", ["below-a-logo", "grouped-headers", "in-two-languages", "numbers-of-excel"])
def test_dates_of_agencies_are_read(app: Flask, name: str) -> None:
    an_agency(bin=BIN)
    import_now(ADMINISTRATOR, "projects", False, "x", GOOD[name]())
    assert [project.contract_signed_on for project in stored()] == [date(2026, 3, 2)] * 2
    if name != "in-two-languages":
        assert [project.budget_kzt for project in stored()] == [1_200_000] * 2
    else:
        assert [(project.name_kk, project.name_ru) for project in stored()] == [("Жүйе 1", None), ("Жүйе 2", None)]


def test_columns_below_a_group_belong_to_it(app: Flask) -> None:
    an_agency(bin=BIN)
    import_now(ADMINISTRATOR, "projects", False, "x", GOOD["grouped-headers"]())
    first = stored()[0]
    assert (first.supplier_bin, first.supplier_name, first.contract_number) == (BIN, "ТОО Озеро", "12-А")
    assert first.name_ru == "Система 1"


@pytest.mark.parametrize("name", REFUSED)
def test_table_that_would_be_read_wrong_is_refused(app: Flask, name: str) -> None:
    an_agency(bin=BIN)
    make, code = REFUSED[name]
    assert [problem.code for problem in problems_of(make())] == [code]
    assert db.session.scalar(db.select(ImportRun.id)) is None


def test_amounts_in_thousands_cannot_be_mapped_either(app: Flask) -> None:
    content = xlsx_of((*HEADER, "Цена в тыс. тг"), row(1, 1200))
    options = ImportOptions({"Цена в тыс. тг": "budget_kzt"})
    assert [each.code for each in problems_of(content, options)] == ["amounts-in-thousands"]
    left_out = ImportOptions({"Цена в тыс. тг": None})
    an_agency(bin=BIN)
    assert import_now(ADMINISTRATOR, "projects", True, "x", content, options=left_out).created == 1


def test_one_date_with_a_wrong_month_is_an_error_of_its_row(app: Flask) -> None:
    an_agency(bin=BIN)
    dates = ("13/02/2026", "25/03/2026", "02/13/2026")
    content = xlsx_of((*HEADER, "Дата договора"), *[row(number, each) for number, each in enumerate(dates)])
    run = import_now(ADMINISTRATOR, "projects", True, "x", content)
    assert (run.created, run.rejected) == (2, 1)
    assert [error["code"] for error in errors_of(ADMINISTRATOR, run, Page(9)).items] == ["date-month-wrong"]


def test_further_sheets_with_tables_are_named(app: Flask) -> None:
    an_agency(bin=BIN)
    content = sheets_of(("Комитет", False, (HEADER, row(1))), ("Департамент", False, (HEADER, row(2))))
    run = import_now(ADMINISTRATOR, "projects", True, "x", content)
    assert (run.total, run.warnings) == (
        1,
        [{"code": "sheets-left-out", "params": {"sheet": "Комитет", "sheets": '"Департамент"'}}],
    )


def test_sheet_of_another_table_is_named_with_what_it_lacks(app: Flask) -> None:
    editor = an_actor(Role.AGENCY_EDITOR, an_agency(bin=BIN))
    header, cells = HEADER[2:], row(1)[2:]
    people = (("ФИО", "Телефон", "Email"), ("Ахметова", "74-00-00", "a@example.kz"))
    content = sheets_of(("2026", False, (header, cells)), ("2027", False, (header, cells)), ("Люди", False, people))
    run = import_now(editor, "projects", True, "x", content)
    left_out = [(each["code"], each["params"]["sheet"]) for each in run.warnings or []]
    assert left_out == [("sheets-left-out", "2026"), ("sheet-without-columns", "Люди")]
    assert "agency" not in str(run.warnings)


@pytest.mark.parametrize("first", [True, False], ids=["smaller table below", "smaller table above"])
def test_second_table_of_a_sheet_is_left_out_and_named(app: Flask, first: bool) -> None:
    editor = an_actor(Role.AGENCY_EDITOR, an_agency(bin=BIN))
    large = (HEADER[1:], row(1)[1:], row(2)[1:])
    small = (("№", *HEADER[1:6]), *((place, *row(place)[1:6]) for place in (3, 4)))
    content = xlsx_of(*(large if first else small), (), (), (None, "Подведомственные"), *(small if first else large))

    run = import_now(editor, "projects", False, "x", content)

    assert (run.state, run.created, run.rejected) == ("done", 2, 0)
    assert [project.external_id for project in stored()] == ["К-1", "К-2"]
    assert ("table-left-out", 7 if first else 1) in warnings(run)


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("Наименование (англ.)", "name_en"),
        ("Атауы (қазақ тілінде)", "name_kk"),
        ("Дата начала (план)", None),
        ("Дата начала (факт)", "work_started_on"),
        ("Бюджет на 2026 год", None),
        ("Бюджет (2026)", None),
        ("Сумма договора, тенге с НДС", "budget_kzt"),
        ("Исполнитель", None),
        ("Поставщик", "supplier_name"),
        ("Код бюджетной программы", "budget_programme"),
        ("Дата окончания", None),
        ("Окончание (план)", "planned_end_on"),
        ("Номер в реестре", "number"),
        ("Тізілімдегі нөмірі", "number"),
        ("Контактный телефон", "responsible_phone"),
    ],
)
def test_header_is_read_as_one_field_or_left_out(app: Flask, header: str, field: str | None) -> None:
    columns = {key: name for key, name in fields(header).items() if key not in HEADER}
    assert columns == {header: field}


def test_column_with_the_name_of_a_text_field_is_chosen(app: Flask) -> None:
    columns = fields("Описание", Назначение="")
    assert (columns["Назначение"], columns["Описание"]) == ("purpose", None)


def test_missing_column_is_named_in_all_languages(app: Flask) -> None:
    problems = problems_of(xlsx_of(("№ п/п", "Описание", "Стадия", "БИН"), (1, "Учёт", "ОЭ", BIN)))
    assert [problem.code for problem in problems] == ["column-missing"]
    assert problems[0].params["column"] == (
        'external_id ("Ішкі нөміріңіз", "Ваш внутренний номер", "Your own reference")'
    )


def test_errors_have_labels_in_the_language_of_the_person(editor: Caller, client: Any) -> None:
    header = ("Код проекта", "Наименование", "Вид объекта", "Вид работ", "Размещение", "Бюджет", "Дата договора")
    cells = ("К-1", "Учёт", "самолёт", "Создание", "Пока неизвестно", "1200000=", "с марта")
    file = FileStorage(io.BytesIO(xlsx_of(header, cells)), "x.xlsx")
    sent = editor.form("/imports", {"file": file, "kind": "projects", "dry_run": "true"}).get_json()
    run_next_import()
    errors = editor.get(f"/imports/{sent['id']}/errors", Accept_Language="ru").get_json()["items"]
    assert {error["column"]: (error["value"], error["message"]) for error in errors} == {
        "object_kind": (
            "самолёт",
            "Нужно одно из: Цифровая система, Платформа, Интернет-ресурс, Ресурс данных, Инфраструктура, Сервис.",
        ),
        "budget_kzt": ("1200000=", "Запишите число цифрами, без слов и других знаков, например 1 200 000."),
        "contract_signed_on": ("с марта", "Введите дату в виде дд.мм.гггг, например 20.01.2026."),
    }


def test_new_project_without_a_required_column_says_so(app: Flask) -> None:
    an_agency(bin=BIN)
    names = [name for name in HEADER if name != "Статус"]
    run = import_now(ADMINISTRATOR, "projects", True, "x", xlsx_of(names, [*row(1)[:5], *row(1)[6:]]))
    errors = errors_of(ADMINISTRATOR, run, Page(9)).items
    assert [(error["column"], error["code"]) for error in errors] == [("stage", "required-without-column")]
