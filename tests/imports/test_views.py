"""Import page: template and column reference."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

from flask import Flask

from registry.accounts.roles import Role
from registry.core.database import db
from registry.core.errors import Problem
from registry.imports.worker import run_next_import
from registry.projects.models import Project
from registry.web.errors import problem_message
from tests.factories import a_project, an_agency
from tests.fixtures.web import SignedIn

CHOICES = ("Вид объекта", "Вид работ", "Стадия", "Размещение")
FILLED = {
    "external_id": "A-1",
    "name_ru": "Портал озёр",
    "object_kind": "system",
    "work_type": "creation",
    "stage": "planning",
    "placement": "unknown",
}


def test_filled_template_is_accepted(signed_in: SignedIn) -> None:
    agency = an_agency()
    visit = signed_in(Role.AGENCY_EDITOR, agency)
    (header,) = csv.reader(io.StringIO(visit.get("/imports/projects.csv").data.decode("utf-8-sig")))
    assert {"agency", *FILLED} <= set(header) and "freeze_status" not in header and "number" not in header
    filled = io.StringIO()
    table = csv.DictWriter(filled, header)
    table.writeheader()
    table.writerow({**FILLED, "agency": agency.bin})
    page = visit.send("/imports", kind="projects", file=(io.BytesIO(filled.getvalue().encode()), "мои.csv"))
    run_next_import()
    visit.get(page.request.path)
    assert "Портал озёр" in visit.get("/projects").text


def test_columns_that_are_not_recognised_are_chosen_and_remembered(signed_in: SignedIn) -> None:
    agency = an_agency()
    visit = signed_in(Role.AGENCY_EDITOR, agency)
    table = "Шифр;Что это;Объект;Работы;Этап;Где;Разное\nА-1;Портал озёр;сайт;создание;планирование;неизвестно;x\n"

    def upload() -> Any:
        content = io.BytesIO(table.encode("cp1251"))
        return visit.send("/imports", kind="projects", dry_run="", file=(content, "таблица.csv"))

    page = upload()
    assert page.request.path.endswith("/columns") and "Портал озёр" in page.text
    path = page.request.path
    assert visit.get(path.removesuffix("/columns")).request.path == path
    twice = visit.send(path, column_0="external_id", column_1="name_ru", column_2="name_ru")
    assert "This field is already chosen for another column." in twice.text
    missing = visit.send(path, column_1="purpose")
    assert "Choose the column that is “Your own reference”." in missing.text
    fields = ("external_id", "name_ru", "object_kind", "work_type", "stage", "placement", "")
    visit.send(path, **{f"column_{place}": name for place, name in enumerate(fields)})
    run_next_import()
    assert "Портал озёр" in visit.get("/projects").text
    assert visit.get(path).request.path == path.removesuffix("/columns")
    # The next table with these headers is read alike, for this agency only.
    assert not upload().request.path.endswith("/columns")
    other = signed_in(Role.AGENCY_EDITOR, an_agency(), name="other")
    content = io.BytesIO(table.encode("cp1251"))
    assert other.send("/imports", kind="projects", file=(content, "x.csv")).request.path.endswith("/columns")
    assert other.get(path).status_code == 404
    # Shown with who chose them, and deleted.
    shown = visit.get("/imports").text
    assert "Remembered columns" in shown and "Шифр" in shown and shown.count("agency_editor.web") > 1
    deletion = re.search(r"/imports/columns/\d+/deletion", shown)
    assert deletion is not None
    assert other.send(deletion[0], page="/imports").status_code == 404
    assert "Remembered columns deleted." in visit.send(deletion[0], page="/imports").text
    assert upload().request.path.endswith("/columns")


def test_what_new_projects_lack_is_in_sight_beside_questions(signed_in: SignedIn) -> None:
    table = "Название;Стадия реализации;Заказчик;БИН заказчика\nПортал озёр;на торгах;Акимат;050140004659\n"
    content = io.BytesIO(table.encode())
    page = signed_in(Role.ADMINISTRATOR).send("/imports", kind="projects", dry_run="yes", file=(content, "x.csv")).text
    assert "1 word is not known" in page
    assert '<details class="govuk-details" open>' in page
    assert re.findall(r'<select[^>]* name="new_(\w+)"', page) == ["object_kind", "work_type", "placement"]


def test_columns_that_the_register_works_out_are_neither_named_nor_remembered(signed_in: SignedIn) -> None:
    agency = an_agency()
    number, visit = a_project(agency).number, signed_in(Role.AGENCY_EDITOR, agency)
    content = io.BytesIO(f"Number;Stage;Version;Remarks\n{number};on sale;1;x\n".encode())
    page = visit.send("/imports", kind="projects", dry_run="yes", file=(content, "x.csv"))
    columns = {"column_0": "number", "column_1": "stage", "word_stage_0": "planning", "asked": "stage"}
    visit.send(page.request.path, **columns)
    run_next_import()
    page = visit.get(page.request.path.removesuffix("/columns"))
    assert "“Remarks” is not known" in page.text.replace("&#34;Remarks&#34;", "“Remarks”")
    assert "Version&#34; is not known" not in page.text
    visit.send(f"{page.request.path}/run", page=page.request.path, change_reason="Order no. 5")
    run_next_import()
    assert "Number and" not in visit.get("/imports").text


def test_agency_is_its_bin_where_columns_are_asked(signed_in: SignedIn) -> None:
    content = io.BytesIO("Заказчик;БИН заказчика;Предмет;№ договора\nАкимат;050140004659;Портал озёр;7\n".encode())
    page = signed_in(Role.ADMINISTRATOR).send("/imports", kind="projects", dry_run="yes", file=(content, "x.csv")).text
    chosen = [
        re.findall(r'value="(\w+)" selected', select)
        for select in page.split("<select")[1:]
        if 'name="column_' in select
    ]
    assert chosen == [[], ["agency"], [], ["contract_number"]]


def test_columns_of_a_finished_dry_run_are_chosen_again(signed_in: SignedIn) -> None:
    agency = an_agency()
    visit = signed_in(Role.AGENCY_EDITOR, agency)
    table = f"БИН;Код проекта;Наименование;{';'.join(CHOICES)};Описание;Цель работ\n"
    table += f"{agency.bin};А-1;Учёт;ИС;Создание;Планирование;Пока неизвестно;короткое;длинное\n"
    content = io.BytesIO(table.encode())
    page = visit.send("/imports", kind="projects", dry_run="yes", file=(content, "таблица.csv"))
    path = page.request.path
    assert visit.get(f"{path}/columns").request.path == path, "the dry run is not finished"
    run_next_import()
    shown = visit.get(path).text
    assert "Choose columns and values again" in shown and "Цель работ" in shown
    form = visit.get(f"{path}/columns").text
    assert '<option value="purpose" selected>' in form
    names = ("agency", "external_id", "name_ru", "object_kind", "work_type", "stage", "placement", "", "purpose")
    again = visit.send(f"{path}/columns", **{f"column_{place}": name for place, name in enumerate(names)})
    assert again.request.path == path
    run_next_import()
    rows = visit.get(f"{path}/rows").text
    assert "длинное" in rows and "короткое" not in rows and rows.count("Row 2") == 1
    visit.send(f"{path}/run", page=path)
    run_next_import()
    assert visit.get(f"{path}/columns").request.path == path, "the file was imported"
    assert db.session.scalars(db.select(Project.purpose)).all() == ["длинное"]


def test_values_are_asked_once_on_one_page_and_words_are_remembered(signed_in: SignedIn) -> None:
    visit = signed_in(Role.AGENCY_EDITOR, an_agency())
    header = f"Код проекта;Наименование;{';'.join(CHOICES)};Бюджет, тыс. тенге;Дата договора\n"
    rows = "".join(
        f"А-{number};Учёт {name};ИС;Создание;{stage};Пока неизвестно;14 500,5;{date}\n"
        for number, name, stage, date in (
            (1, "озёр", "На торгах", "3/4/2026"),
            (2, "рек", "на торгах.", "5/6/26"),
            (3, "гор", "Планирование", "7/7/2026"),
        )
    )

    def upload() -> Any:
        return visit.send("/imports", kind="projects", dry_run="", file=(io.BytesIO((header + rows).encode()), "т.csv"))

    page = upload()
    path = page.request.path
    assert path.endswith("/columns")
    assert re.search("На торгах.*2.*\\(2, 3\\)", page.text, re.DOTALL)
    assert 'value="thousand" checked' in page.text and "The month is first: 4 March 2026" in page.text
    columns = {
        f"column_{place}": name
        for place, name in enumerate(("external_id", "name_ru", "object_kind", "work_type", "stage", "placement"))
    } | {"column_6": "budget_kzt", "column_7": "contract_signed_on"}
    asked = {"asked": ["stage", "budget_kzt", "contract_signed_on"], "value_budget_kzt": "thousand"}
    unsaid = visit.send(path, **columns, **asked, word_stage_0="planning")
    assert "Choose whether the day or the month comes first." in unsaid.text
    assert '<option value="planning" selected>' in unsaid.text
    visit.send(path, **columns, **asked, word_stage_0="planning", value_contract_signed_on="month")
    run_next_import()
    projects = db.session.scalars(db.select(Project).order_by(Project.external_id)).all()
    assert [project.stage for project in projects] == ["planning"] * 3
    assert [project.budget_kzt for project in projects] == [14_500_500] * 3
    assert [str(project.contract_signed_on) for project in projects] == ["2026-03-04", "2026-05-06", "2026-07-07"]
    # The words of the agency are known now; units and dates are asked for each file.
    again = upload().text
    assert "word_stage_0" in again and '<option value="planning" selected>' in again
    shown = visit.get("/imports").text
    assert "На торгах" in shown and "Код проекта" not in shown, "columns that were recognised are not remembered"


def test_other_columns_ask_their_own_questions(signed_in: SignedIn) -> None:
    visit = signed_in(Role.AGENCY_EDITOR, an_agency())
    table = "Шифр;Что это;Где;План, тыс. тенге\nА-1;Учёт;в подвале;14500\n"
    path = visit.send("/imports", kind="projects", file=(io.BytesIO(table.encode()), "т.csv")).request.path
    columns = {"column_0": "external_id", "column_1": "name_ru", "column_2": "placement"}
    # What the table says is chosen also where the question is new.
    page = visit.send(path, **columns, column_3="budget_kzt")
    assert re.search(r'value="thousand"\s+checked', page.text)
    page = visit.send(path, **columns)
    assert page.request.path == path and "What “в подвале” means" in page.text and "There is a problem" not in page.text
    assert visit.send(path, **columns, asked="placement", word_placement_0="evil").status_code == 422
    visit.send(path, **columns, asked="placement", word_placement_0="off_platform")
    run_next_import()
    assert "off_platform" not in visit.get(path.removesuffix("columns") + "errors").text


def test_new_projects_get_the_choice_that_no_column_has_and_registered_ones_keep_theirs(signed_in: SignedIn) -> None:
    agency = an_agency()
    registered = a_project(agency, external_id="А-1", object_kind="platform").number
    visit = signed_in(Role.AGENCY_EDITOR, agency)
    rows = "А-1;Учёт озёр и рек;Создание;Планирование\nА-2;Учёт гор;Создание;Планирование\n"
    table = f"Код проекта;Наименование;Вид работ;Стадия\n{rows}"
    path = visit.send(
        "/imports", kind="projects", file=(io.BytesIO(table.encode()), "т.csv"), dry_run="yes"
    ).request.path
    run_next_import()
    assert "Choose columns and values again" in visit.get(path).text
    page = visit.get(f"{path}/columns").text
    assert "new_object_kind" in page and "new_placement" in page and "new_stage" not in page
    columns = {"column_0": "external_id", "column_1": "name_ru", "column_2": "work_type", "column_3": "stage"}
    assert (
        visit.send(f"{path}/columns", **columns, new_object_kind="evil", new_placement="off_platform").status_code
        == 422
    )
    visit.send(f"{path}/columns", **columns, new_object_kind="service", new_placement="off_platform")
    run_next_import()
    assert '<option value="service" selected>' in visit.get(f"{path}/columns").text
    visit.send(f"{path}/run", page=path, change_reason="Перечень")
    run_next_import()
    kinds = {each.external_id: (each.object_kind, each.number) for each in db.session.scalars(db.select(Project))}
    assert kinds["А-1"] == ("platform", registered)
    assert kinds["А-2"][0] == "service"


def test_page_does_not_tell_clerks_what_programs_send(app: Flask) -> None:
    params = {"column": "Сумма", "field": "budget_kzt", "value": "14500", "row": 2}
    with app.test_request_context("/", headers={"Cookie": "registry_language=ru"}):
        assert problem_message(Problem("", "amounts-small", params)) == (
            "Суммы столбца «Сумма» малы для проекта, например 14500 в строке 2. Если они указаны в тысячах тенге, "
            "выберите столбцы и значения заново."
        )
        assert "values" not in problem_message(Problem("", "dates-two-ways", params))
