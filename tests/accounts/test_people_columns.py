"""Tables of people as clerks have them: labels in three languages, titles above the header, columns of notes."""

from __future__ import annotations

import io

import pytest
from flask import Flask
from openpyxl import load_workbook

from registry.accounts.people_import import import_people
from registry.accounts.roles import Role
from registry.core.errors import Invalid
from tests.factories import ADMINISTRATOR, an_agency
from tests.fixtures.web import SignedIn


@pytest.mark.parametrize(
    "table",
    [
        "name;email;role;agency;language\nИван Петров;i@x.kz;agency_editor;{bin};ru\n",
        "Имя;Электронная почта;Роль;Организация;Язык\nИван Петров;i@x.kz;Редактор организации;{bin};Русский\n",
        "Сотрудники министерства;;;;;\n;;;;;\n№ п/п;ФИО;E-mail;РОЛЬ;БИН;Язык\n"
        "1;Иван Петров;i@x.kz;редактор организации;{bin};русский\n",
        "Аты-жөні;Электрондық пошта;Рөлі;Ұйым;Тілі;Ескерту\nИван Петров;i@x.kz;Ұйым редакторы;{bin};Русский;жаңа\n",
    ],
    ids=["codes", "Russian labels", "title and numbers", "Kazakh labels and notes"],
)
def test_table_is_read_with_codes_or_labels(app: Flask, table: str) -> None:
    agency = an_agency()
    result = import_people(ADMINISTRATOR, table.format(bin=agency.bin).encode(), dry_run=True)
    assert result.errors == []
    [person] = result.created
    assert (person.name, person.email, person.role) == ("Иван Петров", "i@x.kz", "agency_editor")
    assert (person.agency, person.language) == (agency.bin, "ru")


@pytest.mark.parametrize(
    ("table", "codes"),
    [
        ("Имя;Роль;Отдел\n", ["column-unknown"]),
        ("Имя;ФИО;Роль\n", ["column-twice"]),
        ("Имя;Язык\n", ["column-missing"]),
        ("", ["file-empty"]),
    ],
)
def test_unknown_duplicate_and_missing_columns_are_refused(app: Flask, table: str, codes: list[str]) -> None:
    with pytest.raises(Invalid) as error:
        import_people(ADMINISTRATOR, table.encode(), dry_run=True)
    assert [(problem.pointer, problem.code) for problem in error.value.problems] == [("/file", code) for code in codes]


def test_template_has_labels_of_the_page_and_lists_and_can_be_uploaded_again(signed_in: SignedIn) -> None:
    agency = an_agency()
    answer = signed_in(Role.AGENCY_ADMINISTRATOR, agency, language="ru").get("/people/import.xlsx")
    book = load_workbook(io.BytesIO(answer.data))
    sheet = book.active
    assert [cell.value for cell in sheet[1]] == ["Имя", "Электронная почта", "Роль", "Организация", "Язык"]
    roles, languages = (each.formula1 for each in sheet.data_validations.dataValidation)
    assert roles == '"Наблюдатель организации,Редактор организации"' and languages == '"Қазақша,Русский,English"'
    for place, value in enumerate(("Иван Петров", "i@x.kz", "Редактор организации", agency.bin, "Русский"), 1):
        sheet.cell(2, place, value)
    filled = io.BytesIO()
    book.save(filled)
    result = import_people(ADMINISTRATOR, filled.getvalue(), dry_run=True)
    assert [(person.name, person.role) for person in result.created] == [("Иван Петров", "agency_editor")]
