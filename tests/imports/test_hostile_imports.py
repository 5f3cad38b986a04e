"""Hostile imports: mappings and reasons, imports of others, marked files of odd tables, templates in odd languages."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import openpyxl
import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import FileStorage

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.core.database import db
from registry.imports.models import ImportRun
from registry.imports.worker import run_next_import
from registry.projects.models import Project
from tests.api.callers import Caller, caller
from tests.factories import an_agency
from tests.hostile.corpus import Case, cases, named

# What is refused of a form or a file hangs on no database.
pytestmark = pytest.mark.on_either
HEADER = "БИН;Код проекта;Наименование;Вид объекта;Вид работ;Стадия;Размещение;Примечание\n"
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
    file = FileStorage(io.BytesIO((HEADER + row(agency, 1)).encode()), "x.csv")
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
    dry = sent(editor, (HEADER + row(agency, 1)).encode(), dry_run="true")
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
    dry = sent(editor, (HEADER + row(agency, 1)).encode(), dry_run="true")
    run_next_import()

    assert administrator.post(f"/imports/{dry['id']}/run", {}).status_code == 403
    assert administrator.post(f"/imports/{dry['id']}/answers", {"answers": {}}).status_code == 403

    assert [run["id"] for run in administrator.get("/imports").get_json()["items"]] == [dry["id"]]
    assert editor.post(f"/imports/{dry['id']}/run", {}).status_code == 202


def test_dry_run_is_imported_once(editor: Caller, agency: Agency) -> None:
    dry = sent(editor, (HEADER + row(agency, 1)).encode(), dry_run="true")
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
    run = sent(editor, (HEADER + "".join(lines)).encode(), dry_run="true")
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


def test_marked_file_of_half_characters_and_far_columns_opens(editor: Caller, agency: Agency) -> None:
    half = "\ud800".encode("utf-8", "surrogatepass")
    far = row(agency, 2, "где-то").rstrip("\n").encode() + b";" * 20_000 + "край\n".encode()
    content = HEADER.encode() + row(agency, 1).encode().replace("Учёт".encode(), half) + far
    run = sent(editor, content, dry_run="true")
    run_next_import()
    assert editor.get(f"/imports/{run['id']}").get_json()["rejected"] == 2
    answer = editor.get(f"/imports/{run['id']}/errors.xlsx")
    assert answer.status_code == 200
    assert openpyxl.load_workbook(io.BytesIO(answer.data)).active is not None
    assert editor.get(f"/imports/{run['id']}/errors").status_code == 200


@pytest.mark.parametrize("odd", [b"\x00", b"\xed\xa0\x80"], ids=["zero byte", "half a character"])
def test_header_that_no_database_takes_is_kept_replaced(editor: Caller, agency: Agency, odd: bytes) -> None:
    table = ("Список\n" + HEADER + row(agency, 1)).encode().replace("Примечание".encode(), b"a" + odd + b"b")

    run = sent(editor, table, dry_run="true")

    assert run["columns"][-1] == {"header": "a\N{REPLACEMENT CHARACTER}b", "field": None}
    done = run_next_import()
    assert done is not None and (done.state, done.created) == ("done", 1)
