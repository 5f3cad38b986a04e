"""Import page: template and column reference."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

from registry.accounts.roles import Role
from registry.core.database import db
from registry.imports.worker import run_next_import
from registry.projects.models import Project
from tests.factories import an_agency
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
    assert "Choose columns again" in shown and "Цель работ" in shown
    form = visit.get(f"{path}/columns").text
    assert '<option value="purpose" selected>' in form and "The dry run is then done again" in form
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
