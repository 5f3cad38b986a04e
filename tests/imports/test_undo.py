"""Undo of an import: values of before come back, and nothing that changed since or would end a serious flag."""

from __future__ import annotations

import io
import json
from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import Connection, event
from werkzeug.datastructures import FileStorage

from registry.accounts.roles import Actor, Role
from registry.agencies.models import Agency
from registry.agencies.service import agency_to_change, change_agency
from registry.core.clock import now
from registry.core.database import db, transaction
from registry.core.outbox import OutboxMessage
from registry.flags.models import Flag
from registry.imports.models import ImportRun
from registry.imports.queries import ImportNotFound
from registry.imports.service import ImportOptions, import_now
from registry.imports.undo import ImportNotUndoable, undo_import
from registry.imports.worker import run_next_import
from registry.journal.service import JournalEntry
from registry.projects.models import Project
from registry.projects.revisions import history
from registry.projects.service import change_project, find_project_to_change
from registry.requests.models import Request, RequestKind
from registry.requests.service import ask
from tests.api.callers import Caller
from tests.audits.steps import audit
from tests.factories import ADMINISTRATOR, a_bin, a_project, an_actor, an_agency
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
    present.set(date(2026, 11, 1))
    agency = an_agency()
    editor = an_actor(Role.AGENCY_EDITOR, agency)

    def imported(reference: str) -> ImportRun:
        row = minimal(agency.bin, external_id=reference, name_ru=f"Портал {reference}")
        return import_now(editor, "projects", False, "x.csv", csv_of(row))

    early, late = imported("озёр"), imported("дорог")
    present.move(timedelta(days=30, seconds=-1))
    undo_import(editor, early.id, "ошибка")
    present.move(timedelta(seconds=1))
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


def test_project_that_somebody_has_filled_in_since_stays(app: Flask) -> None:
    agency = an_agency()
    editor = an_actor(Role.AGENCY_EDITOR, agency)
    run = import_now(
        editor,
        "projects",
        False,
        "x.csv",
        csv_of(minimal(agency.bin), minimal(agency.bin, external_id="2", name_ru="Каталог")),
    )
    filled, untouched = db.session.scalars(db.select(Project).order_by(Project.id)).all()
    with transaction():
        change_project(editor, find_project_to_change(editor, filled.number), {"purpose": "Для рыбаков"})

    undo_import(editor, run.id, "ошибка")

    left = {"project": filled.number, "reason": "undo-changed-since", "fields": ["purpose"]}
    assert run.undone == {"restored": [], "withdrawals": [untouched.number], "left": [left]}
    assert db.session.scalars(db.select(Request.project_id)).all() == [untouched.id]


def test_withdrawals_of_an_undo_are_asked_for_by_few_statements(app: Flask, connection: Connection) -> None:
    agency = an_agency()
    editor = an_actor(Role.AGENCY_EDITOR, agency)
    rows = [minimal(agency.bin, external_id=str(place), name_ru=f"Портал {place}") for place in range(50)]
    run = import_now(editor, "projects", False, "x.csv", csv_of(*rows))
    first, withdrawn = db.session.scalars(db.select(Project).order_by(Project.id).limit(2))
    waiting = ask(editor, RequestKind.WITHDRAWAL, first.number, {"reason": "дважды"})
    with transaction() as session:
        session.execute(db.update(Project).where(Project.id == withdrawn.id).values(withdrawn_at=now()))
    statements: list[str] = []
    event.listen(connection, "before_cursor_execute", lambda *seen: statements.append(seen[2]))

    undo_import(editor, run.id, "Не тот столбец")

    assert len(statements) < 40
    assert run.undone is not None
    assert run.undone["left"] == [
        {"project": withdrawn.number, "reason": "project-withdrawn"},
        {"project": first.number, "reason": "request-already-waiting"},
    ]
    requests = db.session.scalars(db.select(Request).where(Request.id != waiting.id).order_by(Request.id)).all()
    assert [request.project for request in requests] == run.undone["withdrawals"]
    assert len(requests) == 48
    last = requests[-1]
    assert (last.kind, last.state, last.reason, last.asked_by) == (
        "withdrawal",
        "waiting",
        "Не тот столбец",
        editor.principal,
    )
    entries = db.select(JournalEntry.details).where(JournalEntry.subject == f"request:{last.id}")
    assert [json.loads(each) for each in db.session.scalars(entries)] == [
        {"request_kind": "withdrawal", "agency": agency.bin, "project": last.project, "reason": "Не тот столбец"}
    ]
    # One e-mail tells of all of them.
    messages = db.select(OutboxMessage.payload).where(OutboxMessage.topic == "request.asked").order_by(OutboxMessage.id)
    assert [len(each["entries"]) for each in db.session.scalars(messages)] == [1, 48]


def test_undo_of_agencies_brings_values_back_and_leaves_new_ones(app: Flask) -> None:
    first, second, closed = an_agency(email="a@example.kz", region="71"), an_agency(region="71"), an_agency()
    other = a_bin()
    changes = [
        {"bin": first.bin, "name_ru": "Орган", "kind": first.kind, "email": "b@example.kz", "region": "75"},
        {"bin": second.bin, "name_ru": second.name_ru, "kind": second.kind, "email": "", "region": "75"},
        {"bin": closed.bin, "name_ru": "Закрытый", "kind": closed.kind, "email": "", "region": ""},
        {"bin": other, "name_ru": "Новый орган", "kind": "central_body", "email": "", "region": ""},
    ]
    name = first.name_ru
    run = import_now(ADMINISTRATOR, "agencies", False, "x.csv", csv_of(*changes))
    assert (run.created, run.updated) == (1, 3)
    with transaction() as session:
        change_agency(ADMINISTRATOR, agency_to_change(first.bin), {"region": "79"})
        session.execute(
            db.update(Agency).where(Agency.id == closed.id).values(successor_id=second.id, closed_on=date(2026, 1, 1))
        )
    with pytest.raises(ImportNotFound):
        undo_import(an_actor(Role.AGENCY_ADMINISTRATOR, first), run.id, "ошибка")

    undo_import(ADMINISTRATOR, run.id, "Не тот список")

    db.session.expire_all()
    assert (first.name_ru, first.email, first.region) == (name, "a@example.kz", "79")
    assert (second.region, closed.name_ru) == ("71", "Закрытый")
    assert run.undone == {
        "restored": sorted([first.bin, second.bin]),
        "withdrawals": [],
        "left": [
            *sorted(
                (
                    {"project": None, "agency": first.bin, "reason": "undo-changed-since", "fields": ["region"]},
                    {"project": None, "agency": closed.bin, "reason": "undo-not-valid"},
                ),
                key=lambda each: str(each["agency"]),
            ),
            {"project": None, "reason": "undo-agencies-stay", "count": 1},
        ],
    }
    with pytest.raises(ImportNotUndoable):
        undo_import(ADMINISTRATOR, run.id, "ещё раз")
    only_new = import_now(ADMINISTRATOR, "agencies", False, "x.csv", csv_of({**changes[3], "bin": a_bin()}))
    with pytest.raises(ImportNotUndoable):
        undo_import(ADMINISTRATOR, only_new.id, "ошибка")


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


def test_undo_that_would_lower_a_serious_flag_is_left_and_listed(app: Flask, present: Present) -> None:
    present.set(date(2026, 11, 1))
    agency = an_agency()
    editor = an_actor(Role.AGENCY_EDITOR, agency)
    project = a_project(
        agency, external_id="1", work_type="development", object_commissioned_on="2018-05-14", purpose="Для рыбаков"
    )
    row = {"agency": agency.bin, "external_id": "1", "purpose": "x"}
    run = import_now(editor, "projects", False, "x.csv", csv_of(row))
    audit(date(2026, 11, 1))
    raised = db.update(Flag).where(Flag.project_id == project.id, Flag.severity == "medium").values(severity="high")
    with transaction() as session:
        assert session.execute(raised).rowcount == 1

    undo_import(editor, run.id, "ошибка")

    assert run.undone is not None
    (left,) = run.undone["left"]
    assert left == {"project": project.number, "reason": "undo-ends-flag", "rules": ["freeze.development"]}
    db.session.refresh(project)
    assert project.purpose == "x"
