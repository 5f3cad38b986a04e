"""Undo of an import: values of before come back, and nothing that changed since or would end a serious flag."""

from __future__ import annotations

import io
from datetime import date, timedelta

import pytest
from flask import Flask
from werkzeug.datastructures import FileStorage

from registry.accounts.actors import Actor
from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.core.database import db
from registry.core.transactions import transaction
from registry.imports.models import ImportRun
from registry.imports.queries import ImportNotFound
from registry.imports.service import ImportOptions, import_now
from registry.imports.undo import ImportNotUndoable, undo_import
from registry.imports.worker import run_next_import
from registry.journal.service import JournalEntry
from registry.projects.models import Project
from registry.projects.revisions import history
from registry.projects.service import change_project, find_project_to_change
from registry.requests.models import Request
from tests.api.callers import Caller
from tests.audits.steps import audit
from tests.factories import a_project, an_actor, an_agency
from tests.fixtures.web import SignedIn
from tests.imports.tables import csv_of
from tests.imports.test_files import minimal
from tests.present import Present


def test_undo_brings_values_of_before_back_where_nothing_changed_since(app: Flask, present: Present) -> None:
    agency = an_agency()
    editor = an_actor(Role.AGENCY_EDITOR, agency, "editor")
    first = a_project(agency, external_id="1", name_ru="Портал озёр", purpose="Для рыбаков", planned_end_on=None)
    second = a_project(agency, external_id="2", name_ru="Учёт скота", purpose="Для ферм")
    rows = [
        minimal(agency.bin, external_id=str(place), name_ru=name) | {"purpose": "x", "planned_end_on": "2026-12-31"}
        for place, name in enumerate(("Портал озёр", "Учёт скота", "Каталог"), 1)
    ]
    run = import_now(editor, "projects", False, "x.csv", csv_of(*rows))
    assert (run.created, run.updated) == (1, 2)
    with transaction():
        change_project(editor, find_project_to_change(editor, second.number), {"purpose": "y"})
    for other in (an_actor(Role.AGENCY_EDITOR, agency, "other"), an_actor(Role.AGENCY_ADMINISTRATOR, an_agency())):
        with pytest.raises(ImportNotFound):
            undo_import(other, run.id, "ошибка")

    undo_import(an_actor(Role.AGENCY_ADMINISTRATOR, agency, "head"), run.id, "Не тот столбец")

    db.session.expire_all()
    assert (first.purpose, first.planned_end_on, first.version) == ("Для рыбаков", None, 3)
    assert (second.purpose, second.planned_end_on) == ("y", None)
    assert history(first.id)[-1]["by"] == "head"
    assert history(first.id)[-1]["reason"] == "Не тот столбец"
    new = db.session.scalars(db.select(Project).where(Project.external_id == "3")).one()
    assert new.withdrawn_at is None
    assert db.session.scalars(db.select(Request.project_id)).all() == [new.id]
    assert run.undone is not None
    assert run.undone["restored"] == [first.number, second.number]
    assert run.undone["withdrawals"] == [new.number]
    assert run.undone["left"] == [{"project": second.number, "reason": "undo-changed-since", "fields": ["purpose"]}]
    entry = db.session.scalars(db.select(JournalEntry).where(JournalEntry.action == "import.undone")).one()
    assert (entry.principal, entry.subject) == ("head", f"import:{run.id}")
    with pytest.raises(ImportNotUndoable):
        undo_import(editor, run.id, "ещё раз")


def test_import_is_undoable_for_thirty_days(app: Flask, present: Present) -> None:
    agency = an_agency()
    editor = an_actor(Role.AGENCY_EDITOR, agency)

    def imported(reference: str) -> ImportRun:
        row = minimal(agency.bin, external_id=reference, name_ru=f"Портал {reference}")
        return import_now(editor, "projects", False, "x.csv", csv_of(row))

    early, late = imported("озёр"), imported("дорог")
    present.move(timedelta(days=29, hours=23))
    undo_import(editor, early.id, "ошибка")
    present.move(timedelta(hours=2))
    with pytest.raises(ImportNotUndoable):
        undo_import(editor, late.id, "ошибка")


def test_undo_that_would_end_a_serious_flag_is_left_and_listed(app: Flask, present: Present) -> None:
    present.set(date(2026, 11, 1))
    agency = an_agency()
    editor = an_actor(Role.AGENCY_EDITOR, agency)
    project = a_project(agency, external_id="1", contract_signed_on="2024-01-20", work_started_on="2024-02-01")
    dates = {"contract_signed_on": "2026-10-15", "work_started_on": "2026-10-16"}
    row = {"agency": agency.bin, "external_id": "1", **dates}
    run = import_now(editor, "projects", False, "x.csv", csv_of(row), options=ImportOptions(change_reason="акт"))
    assert run.updated == 1
    audit(date(2026, 11, 1))

    undo_import(editor, run.id, "ошибка")

    assert run.undone is not None
    (left,) = run.undone["left"]
    assert (left["project"], left["reason"]) == (project.number, "undo-ends-flag")
    assert left["rules"]
    db.session.refresh(project)
    assert project.contract_signed_on == date(2026, 10, 15)


def test_undo_goes_by_page_and_api(editor: Caller, agency: Agency, signed_in: SignedIn) -> None:
    project = a_project(agency, external_id="1", name_ru="Портал озёр", purpose="Для рыбаков")

    def imported(actor: Actor) -> int:
        row = {"agency": agency.bin, "external_id": "1", "purpose": "x"}
        return import_now(actor, "projects", False, "x.csv", csv_of(row)).id

    visit = signed_in(Role.AGENCY_ADMINISTRATOR, agency)
    by_page = imported(an_actor(Role.AGENCY_EDITOR, agency))
    assert "Undo this import" in visit.get(f"/imports/{by_page}").text
    assert visit.send(f"/imports/{by_page}/undo", page=f"/imports/{by_page}").status_code == 422
    shown = visit.send(f"/imports/{by_page}/undo", page=f"/imports/{by_page}", change_reason="ошибка").text
    assert "Import undone." in shown and "Undo this import" not in shown
    db.session.refresh(project)
    assert project.purpose == "Для рыбаков"

    file = FileStorage(io.BytesIO(csv_of({"external_id": "1", "purpose": "y"})), "x.csv")
    sent = editor.form("/imports", {"file": file, "kind": "projects"}).get_json()["id"]
    run_next_import()
    assert editor.post(f"/imports/{sent}/undo", {}).status_code == 422
    assert editor.post(f"/imports/{by_page}/undo", {"reason": "ошибка"}).status_code == 404
    undone = editor.post(f"/imports/{sent}/undo", {"reason": "ошибка"})
    assert undone.get_json()["undone"] == {"restored": [project.number], "withdrawals": [], "left": []}
    assert editor.post(f"/imports/{sent}/undo", {"reason": "ошибка"}).status_code == 409
    db.session.refresh(project)
    assert project.purpose == "Для рыбаков"
