"""Hostile tables: cells that are too long, files that take too long, and who reads them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from time import process_time
from typing import Final

import openpyxl
import pytest
from flask import Flask

from registry.accounts.people_import import import_people
from registry.accounts.roles import Role
from registry.core.child_processes import ChildFailed
from registry.core.database import db
from registry.core.errors import Invalid
from registry.core.fields import MAX_ENTRIES, MAX_YEARS, Entries, YearlyAmounts
from registry.core.lists import Page
from registry.core.spreadsheets import csv_and_xlsx, reader
from registry.core.spreadsheets.csv_and_xlsx import MAX_CELL_LENGTH, MAX_COLUMNS, MAX_RECORDS, MAX_ROWS
from registry.core.spreadsheets.reader import open_file, open_table, stored_table
from registry.imports import agencies, projects
from registry.imports.queries import errors_of
from registry.imports.service import import_now, queue_import
from registry.platform.inventory import apply_inventory
from registry.projects.models import Project
from tests.factories import ADMINISTRATOR, an_actor, an_agency
from tests.imports.tables import with_entry, xlsx_of

# How a table is read hangs on no database.
pytestmark = pytest.mark.on_either
SHEET: Final = "xl/worksheets/sheet1.xml"
HEADER: Final = "agency;external_id;name_ru;object_kind;work_type;stage;placement;purpose;Примечание\n"
# The file is read in another process: this one only compares and stores what it has read.
MAX_OWN_SECONDS: Final = 1.0


def own_seconds(act: Callable[[], object]) -> float:
    begin = process_time()
    act()
    return process_time() - begin


@pytest.mark.parametrize("blanks", [" ", "\t", "\u2003", "\u00a0"])
@pytest.mark.parametrize("place", ["header", "row", "title"])
def test_cell_of_blanks_costs_this_process_nothing(app: Flask, blanks: str, place: str) -> None:
    cell = "1" + blanks * 12_000 + "x"
    row = f'1;"{cell}";3;4;5;6\n'
    lines = {"header": f'agency;external_id;"{cell}"\n1;2;3\n', "row": f"agency;external_id;a;b;c;d\n{row}"}
    content = lines.get(place, f"{row}agency;external_id\n1;2\n").encode()
    assert own_seconds(lambda: queue_import(ADMINISTRATOR, "projects", True, "x.csv", content)) < MAX_OWN_SECONDS


def test_blanks_behind_an_empty_formula_are_read_at_once(app: Flask) -> None:
    sheet = (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="1">'
        f'<c r="A1"><f/>{" " * 500_000}<v>1</v></c></row></sheetData></worksheet>'
    )
    content = with_entry(xlsx_of(("agency", "external_id")), SHEET, sheet.encode())
    assert len(content) < 10_000
    (table,) = open_file(content)
    assert list(table.records()) == [(1, ["1"])]


def test_cell_longer_than_any_field_is_refused_and_never_cut_into_a_value(app: Flask) -> None:
    agency = an_agency()
    usual = f"{agency.bin};{{}};Система;system;creation;creation;unknown;{{}};{{}}\n"
    long = f'"1{" " * 12_000}x"'
    rows = [usual.format("A-1", long, ""), usual.format("A-2", "да", long), usual.format(long, "", "")]
    run = import_now(ADMINISTRATOR, "projects", False, "x.csv", (HEADER + "".join(rows)).encode())
    assert (run.created, run.rejected) == (1, 2)
    errors = [(each["row"], each["column"], each["code"]) for each in errors_of(ADMINISTRATOR, run, Page()).items]
    assert errors == [(2, "purpose", "cell-too-long"), (4, "external_id", "cell-too-long")]
    assert db.session.scalars(db.select(Project.external_id).where(Project.agency_id == agency.id)).all() == ["A-2"]


def test_blanks_around_a_text_do_not_count(app: Flask) -> None:
    (table,) = open_file(f'a;b\n"{" " * 20_000}текст{" " * 20_000}";2\n'.encode())
    assert list(table.records())[1] == (2, ["текст", "2"])


def test_no_field_is_longer_than_the_longest_cell() -> None:
    lengths = [MAX_YEARS * len("2026: 1000000000000000; ")]
    for field in (*projects.FIELDS.values(), *agencies.FIELDS.values()):
        limit = getattr(field, "limit", 0)
        lengths.append(MAX_ENTRIES * (limit + 2) if isinstance(field, Entries) else limit)
        assert not isinstance(field, YearlyAmounts) or not limit
    assert max(lengths) == MAX_CELL_LENGTH


def test_row_of_a_million_columns_is_cut_and_known_to_be_too_long(app: Flask) -> None:
    (table,) = open_file(b"a;b\n1;2" + b";" * 1_000_000 + b"x\n")
    (row,) = table.rows(1, 2)
    assert (row.cells, row.surplus) == (["1", "2"], 1)
    assert len(list(table.records())[1][1]) == MAX_COLUMNS + 1


def test_table_that_takes_too_much_is_refused(app: Flask) -> None:
    # Each cell grows when it is written as UTF-8 with quotes.
    content = ('"""";' * 40 + "\n").encode() * 80_000 + "я".encode("cp1251")
    assert len(content) < 20 << 20
    with pytest.raises(Invalid) as refused:
        open_table(('agency;"' + '""' * 9_000_000 + '"\n').encode()[: 19 << 20] + b'";' + b'""""";\n' * 10)
    assert refused.value.problems[0].code in ("csv-too-large", "csv-broken")


def refused_by_the_child(content: bytes) -> list[Callable[[], object]]:
    administrator, operator = an_actor(Role.ADMINISTRATOR), an_actor(Role.OPERATOR)
    return [
        lambda: queue_import(administrator, "projects", True, "x", content),
        lambda: queue_import(administrator, "agencies", True, "x", content),
        lambda: import_now(administrator, "projects", True, "x", content),
        lambda: apply_inventory(operator, "x", content, dry_run=True),
        lambda: import_people(administrator, content, dry_run=True),
        lambda: stored_table(content),
    ]


@pytest.mark.parametrize("line", [b"\n", b"1\n"], ids=["blank", "short"])
def test_table_of_more_rows_than_can_be_registered_is_refused(app: Flask, line: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        open_table(b"name_ru,external_id\n" + line * (MAX_RECORDS if line == b"\n" else MAX_ROWS) + b"a,b\n")
    assert [problem.code for problem in refused.value.problems] == ["csv-too-large"]


@pytest.mark.parametrize("is_workbook", [False, True])
def test_every_table_goes_through_the_child(app: Flask, monkeypatch: pytest.MonkeyPatch, is_workbook: bool) -> None:
    content = xlsx_of(("agency", "external_id")) if is_workbook else b"agency;external_id\n"
    read: list[tuple[str, bytes]] = []

    def fail(module: str, given: bytes, *_arguments: str) -> bytes:
        read.append((module, given))
        raise ChildFailed

    monkeypatch.setattr(reader, "child_output", fail)
    acts = refused_by_the_child(content)
    for act in acts:
        with pytest.raises(Invalid) as refused:
            act()
        assert refused.value.problems[0].code == ("xlsx-too-large" if is_workbook else "csv-too-large")
    assert read == [(csv_and_xlsx.__name__, content)] * len(acts)


def test_half_a_character_is_kept_for_its_row(app: Flask) -> None:
    (table,) = open_file(b"a;b\n\xed\xa0\x80;2\n")
    assert list(table.records())[1] == (2, ["\ud800", "2"])


def workbook_of(sheets: dict[str, list[list[str]]], hidden: tuple[str, ...] = ()) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
        if name in hidden:
            sheet.sheet_state = "hidden"
    made = io.BytesIO()
    book.save(made)
    assert zipfile.is_zipfile(made)
    return made.getvalue()


def test_sheets_that_look_like_projects_are_named_with_the_reason(app: Flask) -> None:
    table = [["БИН", "Код проекта", "Наименование", "Стадия"], ["1", "2", "3", "4"]]
    nameless = [["Наименование", "Стадия", "Вид работ", "Сумма"], ["3", "4", "5", "6"]]
    notes = [["Пояснения"], ["Прочитать"]]
    sheets = {"Проекты": table, "2025": table, "Без кода": nameless, "Пояснения": notes, "Пять": notes, "Шесть": table}
    run = queue_import(ADMINISTRATOR, "projects", True, "x.xlsx", workbook_of({**sheets, "Архив": table}, ("Архив",)))
    named = [(each["code"], each["params"]["sheet"]) for each in run.warnings or [] if "sheet" in each["params"]]
    assert named == [
        ("sheets-left-out", "Проекты"),
        ("sheet-without-columns", "Без кода"),
        ("sheet-beyond-limit", "Шесть"),
        ("sheet-hidden-left-out", "Архив"),
    ]
    assert (run.warnings or [])[0]["params"]["sheets"] == '"2025"'
    assert (run.warnings or [])[1]["params"]["columns"] == 'agency ("Ұйым", "Организация", "Agency")'


def test_refused_workbook_names_the_sheet_that_was_meant(app: Flask) -> None:
    table = [["БИН", "Код проекта", "Наименование", "Стадия"], ["1", "2", "3", "4"]]
    content = workbook_of({"Титул": [["Отчёт"], ["за год"]], "Проекты": table}, ("Проекты",))
    with pytest.raises(Invalid) as refused:
        queue_import(ADMINISTRATOR, "projects", True, "x.xlsx", content)
    assert "sheet-hidden-left-out" in {problem.code for problem in refused.value.problems}
