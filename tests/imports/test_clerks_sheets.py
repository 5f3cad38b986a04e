"""Tables that nobody prepared: what can be read goes in right, nothing wrong goes in silently; workbooks given back."""

from __future__ import annotations

import io
import re
import tomllib
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
from registry.core.errors import Invalid, Problem
from registry.core.lists import Page
from registry.core.translations import LANGUAGES, Language
from registry.imports.headers import match_header
from registry.imports.models import ImportRun, PreviewedRow, RowError
from registry.imports.queries import errors_of
from registry.imports.service import ImportOptions, import_now, run_dry_run_now
from registry.imports.worker import run_next_import
from registry.projects.exports import COLUMNS
from registry.projects.models import Project
from tests.api.callers import Caller
from tests.factories import ADMINISTRATOR, a_bin, a_project, an_actor, an_agency
from tests.fixtures.cli import CommandLine
from tests.fixtures.web import SignedIn
from tests.imports.agency_sheets import BIN, GOOD, HEADER, REFUSED, row, sheets_of
from tests.imports.sheets import KAZAKH, RUSSIAN, WRONG, Words, excel_csv, register, workbook
from tests.imports.tables import xlsx_of

# How a table is read hangs on no database.
pytestmark = pytest.mark.on_either
CLERKS_BIN = "050340004478"


def daily(language: Language) -> list[Any]:
    """Every language at night, this one by day."""
    return [pytest.param(each, marks=() if each == language else pytest.mark.nightly) for each in LANGUAGES]


REAL_TABLES = Path(__file__).with_name("real_tables.toml")


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


def inputs(page: str) -> dict[str, Any]:
    """Return what the form of columns and values sends when nothing is changed in it."""
    selects = re.findall(r'<select[^>]* name="(column_[0-9]+)"(.*?)</select>', page, re.DOTALL)
    chosen = {name: re.search(r'value="([^"]+)" selected', options) for name, options in selects}
    columns = {name: match[1] for name, match in chosen.items() if match}
    return {"asked": re.findall('name="asked" value="([^"]+)"', page), **columns}


@pytest.mark.parametrize(
    ("words", "form"),
    [
        *((RUSSIAN, form) for form in ("xlsx", "cp1251", "utf-8-sig", "tab")),
        *((KAZAKH, form) for form in ("xlsx", "kz1048", "utf-16")),
    ],
)
def test_register_of_forty_rows_goes_in_without_editing(app: Flask, words: Words, form: str) -> None:
    agency = an_agency(bin=CLERKS_BIN)
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
    agencies.write_text(f"БИН;Название на русском;Вид организации\n{CLERKS_BIN};Министерство;министерство\n", "cp1251")
    assert registry("agencies", "import", agencies).code == 0
    file = tmp_path / "register.csv"
    rows = register(CLERKS_BIN, RUSSIAN)
    file.write_bytes(as_file(rows, "cp1251"))
    ran = registry("projects", "import", file)
    assert ran.code == 5 and "created 36" in ran.out and "rejected 4" in ran.out
    assert 'The column "Примечание" is not known and was left out.' in ran.err
    stage = ("--value", "stage:где-то=planning")
    assert registry("projects", "import", file, "--dry-run", "--json", *stage).json["rejected"] == 3
    for wrong in ("stage", "=planning", "stage=planning"):
        assert registry("projects", "import", file, "--value", wrong).code in (2, 5)
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
    sheet.append([int(an_agency(bin=CLERKS_BIN).bin), "А-1", "Учёт"])
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


@pytest.mark.parametrize(
    "table", tomllib.loads(REAL_TABLES.read_text(encoding="utf-8"))["table"], ids=lambda table: table["seen"][:60]
)
def test_headers_of_real_tables_are_recognised(table: dict[str, str]) -> None:
    expected = {header: field for header, field in table.items() if header != "seen"}
    matches = {header: match_header("projects", header) for header in expected}
    assert {header: match.field if match else "" for header, match in matches.items()} == expected


def test_letters_of_columns_are_no_positions(app: Flask) -> None:
    assert [match_header("projects", letter) for letter in "Додлжнстьвица"] == [None] * 13
    assert [match_header("projects", text).field for text in ("Должность", "Должн.")] == ["responsible_position"] * 2


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
    cells = (("Реквизиты", *HEADER[:2], "Наименование", *HEADER[3:]), ("Исполнитель",), ("БИН",), (None, *row(1)))
    run = import_now(ADMINISTRATOR, "projects", True, "x", xlsx_of(*cells))
    assert run.layout["columns"][:4] == ["supplier_bin", "agency", "external_id", "name_ru"]


@pytest.mark.parametrize("name", REFUSED)
def test_table_that_would_be_read_wrong_is_refused(app: Flask, name: str) -> None:
    an_agency(bin=BIN)
    make, code = REFUSED[name]
    assert [problem.code for problem in problems_of(make())] == [code]
    assert db.session.scalar(db.select(ImportRun.id)) is None


@pytest.mark.parametrize(
    ("header", "cell", "chosen", "stored_value"),
    [
        ("Цена в тыс. тг", 1200, "thousand", 1_200_000),
        ("Цена в тыс. тг", 14.567, "thousand", 14_567),
        ("Цена в тыс. тг", 1200, "one", 1_200),
        ("Бюджет (млн.тг)", "1,2", "million", 1_200_000),
        ("Бюджет", "1 234,50", None, 1_235),
        ("Бюджет", 14_500, "thousand", 14_500_000),
        ("Сумма по годам", "2026: 12; 2027: 0,5", "million", [(2026, 12_000_000), (2027, 500_000)]),
        ("Дата договора", "3/4/2026", "month", date(2026, 3, 4)),
        ("Дата договора", "3/4/2026", None, date(2026, 4, 3)),
        ("Дата договора", "жоқ", None, None),
        ("Срок завершения", "I квартал 2026 г.", "last", date(2026, 3, 31)),
        ("Срок завершения", "05.03.2026", "last", date(2026, 3, 5)),
        ("Начало работ", "2026 жылғы 2-тоқсан", "first", date(2026, 4, 1)),
        ("Начало", "II кв. 2026", "empty", None),
        ("Бюджет на 2026 год", 0.125, "million", [(2026, 125_000)]),
        ("Стадия", "На торгах", {" на торгах.": "planning"}, "planning"),
        ("ИИ", "+", {"+": "true"}, True),
        ("Сектор", "прочее", {"прочее": None}, None),
    ],
)
def test_cells_are_read_as_chosen(app: Flask, header: str, cell: Any, chosen: Any, stored_value: Any) -> None:
    an_agency(bin=BIN)
    names = [name for name in HEADER if name != "Статус"] if header == "Стадия" else [*HEADER]
    cells = [each for name, each in zip(HEADER, row(1), strict=True) if name in names]
    content = xlsx_of((*names, header), (*cells, cell))
    field = (match_header("projects", header) or match_header("projects", "Цена")).field  # type: ignore[union-attr]
    options = ImportOptions({header: field}, values={} if chosen is None else {field: chosen})
    run = import_now(ADMINISTRATOR, "projects", False, "x", content, options=options)
    assert codes(run) == []
    value = getattr(stored()[0], field)
    assert ([tuple(each.values()) for each in value] if isinstance(value, list) else value) == stored_value


def test_dates_of_a_column_that_shows_its_order_are_read_by_it(app: Flask) -> None:
    an_agency(bin=BIN)
    content = xlsx_of((*HEADER, "Дата договора"), row(1, "02/13/2026"), row(2, "03/02/2026"))
    run = import_now(ADMINISTRATOR, "projects", False, "x", content)
    assert [project.contract_signed_on for project in stored()] == [date(2026, 2, 13), date(2026, 3, 2)]
    assert warnings(run) == [("dates-read-month-first", "Дата договора")]


@pytest.mark.parametrize(
    ("header", "cell", "options", "suggested"),
    [
        ("Начало", "01.02.2026", ["day", "empty"], "day"),
        ("Дата начала", "01.02.2031", ["day", "empty"], "empty"),
        ("Начало", "I квартал 2031", ["first", "last", "empty"], "empty"),
        ("Начало", "3/4/2026", ["day", "month", "empty"], None),
        ("Плановый срок", "05.2026", ["first", "last", "empty"], "last"),
        ("Жұмыстардың басталуы", "05.2026", ["first", "last", "empty"], None),
        ("Дата договора", "I квартал 2026", ["first", "last", "empty"], None),
    ],
)
def test_dates_that_may_be_planned_or_are_periods_are_asked_about(
    app: Flask, header: str, cell: str, options: list[str], suggested: str | None
) -> None:
    an_agency(bin=BIN)
    run = import_now(ADMINISTRATOR, "projects", True, "x", xlsx_of((*HEADER, header), row(1, cell)))
    [question] = run.layout["questions"]
    assert (question["asks"], question["options"], question["suggested"]) == ("dates", options, suggested)
    assert question["examples"] == [{"row": 2, "value": cell}]
    assert question["is_start"] == (header in ("Начало", "Дата начала"))
    assert ("start-may-be-planned", header) in warnings(run) or suggested != "empty"


@pytest.mark.parametrize("header", ["Начало работ", "Дата начала (факт)", "Жұмыс басталған күн", "work_started_on"])
def test_header_that_names_real_work_asks_nothing(app: Flask, header: str) -> None:
    an_agency(bin=BIN)
    run = import_now(ADMINISTRATOR, "projects", True, "x", xlsx_of((*HEADER, header), row(1, "01.02.2026")))
    assert (run.layout["questions"], warnings(run)) == ([], [])


def test_amounts_in_columns_by_year_are_the_costs_by_year_and_the_budget(app: Flask) -> None:
    an_agency(bin=BIN)
    content = xlsx_of(
        (*HEADER, "Предполагаемые расходы, млн. тенге"),
        (*[None] * len(HEADER), "в том числе по годам"),
        (*[None] * len(HEADER), "2026 год", "2027 год", "2028 год"),
        row(1, 145.5, "–", 98),
        row(2, None, None, None),
    )
    options = ImportOptions(values={"cost_by_year": "million"})
    run = import_now(ADMINISTRATOR, "projects", False, "x", content, options=options)
    assert run.layout["columns"][-3:] == ["cost_by_year"] * 3
    first, second = stored()
    assert first.cost_by_year == [{"year": 2026, "amount_kzt": 145_500_000}, {"year": 2028, "amount_kzt": 98_000_000}]
    assert (first.budget_kzt, second.cost_by_year, second.budget_kzt) == (243_500_000, None, None)
    asked = problems_of(content)
    assert [problem.code for problem in asked] == ["amounts-in-thousands"]
    twice = problems_of(xlsx_of((*HEADER, "Бюджет на 2026 год", "Сумма на 2026 год"), row(1, 5_000_000, 6_000_000)))
    assert [problem.code for problem in twice] == ["columns-for-one-field"]


def test_headings_totals_and_signatures_are_no_projects_in_a_table_of_few_fields(app: Flask) -> None:
    agency = an_agency()
    content = xlsx_of(
        ("№ п/п", "Наименование мероприятия", "Форма завершения", "Сумма на 2026 год", "Источник финансирования"),
        ("Раздел 1. Создание систем",),
        (1, "Итоговая аттестация школ", "Акт", 5_000_000, "Республиканский бюджет"),
        (2, "Всего понемногу", "Акт", 7_000_000, None),
        (None, "Всего по плану:", None, "12 000 000,00", None),
        (None, "оның ішінде ағымдағы шығыстар", None, 5_000_000, None),
        (None, "Директор департамента ____________ Т. Оспанов"),
    )
    chosen = {"object_kind": "system", "work_type": "creation", "stage": "planning", "placement": "unknown"}
    editor = an_actor(Role.AGENCY_EDITOR, agency)
    run = import_now(editor, "projects", False, "x", content, options=ImportOptions(values=chosen))
    assert (run.created, run.rejected) == (2, 0)
    assert ("rows-left-out", "2, 5, 6, 7") in warnings(run)


def test_repeated_header_of_single_words_is_no_project(app: Flask) -> None:
    an_agency(bin=BIN)
    names = ("agency", "Сәйкестендіргіш", "name_ru", "object_kind", "work_type", "stage", "placement")
    run = import_now(ADMINISTRATOR, "projects", False, "x", xlsx_of(names, row(1), names, row(2)))
    assert (run.created, run.rejected) == (2, 0)


def test_merged_cells_count_for_each_row_but_amounts_for_the_first(app: Flask) -> None:
    an_agency(bin=BIN)
    book = openpyxl.Workbook()
    for cells in ((*HEADER, "Регион", "Бюджет"), row(1, "Астана", 5_000_000), row(2), row(3, "Алматы", 7_000_000)):
        book.active.append(list(cells))
    for merged in ("H2:H3", "I2:I3"):
        book.active.merge_cells(merged)
    made = io.BytesIO()
    book.save(made)
    run = import_now(ADMINISTRATOR, "projects", False, "x", made.getvalue())
    assert [(project.region, project.budget_kzt) for project in stored()] == [
        *(("71", 5_000_000), ("71", None), ("75", 7_000_000)),
    ]
    assert warnings(run) == [("cells-filled-down", "Регион"), ("amounts-merged", "Бюджет")]


def test_api_names_what_a_file_leaves_open_and_takes_the_answers(editor: Caller) -> None:
    header, cells = HEADER[1:], [*row(1)[1:5], "на торгах", row(1)[6]]
    table = xlsx_of((*header, "Бюджет", "Дата договора"), (*cells, 14_500, "3/4/2026"))

    def send(**form: str) -> Any:
        file = FileStorage(io.BytesIO(table), "x.xlsx")
        return editor.form("/imports", {"file": file, "kind": "projects", "dry_run": "true", **form}).get_json()

    sent = send()
    assert [(each["field"], each["asks"]) for each in sent["questions"]] == [
        *(("stage", "words"), ("budget_kzt", "unit"), ("contract_signed_on", "order")),
    ]
    assert sent["questions"][0]["words"] == [{"word": "на торгах", "count": 1, "rows": [2]}]
    assert [each["code"] for each in sent["warnings"]] == ["amounts-small", "dates-two-ways"]
    assert sent["sheets"] == [{"name": "Sheet", "reason": None}]
    values = '{"stage": {"на торгах": "planning"}, "budget_kzt": "thousand", "contract_signed_on": "month"}'
    assert send(values='{"region": "71"}')["state"] == "queued", "a choice of new projects"
    assert (send(values=values)["questions"], send(values=values)["warnings"]) == ([], [])
    for wrong, code in (
        ("[]", "values-invalid"),
        ('{"stage": "planning"}', "values-invalid"),
        ('{"stage": {"x": {}}}', "values-invalid"),
        (r'{"stage": {"\ud800": "planning"}}', "values-invalid"),
        ('{"stage": {"x": "evil"}}', "not-a-choice"),
        ('{"budget_kzt": "dozen"}', "not-a-choice"),
        ('{"name_ru": {"x": "y"}}', "not-a-choice"),
    ):
        assert [each["code"] for each in send(values=wrong)["errors"]] == [code], wrong


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
        ("Бюджет на 2026 год", "cost_by_year"),
        ("2026 жылғы сомасы", "cost_by_year"),
        ("Балансовая первоначальная стоимость (2026)", None),
        ("Бюджет на 2026–2027 годы", None),
        ("Сумма договора, тенге с НДС", "budget_kzt"),
        ("Исполнитель", None),
        ("Поставщик", "supplier_name"),
        ("Код бюджетной программы", "budget_programme"),
        ("Дата окончания", None),
        ("Срок реализации", "planned_end_on"),
        ("Өнім берушінің БСН", "supplier_bin"),
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


def test_four_wrong_rows_come_back_marked(signed_in: SignedIn) -> None:
    agency = an_agency()
    visit = signed_in(Role.AGENCY_EDITOR, agency, language="ru")
    own = openpyxl.load_workbook(editor_file(agency, RUSSIAN)[0])
    own.create_sheet("Свод")["A1"] = "=SUM(Лист1!L7:L46)"
    own.active.column_dimensions["E"].width, own.active["E8"].number_format = 71, "0.00"
    content = io.BytesIO()
    own.save(content)
    content.seek(0)
    asked = visit.send("/imports", kind="projects", file=(content, "Реестр.xlsx"))
    page = visit.send(asked.request.path, page=asked.request.path, **inputs(asked.text))
    run_next_import()
    book = openpyxl.load_workbook(io.BytesIO(visit.get(f"{page.request.path}/errors.xlsx").data))
    assert (book.sheetnames, book["Свод"]["A1"].value) == (["Лист1", "Свод", "Ошибки"], "=SUM(Лист1!L7:L46)")
    listed = [[cell.value for cell in row] for row in book["Ошибки"]]
    assert listed[:2] == [["Ячейка", "Ошибка"], ["J10", "Такой даты нет."]] and len(listed) == 5
    assert book["Ошибки"]["A2"].hyperlink.location == "'Лист1'!J10"
    sheet = book["Лист1"]
    assert sheet.merged_cells.ranges == own.active.merged_cells.ranges
    assert (sheet.column_dimensions["E"].width, sheet["E8"].number_format) == (71, "0.00")
    # Others, who did not make its formulas, get its texts.
    run_id = int(page.request.path.rpartition("/")[2])
    others = signed_in(Role.AGENCY_ADMINISTRATOR, agency, name="other").get(f"/imports/{run_id}/errors.xlsx")
    assert openpyxl.load_workbook(io.BytesIO(others.data)).sheetnames == ["import"]
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


@pytest.mark.parametrize("language", daily("ru"))
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
    assert len(lists) == (12 if kind == "projects" else 2)
    example = {cell.value: sheet.cell(2, cell.column).value for cell in sheet[1]}
    assert {"kk": "МЫСАЛ", "ru": "ПРИМЕР", "en": "EXAMPLE"}[language] in example.values()
    run = import_now(ADMINISTRATOR, kind, True, "x.xlsx", content)
    assert (run.total, [each["code"] for each in run.warnings or []]) == (0, ["rows-missing", "rows-left-out"])
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


@pytest.mark.parametrize("language", daily("kk"))
def test_workbook_of_the_register_is_edited_and_imported_with_no_step_between(
    signed_in: SignedIn, language: Language
) -> None:
    agency = an_agency()
    for number in (1, 2, 3):
        a_project(agency, external_id=f"А-{number}", name_ru=f"=Учёт {number}", is_ai=number == 2, budget_kzt=5)
    visit = signed_in(Role.AGENCY_EDITOR, agency, language=language)
    book = openpyxl.load_workbook(io.BytesIO(visit.get("/projects.xlsx?header_row=labels").data))
    assert [sheet.sheet_state for sheet in book] == ["visible", "visible", "hidden"]
    sheet = book.worksheets[0]
    places = {field: place for place, field in enumerate(COLUMNS, 1)}
    assert sheet.protection.sheet and sheet.cell(2, places["number"]).protection.locked
    assert not sheet.cell(2, places["stage"]).protection.locked
    label = {"kk": "Тәжірибелік пайдалану", "ru": "Опытная эксплуатация", "en": "Pilot operation"}[language]
    sheet.cell(3, places["purpose"]).value = "Учёт озёр"
    sheet.cell(4, places["region"]).value = "75"
    made = io.BytesIO()
    book.save(made)
    made.seek(0)
    page = visit.send("/imports", kind="projects", dry_run="yes", file=(made, "x.xlsx"))
    assert not page.request.path.endswith("/columns")
    run_next_import()
    run = db.session.scalars(db.select(ImportRun)).one()
    assert (run.updated, run.unchanged, run.rejected, run.created) == (2, 1, 0, 0), db.session.execute(
        db.select(RowError.row, RowError.column, RowError.code)
    ).all()
    rows = db.session.scalars(db.select(PreviewedRow).order_by(PreviewedRow.row))
    changes = [(change["field"], change["new"]) for each in rows for change in each.changes]
    assert changes == [("purpose", "Учёт озёр"), ("region", "75")]
    offered = {cell.value for cells in book.worksheets[2].iter_rows() for cell in cells}
    assert label in offered


@pytest.mark.parametrize("language", daily("en"))
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
