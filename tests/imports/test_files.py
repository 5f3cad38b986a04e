"""Import files: accepted formats, cell conversion, immediate rejection, and hostile ones."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import date, datetime
from time import monotonic
from typing import Any

import openpyxl
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import FileStorage

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.core.database import db
from registry.core.errors import Invalid, Problem
from registry.core.spreadsheets.reader import open_sheet
from registry.core.translations import LANGUAGES, message
from registry.imports.models import ImportRun
from registry.imports.service import ImportOptions, import_now, queue_import
from registry.imports.worker import run_next_import
from registry.projects.models import Project
from tests.api.callers import Caller, caller
from tests.factories import an_actor, an_agency
from tests.hostile.corpus import Case, cases, named
from tests.imports.tables import csv_of, with_entry, xlsx_of

# How a table is read hangs on no database.
pytestmark = pytest.mark.on_either
SHEET = "xl/worksheets/sheet1.xml"
HEADER = ("agency", "external_id", "name_ru", "object_kind", "work_type", "stage", "placement")


def problems_of(content: bytes) -> list[Problem]:
    """Return the problems of a rejected file; each has a message in every language."""
    with pytest.raises(Invalid) as refused:
        queue_import(an_actor(Role.ADMINISTRATOR), "projects", False, "file", content)
    problems = list(refused.value.problems)
    for problem in problems:
        assert problem.pointer == "/file"
        assert all(message(problem.code, language, problem.params) for language in LANGUAGES)
    return problems


def code(content: bytes) -> str:
    return problems_of(content)[0].code


def minimal(agency: str, **more: str) -> dict[str, str]:
    """Return a row that can be registered."""
    values = ("A-1", "Система", "system", "creation", "creation", "off_platform")
    return {"agency": agency, **dict(zip(HEADER[1:], values, strict=True)), **more}


def imported(content: bytes) -> Project:
    run = import_now(an_actor(Role.ADMINISTRATOR), "projects", False, "file", content)
    assert (run.state, run.created, run.rejected) == ("done", 1, 0)
    return db.session.scalars(db.select(Project).order_by(Project.id.desc())).first()


@pytest.mark.parametrize(
    ("encoding", "delimiter"),
    [("utf-8", ","), ("utf-8-sig", ","), ("utf-8-sig", ";"), ("cp1251", ";"), ("cp1251", ",")],
)
def test_csv_dialects_of_excel_and_others_are_read(app: Flask, encoding: str, delimiter: str) -> None:
    row = minimal(an_agency().bin, name_ru='Реестр; «строки, и кавычки "так"»\nвторая строка № 1')
    project = imported(csv_of(row, delimiter=delimiter, encoding=encoding))
    assert project.name_ru == 'Реестр; «строки, и кавычки "так"»\nвторая строка № 1'


def test_columns_may_be_in_any_order_and_read_only_ones_are_ignored(app: Flask) -> None:
    row = minimal(an_agency().bin)
    given = dict(reversed(row.items())) | {"number": "1", "version": "x", "freeze_status": "?", "severity": "high"}
    assert imported(csv_of(given)).version == 1


def test_lost_leading_zeros_are_restored(app: Flask) -> None:
    agency = an_agency(bin="000140000022")
    header = (*HEADER, "sector", "region", "budget_kzt", "object_class", "is_ai", "holds_personal_data", "supplier_bin")
    values = ("A-1", "Система", "system", "creation", "creation", "off_platform")
    project = imported(xlsx_of(header, (int(agency.bin), *values, 7, 71, 123.0, 2, True, 0, float(agency.bin))))
    assert (project.sector, project.region, project.budget_kzt, project.object_class) == ("07", "71", 123, 2)
    assert (project.is_ai, project.holds_personal_data, project.supplier_bin) == (True, False, agency.bin)


@pytest.mark.parametrize("cell", [date(2026, 2, 1), datetime(2026, 2, 1), "2026-02-01"])
def test_dates_are_read_from_date_cells_and_iso_text(app: Flask, cell: object) -> None:
    row = (an_agency().bin, "A-1", "Система", "system", "creation", "creation", "off_platform", cell)
    assert imported(xlsx_of((*HEADER, "work_started_on"), row)).work_started_on == date(2026, 2, 1)


@pytest.mark.parametrize("text", ["true", "1", "yes", "да", "ДА", "иә", "ИСТИНА"])
def test_yes_is_accepted_in_three_languages(app: Flask, text: str) -> None:
    assert imported(csv_of(minimal(an_agency().bin, is_ai=text))).is_ai is True


@pytest.mark.parametrize("text", ["false", "0", "No", "нет", "жоқ"])
def test_no_is_accepted_in_three_languages(app: Flask, text: str) -> None:
    assert imported(csv_of(minimal(an_agency().bin, is_ai=text))).is_ai is False


def test_apostrophe_before_formula_is_removed(app: Flask) -> None:
    row = minimal(an_agency().bin, name_ru="'=SUM(A1)", purpose="''-1", name_en="'тырнақша")
    project = imported(csv_of(row))
    assert (project.name_ru, project.purpose, project.name_en) == ("=SUM(A1)", "'-1", "'тырнақша")


def test_row_numbers_are_those_of_the_spreadsheet(app: Flask) -> None:
    content = b'agency,external_id\r\n\r\n"a\nb",1\r\n,,\r\n2,3\r\n'
    assert [(row.number, row.cells) for row in open_sheet(content).rows()] == [(3, ["a\nb", "1"]), (5, ["2", "3"])]
    content = xlsx_of((), ("agency", "external_id"), (), ("x", 1), (None, None), ("y", 2))
    assert [(row.number, row.cells) for row in open_sheet(content).rows()] == [(4, ["x", "1"]), (6, ["y", "2"])]


def test_unreadable_file_is_rejected_immediately(app: Flask) -> None:
    for content, expected in [
        (b"", "file-empty"),
        (b"\xef\xbb\xbf", "file-empty"),
        (b"\r\n\r\n,,,\r\n", "file-empty"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "file-not-a-table"),
        (b"agency\x00,external_id\r\n", "file-not-a-table"),
        ("agency,external_id\r\n".encode("utf-16") + b"x", "file-not-a-table"),
        ("agency,external_id\r\n".encode("utf-32"), "file-not-a-table"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "file-not-a-table"),
        (b"PK\x03\x04 and no more", "xlsx-unreadable"),
        (b'agency,external_id\r\n"1,2\r\n', "csv-broken"),
        (b'agency,external_id\r\n"1"x,2\r\n', "csv-broken"),
        ("agency,external_id\r\nСистема учёта".encode() + b"\xd0", "utf8-broken"),
        ("agency,external_id\r\nСистема \x98".encode("cp1251", "replace") + b"\x98", "file-encoding-unknown"),
        (b"agency,external_id,agency\r\n", "column-twice"),
        (b"agency,stage\r\n", "column-missing"),
        (b"external_id,name_ru\r\n", "column-missing"),
        (b"budget_kzt,external_id\r\n1,2\r\n", "column-missing"),
        ("БИН;Сумма;Бюджет;Код проекта\r\n1;2;3;4\r\n".encode("cp1251"), "columns-for-one-field"),
        (
            "Ұйым;Жұмыс түрі;Кезең;Атауы\r\n1;Қосылу;Әзірлену;Жүйе\r\n".encode("cp1251", "replace"),
            "kazakh-letters-lost",
        ),
        (b"agency;external_id,stage\r\n", "column-missing"),
    ]:
        assert code(content) == expected, content
        assert db.session.scalar(db.select(ImportRun.id)) is None, content


def test_strict_import_names_unknown_columns(app: Flask) -> None:
    content = "agency,external_id,color,Цена за штуку,,is_restricted,agency_id\r\n".encode()
    with pytest.raises(Invalid) as error:
        queue_import(an_actor(Role.ADMINISTRATOR), "projects", False, "file", content, ImportOptions(strict=True))
    assert [(problem.code, problem.params) for problem in error.value.problems] == [
        ("column-unknown", {"column": "color"}),
        ("column-unknown", {"column": "Цена за штуку"}),
        ("column-without-name", {"position": 5}),
        ("column-unknown", {"column": "agency_id"}),
    ]


def test_header_is_searched_below_long_titles_but_not_below_thousands_of_cells(app: Flask) -> None:
    header, row = ";".join(HEADER), ";".join(minimal(an_agency().bin).values())
    titles = "".join(f"Перечень {number}\n" for number in range(30))
    assert imported(f"{titles}{header}\n{row}\n".encode()).external_id == "A-1"

    texts = "".join(";".join(f"Графа {line} {place}" for place in range(100)) + "\n" for line in range(21))
    assert code(f"{texts}{header}\n{row}\n".encode()) == "column-missing"


def test_file_over_20_mib_is_rejected(app: Flask) -> None:
    assert code(b"agency,external_id\r\n" + b"\n" * (20 << 20)) == "file-too-large"


def test_distant_cells_that_need_549_gb_are_rejected(app: Flask) -> None:
    workbook = openpyxl.Workbook()
    workbook.active["A1"], workbook.active["XFD1048576"] = "agency", "x"
    made = io.BytesIO()
    workbook.save(made)
    assert len(made.getvalue()) < 8192
    assert code(made.getvalue()) == "xlsx-too-many-cells"


def test_zip_bomb_is_rejected(app: Flask) -> None:
    content = with_entry(xlsx_of(HEADER), SHEET, b" " * (200 << 20))
    assert len(content) < 1 << 20
    assert code(content) == "xlsx-too-large"


def test_archive_with_false_sizes_is_rejected(app: Flask) -> None:
    size = 64 << 20
    content = with_entry(xlsx_of(HEADER), SHEET, b" " * size)
    lying = content.replace(size.to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    assert lying != content
    assert code(lying) == "xlsx-unreadable"


def test_archive_with_many_entries_or_without_sheet_is_rejected(app: Flask) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for number in range(2000):
            archive.writestr(str(number), b"")
    assert code(made.getvalue()) == "xlsx-too-large"
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("xl/other.xml", b"<w/>")
    assert code(made.getvalue()) == "xlsx-unreadable"


def test_xml_entities_are_not_resolved(app: Flask) -> None:
    laughs = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + "".join(
        f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    sheet = (
        f"<?xml version='1.0'?>{laughs}]><worksheet xmlns='http://schemas.openxmlformats.org/spreadsheetml/2006/main'>"
        "<sheetData><row r='1'><c r='A1' t='inlineStr'><is><t>&i;</t></is></c></row></sheetData></worksheet>"
    )
    assert code(with_entry(xlsx_of(HEADER), SHEET, sheet.encode())) in (
        "xlsx-unreadable",
        "column-missing",
        "file-empty",
    )


HOSTILE_HEADER = "БИН;Код проекта;Наименование;Вид объекта;Вид работ;Стадия;Размещение;Примечание\n"
# Of the marked files: each begins a formula in some spreadsheet, or is not allowed in XML.
ODD_CELLS = (
    *("=cmd|' /C calc'!A0", "@SUM(1+1)", "+1+1", "-1+1", "\t=1+1", "\r=1+1", "'=1+1", '=HYPERLINK("http://x","y")'),
    *("\x0b\x1f", "\x7f", "\ufffe", "_x0041_", "<c><f>1</f></c>", "]]>", "\u202e", "x" * 40_000, "{{7*7}}", "%n"),
)


def row(agency: Agency, number: int, stage: str = "Планирование") -> str:
    return f"{agency.bin};А-{number};Учёт;ИС;Создание;{stage};Пока неизвестно;x\n"


def sent(sender: Caller, content: bytes, **form: str) -> dict[str, Any]:
    file = FileStorage(io.BytesIO(content), "x.csv")
    answer = sender.form("/imports", {"file": file, "kind": "projects", **form})
    assert answer.status_code == 202, answer.get_json()
    shown: dict[str, Any] = answer.get_json()
    return shown


def form_of(case: Case) -> dict[str, str]:
    if "many" in case:
        return {"mapping": json.dumps({f"h{number}": case.get("field") for number in range(case["many"])})}
    return {name: text * case.get("times", 1) for name, text in case["form"].items()}


@pytest.mark.parametrize("case", cases("imports"), ids=named)
def test_hostile_form_is_refused_briefly_or_harmless(editor: Caller, agency: Agency, case: Case) -> None:
    file = FileStorage(io.BytesIO((HOSTILE_HEADER + row(agency, 1)).encode()), "x.csv")
    answer = editor.form("/imports", {"file": file, "kind": "projects", "dry_run": "true", **form_of(case)})
    runs = db.session.scalars(db.select(ImportRun.id)).all()
    if case["expected"] == "accepted":
        assert (answer.status_code, len(runs)) == (202, 1)
        run_next_import()
        assert editor.get(f"/imports/{runs[0]}").get_json()["state"] == "done"
        return
    assert (answer.status_code, runs) == (422, [])
    problems = answer.get_json()["errors"]
    assert {problem["code"] for problem in problems} == {case["code"]}
    assert len(problems) <= 20 and len(answer.data) < 50_000


def test_import_of_another_agency_is_hidden_and_runs_for_nobody_else(
    client: FlaskClient, editor: Caller, agency: Agency
) -> None:
    dry = sent(editor, (HOSTILE_HEADER + row(agency, 1)).encode(), dry_run="true")
    run_next_import()
    other = caller(client, Role.AGENCY_EDITOR, an_agency(), "other")
    path = f"/imports/{dry['id']}"
    for ending in ("", "/errors", "/rows", "/errors.xlsx"):
        assert other.get(path + ending).status_code == 404
    assert other.post(f"{path}/run", {}).status_code == 404
    assert caller(client, Role.AUDITOR).post(f"{path}/run", {}).status_code == 403
    assert db.session.scalars(db.select(Project.id)).all() == []


def test_dry_run_of_an_agency_becomes_nobody_elses_who_may_not_see_its_rows(
    administrator: Caller, editor: Caller, agency: Agency
) -> None:
    dry = sent(editor, (HOSTILE_HEADER + row(agency, 1)).encode(), dry_run="true")
    run_next_import()

    assert administrator.post(f"/imports/{dry['id']}/run", {}).status_code == 403
    assert administrator.post(f"/imports/{dry['id']}/answers", {"answers": {}}).status_code == 403

    assert [run["id"] for run in administrator.get("/imports").get_json()["items"]] == [dry["id"]]
    assert editor.post(f"/imports/{dry['id']}/run", {}).status_code == 202


def test_dry_run_is_imported_once(editor: Caller, agency: Agency) -> None:
    dry = sent(editor, (HOSTILE_HEADER + row(agency, 1)).encode(), dry_run="true")
    path = f"/imports/{dry['id']}/run"
    assert editor.post(path, {}).status_code == 409
    run_next_import()
    statuses = [editor.post(path, {}).status_code for _ in range(3)]
    assert statuses == [202, 409, 409]
    run_next_import()
    assert editor.post(path, {}).status_code == 409
    assert len(db.session.scalars(db.select(Project.id)).all()) == 1


def test_marked_file_evaluates_nothing_and_opens(editor: Caller, agency: Agency) -> None:
    # The stage is wrong in every row, the odd text stands in it and in a column that is left out.
    lines = []
    for number, cell in enumerate(ODD_CELLS):
        quoted = '"' + cell.replace('"', '""') + '"'
        lines.append(f"{agency.bin};А-{number};Учёт;ИС;Создание;{quoted};Пока неизвестно;{quoted}\n")
    run = sent(editor, (HOSTILE_HEADER + "".join(lines)).encode(), dry_run="true")
    run_next_import()
    answer = editor.get(f"/imports/{run['id']}/errors.xlsx")
    assert answer.status_code == 200
    parts = zipfile.ZipFile(io.BytesIO(answer.data))
    assert not [name for name in parts.namelist() if b"<f>" in parts.read(name) or b"hyperlink" in parts.read(name)]
    sheet = openpyxl.load_workbook(io.BytesIO(answer.data)).active
    assert sheet is not None and sheet.max_row == len(ODD_CELLS) + 1
    shown = [str(cell.value or "") for line in sheet.iter_rows(min_row=2) for cell in line]
    assert not [text for text in shown if text[:1] in "=+-@\t\r" and text]
    assert max(map(len, shown)) <= 32_767


def test_workbook_with_endless_merged_cells_comes_back_as_texts_at_once(editor: Caller, agency: Agency) -> None:
    header, cells = (line.strip().split(";") for line in (HOSTILE_HEADER, row(agency, 1, "где-то")))
    content = xlsx_of(header, cells)
    sheet = zipfile.ZipFile(io.BytesIO(content)).read(SHEET)
    merged = b'<mergeCells><mergeCell ref="A9:XFD1048576"/></mergeCells>'
    run = sent(editor, with_entry(content, SHEET, sheet.replace(b"</sheetData>", b"</sheetData>" + merged)))
    run_next_import()
    started = monotonic()
    answer = editor.get(f"/imports/{run['id']}/errors.xlsx")
    assert openpyxl.load_workbook(io.BytesIO(answer.data)).sheetnames == ["import"]
    assert monotonic() - started < 10


def test_marked_file_of_half_characters_and_far_columns_opens(editor: Caller, agency: Agency) -> None:
    half = "\ud800".encode("utf-8", "surrogatepass")
    far = row(agency, 2, "где-то").rstrip("\n").encode() + b";" * 20_000 + "край\n".encode()
    content = HOSTILE_HEADER.encode() + row(agency, 1).encode().replace("Учёт".encode(), half) + far
    run = sent(editor, content, dry_run="true")
    run_next_import()
    assert editor.get(f"/imports/{run['id']}").get_json()["rejected"] == 2
    answer = editor.get(f"/imports/{run['id']}/errors.xlsx")
    assert answer.status_code == 200
    assert openpyxl.load_workbook(io.BytesIO(answer.data)).active is not None
    assert editor.get(f"/imports/{run['id']}/errors").status_code == 200


@pytest.mark.parametrize("odd", [b"\x00", b"\xed\xa0\x80"], ids=["zero byte", "half a character"])
def test_header_that_no_database_takes_is_kept_replaced(editor: Caller, agency: Agency, odd: bytes) -> None:
    table = ("Список\n" + HOSTILE_HEADER + row(agency, 1)).encode().replace("Примечание".encode(), b"a" + odd + b"b")

    run = sent(editor, table, dry_run="true")

    assert run["columns"][-1] == {"header": "a\N{REPLACEMENT CHARACTER}b", "field": None}
    done = run_next_import()
    assert done is not None and (done.state, done.created) == ("done", 1)
