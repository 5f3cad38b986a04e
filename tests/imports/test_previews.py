"""Dry runs: what becomes of each row, the forecast of flags, columns that people choose, undo, and the import page."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, event, select, text
from werkzeug.datastructures import FileStorage

from registry.accounts.roles import Actor, Role, RoleNotAllowed
from registry.accounts.service import AccountChanges, edit_account
from registry.agencies.models import Agency
from registry.agencies.service import agency_to_change, change_agency
from registry.core.clock import now
from registry.core.database import db, transaction
from registry.core.errors import Invalid, Problem
from registry.core.lists import Page
from registry.core.outbox import OutboxMessage
from registry.core.translations import Language
from registry.flags.models import Flag
from registry.imports.files import marked_import
from registry.imports.headers import (
    ColumnMappingNotFound,
    column_mappings,
    delete_column_mapping,
    layout_key,
    remembered_columns,
)
from registry.imports.models import ColumnMapping, FilePiece, ImportRun
from registry.imports.queries import ImportNotFound, errors_of, find_import, previewed_rows
from registry.imports.service import (
    DryRunNotUsable,
    ImportAlreadyMapped,
    ImportOptions,
    import_now,
    map_columns,
    queue_import,
    receive_import,
    run_dry_run,
)
from registry.imports.undo import ImportNotUndoable, undo_import
from registry.imports.worker import delete_old_files, run_next_import
from registry.journal.service import JournalEntry
from registry.projects.exports import export_csv
from registry.projects.models import Project
from registry.projects.revisions import history
from registry.projects.service import change_project, find_project_to_change, restrict_project
from registry.requests.models import Request, RequestKind
from registry.requests.service import ask
from registry.web.errors import problem_message
from tests.accounts.test_accounts import a_persons_account, session_of
from tests.api.callers import Caller
from tests.audits.steps import audit
from tests.factories import ADMINISTRATOR, a_bin, a_project, an_actor, an_agency
from tests.fixtures.web import SignedIn
from tests.imports.agency_sheets import BIN, HEADER, row, sheets_of
from tests.imports.sheets import RUSSIAN, register, workbook
from tests.imports.tables import csv_of
from tests.imports.test_files import minimal
from tests.present import Present


def rows(run: ImportRun, outcome: str | None = None) -> list[tuple[int, str, list[str]]]:
    listing = previewed_rows(ADMINISTRATOR, run, Page(500), outcome)
    return [(row["row"], row["outcome"], [change["field"] for change in row["changes"]]) for row in listing.items]


def four_rows() -> bytes:
    """A row of each outcome: created, updated, unchanged, rejected."""
    project = a_project(external_id="A-1", name_ru="Портал озёр", stage="creation")
    kept = a_project(project.agency, external_id="A-2", name_ru="Прежнее")
    number = project.agency.bin
    return csv_of(
        minimal(number, external_id="A-3"),
        {**minimal(number, external_id="A-1", name_ru="Портал озёр и рек"), **same(project)},
        {**minimal(number, external_id="A-2", name_ru="Прежнее"), **same(kept)},
        minimal(number, external_id="A-4", stage="скоро"),
    )


def same(project: Project) -> dict[str, str]:
    return {name: getattr(project, name) for name in ("object_kind", "work_type", "stage", "placement")}


def test_dry_run_shows_each_row_as_it_would_be(app: Flask) -> None:
    run = import_now(ADMINISTRATOR, "projects", True, "x.csv", four_rows())
    created = ["name_ru", "external_id", "object_kind", "work_type", "stage", "placement"]
    assert [(row, outcome, sorted(fields)) for row, outcome, fields in rows(run)] == [
        (2, "created", sorted(created)),
        (3, "updated", ["name_ru"]),
        (4, "unchanged", []),
        (5, "rejected", []),
    ]
    assert rows(run, "updated") == [(3, "updated", ["name_ru"])]
    (changed,) = previewed_rows(ADMINISTRATOR, run, Page(500), "updated").items
    assert changed["changes"] == [{"field": "name_ru", "old": "Портал озёр", "new": "Портал озёр и рек"}]
    assert db.session.scalar(db.select(Project.name_ru).where(Project.external_id == "A-1")) == "Портал озёр"


def test_forecast_counts_the_rules_that_would_flag(app: Flask) -> None:
    agency = an_agency()
    new = minimal(agency.bin, contract_signed_on="2026-11-01", external_id="A-1")
    on_platform = minimal(agency.bin, contract_signed_on="2026-11-01", external_id="A-2", placement="unknown")
    run = import_now(ADMINISTRATOR, "projects", True, "x.csv", csv_of(new, on_platform))
    (first, _second) = previewed_rows(ADMINISTRATOR, run, Page(500)).items
    assert run.would_flag is not None
    assert first["would_flag"] and set(first["would_flag"]) <= set(run.would_flag)
    assert sum(run.would_flag.values()) >= 1
    wet = import_now(ADMINISTRATOR, "projects", False, "x.csv", csv_of(new))
    assert (wet.would_flag, rows(wet)) == (None, [])


def test_dry_run_is_imported_without_a_second_upload(app: Flask) -> None:
    agency = an_agency()
    owner = an_actor(Role.AGENCY_EDITOR, agency, "owner")
    content = workbook(register(agency.bin, RUSSIAN))
    queue_import(owner, "projects", True, "Реестр.xlsx", content)
    dry = run_next_import()
    assert dry is not None and db.session.scalar(db.select(Project.id)) is None
    run = run_dry_run(owner, dry.id)
    assert (run.dry_run_id, run.sha256, run.total, run.state) == (dry.id, dry.sha256, 40, "queued")
    done = run_next_import()
    assert done is not None and (done.id, done.created, done.rejected) == (run.id, 36, 4)
    for import_id in (dry.id, run.id):
        with pytest.raises(DryRunNotUsable):
            run_dry_run(owner, import_id)


def test_file_of_a_dry_run_is_kept_for_seven_days(app: Flask, present: Present) -> None:
    present.set(date(2026, 11, 1))
    agency = an_agency()
    dry = import_now(ADMINISTRATOR, "projects", True, "x.csv", csv_of(minimal(agency.bin)))
    import_now(ADMINISTRATOR, "projects", False, "x.csv", csv_of(minimal(agency.bin)))
    present.move(timedelta(days=6, hours=23))
    delete_old_files()
    assert set(db.session.scalars(db.select(FilePiece.import_id))) == {dry.id}
    present.move(timedelta(hours=2))
    delete_old_files()
    with pytest.raises(DryRunNotUsable):
        run_dry_run(ADMINISTRATOR, dry.id)


def test_api_lists_imports_rows_and_runs_a_dry_run(editor: Caller, agency: Agency) -> None:
    file = FileStorage(io.BytesIO(workbook(register(agency.bin, RUSSIAN))), "Реестр.xlsx")
    dry = editor.form("/imports", {"file": file, "kind": "projects", "dry_run": "true"}).get_json()["id"]
    run_next_import()
    listed = editor.get(f"/imports/{dry}/rows?limit=2&outcome=rejected").get_json()
    assert [row["row"] for row in listed["items"]] == [10, 14] and listed["next"]
    assert editor.get(f"/imports/{dry}/rows?outcome=lost").status_code == 400
    assert editor.get(f"/imports/{dry}").get_json()["would_flag"] is not None
    sent = editor.call("POST", f"/imports/{dry}/run")
    assert sent.status_code == 202 and sent.get_json()["dry_run_id"] == dry
    run_next_import()
    assert editor.call("POST", f"/imports/{dry}/run").status_code == 409
    first = editor.get("/imports?limit=1").get_json()
    rest = editor.get(f"/imports?limit=1&cursor={first['next']}").get_json()
    assert [each["id"] for each in (*first["items"], *rest["items"])] == [sent.get_json()["id"], dry]
    assert first["items"][0]["created"] == 36


def test_rows_of_an_agencys_file_are_not_shown_to_who_reads_no_restricted_projects(app: Flask) -> None:
    agency = an_agency()
    project = a_project(agency, external_id="A-1", name_ru="Система")
    with transaction():
        restrict_project(an_actor(Role.SUPERVISOR), project, True, "secret")
    editor = an_actor(Role.AGENCY_EDITOR, agency)
    content = csv_of(minimal(agency.bin, external_id="A-1", budget_kzt="5"))
    queued = queue_import(editor, "projects", True, "a.csv", content)
    run_next_import()
    run = find_import(ADMINISTRATOR, queued.id)
    not_admitted = replace(an_actor(Role.AGENCY_ADMINISTRATOR, agency), is_admitted=False)
    run.dry_run = False

    for reader in (ADMINISTRATOR, not_admitted):
        assert find_import(reader, run.id).updated == 1
        for read in (previewed_rows, errors_of):
            with pytest.raises(RoleNotAllowed):
                read(reader, run, Page())
        with pytest.raises(RoleNotAllowed):
            marked_import(reader, run.id)
    assert [row["record"] for row in previewed_rows(editor, run, Page()).items] == [project.number]
    admitted = an_actor(Role.AGENCY_ADMINISTRATOR, agency)
    assert errors_of(admitted, run, Page()).items == []


@pytest.mark.parametrize("change", [{"email": "other@example.kz"}, {"role": Role.AGENCY_EDITOR, "agency_id": 0}])
def test_who_ran_an_import_reads_no_rows_of_it_after_the_account_lost_its_admission(
    app: Flask, change: AccountChanges
) -> None:
    agency, other = an_agency(), an_agency()
    account = a_persons_account("aizhan", Role.AGENCY_EDITOR, agency.id)
    project = a_project(agency, external_id="A-1", name_ru="Система")
    with transaction():
        restrict_project(an_actor(Role.SUPERVISOR), project, True, "secret")
    content = csv_of(minimal(agency.bin, external_id="A-1", budget_kzt="5"))
    queued = queue_import(session_of(account), "projects", True, "a.csv", content)
    run_next_import()
    if "agency_id" in change:
        change["agency_id"] = other.id
    edit_account(an_actor(Role.ADMINISTRATOR), account.id, change)
    not_admitted = replace(session_of(account), is_admitted=False)
    run = find_import(not_admitted, queued.id)

    for read in (previewed_rows, errors_of):
        with pytest.raises(RoleNotAllowed):
            read(not_admitted, run, Page())
    with pytest.raises(RoleNotAllowed):
        marked_import(not_admitted, run.id)
    later = queue_import(not_admitted, "projects", True, "a.csv", csv_of(minimal(agency.bin, external_id="B-1")))
    run_next_import()
    assert len(previewed_rows(not_admitted, find_import(not_admitted, later.id), Page()).items) == 1


def test_page_of_an_agencys_import_has_no_rows_for_administrators(signed_in: SignedIn, agency: Agency) -> None:
    editor = an_actor(Role.AGENCY_EDITOR, agency)
    run = queue_import(editor, "projects", True, "a.csv", csv_of(minimal(agency.bin), minimal(agency.bin)))
    run_next_import()

    page = signed_in(Role.ADMINISTRATOR).get(f"/imports/{run.id}").text

    assert "The rows may be about restricted projects." in page
    assert f"/imports/{run.id}/rows" not in page and "errors.xlsx" not in page


TABLE = "Шифр;Что это;Объект;Работы;Этап;Где;Разное\nА-1;Портал озёр;сайт;создание;планирование;неизвестно;x\n"


FIELDS = ("external_id", "name_ru", "object_kind", "work_type", "stage", "placement", None)


@pytest.fixture
def mapping_editor(app: Flask) -> Actor:
    return an_actor(Role.AGENCY_EDITOR, an_agency())


def held(actor: Actor) -> ImportRun:
    run = receive_import(actor, "projects", False, "таблица.csv", TABLE.encode())
    assert run.state == "unmapped"
    return run


def test_columns_that_somebody_else_chose_meanwhile_stay(mapping_editor: Actor, connection: Connection) -> None:
    run_id = held(mapping_editor).id
    # The second reading is the one under the lock.
    readings: list[str] = []

    def choose(connection: Connection, cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("SELECT imports."):
            readings.append(statement)
            if len(readings) == 2:
                connection.execute(text("UPDATE imports SET state = 'queued' WHERE id = :id"), {"id": run_id})

    event.listen(connection, "before_cursor_execute", choose)
    try:
        with pytest.raises(ImportAlreadyMapped):
            map_columns(mapping_editor, run_id, FIELDS)
    finally:
        event.remove(connection, "before_cursor_execute", choose)
    assert len(readings) == 2
    assert remembered_columns(mapping_editor, "projects") == {}


def imported(actor: Actor, fields: Sequence[str | None] = FIELDS) -> ImportRun:
    """Choose the columns of a file and import it."""
    run = map_columns(actor, held(actor).id, fields)
    run_next_import()
    return run


def remembered(actor: Actor) -> list[dict[str, str | None]]:
    return [mapping.columns for mapping in column_mappings(actor)]


def test_columns_are_remembered_only_by_an_import_that_succeeded(mapping_editor: Actor) -> None:
    dry = receive_import(mapping_editor, "projects", True, "таблица.csv", TABLE.encode())
    map_columns(mapping_editor, dry.id, FIELDS)
    run_next_import()
    assert dry.state == "done"
    assert remembered(mapping_editor) == [], "a dry run"

    wrong = ("external_id", "name_ru", "stage", "work_type", "object_kind", "placement", None)
    failed = imported(mapping_editor, wrong)
    assert (failed.state, failed.rejected) == ("done", 1)
    assert remembered(mapping_editor) == [], "an import of which every row was wrong"

    run_dry_run(mapping_editor, dry.id)
    run_next_import()
    (mapping,) = column_mappings(mapping_editor)
    assert mapping.recorded_by == mapping_editor.principal
    entry = db.session.scalars(select(JournalEntry).where(JournalEntry.action == "import.columns-mapped")).one()
    assert '"Шифр":"external_id"' in entry.details.replace('": "', '":"')


def test_remembered_columns_belong_to_tables_with_just_these_headers(mapping_editor: Actor) -> None:
    imported(mapping_editor)
    reordered = "Разное;Что это;Шифр;Объект;Работы;Этап;Где\nx;Портал рек;А-2;сайт;создание;планирование;неизвестно\n"
    run = import_now(mapping_editor, "projects", True, "таблица.csv", reordered.encode())
    assert (run.created, run.rejected) == (1, 0)
    assert run.layout is not None
    assert run.layout["columns"] == [None, *FIELDS[1:2], "external_id", *FIELDS[2:6]]

    more = TABLE.replace("Разное", "Разное;Прочее").replace(";x", ";x;y")
    with pytest.raises(Invalid) as refused:
        import_now(mapping_editor, "projects", True, "таблица.csv", more.encode())
    assert {problem.code for problem in refused.value.problems} == {"column-missing"}


@pytest.mark.parametrize("language", [None, "kk", "ru", "en"])
def test_exports_of_the_register_never_consult_remembered_columns(
    mapping_editor: Actor, language: Language | None
) -> None:
    agency = db.session.get_one(Agency, mapping_editor.agency_id)
    for place in range(3):
        a_project(agency, external_id=f"А-{place}", name_ru=f"Портал {place}")
    exported = b"".join(export_csv(mapping_editor, {}, labels_in=language))
    headers = exported.decode("utf-8-sig").splitlines()[0].split(",")
    assert import_now(mapping_editor, "projects", True, "export.csv", exported).unchanged == 3
    with transaction() as session:
        chosen = dict.fromkeys(headers[:2], "purpose") | dict.fromkeys(headers[2:])
        given = {
            "agency_id": mapping_editor.agency_id,
            "kind": "projects",
            "layout": layout_key(headers),
            "columns": chosen,
        }
        session.add(ColumnMapping(**given, recorded_at=now(), recorded_by="somebody"))

    again = import_now(mapping_editor, "projects", True, "export.csv", exported)

    assert (again.created, again.updated, again.unchanged, again.rejected) == (0, 0, 3, 0)


def test_deleted_columns_are_asked_again(mapping_editor: Actor) -> None:
    imported(mapping_editor)
    (mapping,) = column_mappings(mapping_editor)
    with pytest.raises(ColumnMappingNotFound):
        delete_column_mapping(an_actor(Role.AGENCY_EDITOR, an_agency()), mapping.id)
    assert import_now(mapping_editor, "projects", True, "таблица.csv", TABLE.encode()).state == "done"

    delete_column_mapping(mapping_editor, mapping.id)

    with pytest.raises(Invalid):
        import_now(mapping_editor, "projects", True, "таблица.csv", TABLE.encode())
    actions = db.session.scalars(select(JournalEntry.action).order_by(JournalEntry.seq.desc())).first()
    assert actions == "import.columns-forgotten"


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


@pytest.mark.parametrize(
    ("cells", "texts", "chosen"),
    [
        (("I квартал 2026", "01.02.2026"), ("The first day: 1 January 2026", "The last day: 31 March 2026"), "first"),
        (("3/4/2026", "скоро"), ("The day is first: 3 April 2026", "The month is first: 4 March 2026"), "day"),
        (("скоро", "13/4/2026"), ("Work started on these dates",), "day"),
        (("02/13/2026", "скоро"), ("Work started on these dates",), "month"),
        (("01.02.2031", "I квартал"), ("Work started on these dates",), "empty"),
    ],
)
def test_page_asks_whether_and_when_work_started(
    signed_in: SignedIn, cells: Sequence[str], texts: Sequence[str], chosen: str
) -> None:
    visit = signed_in(Role.AGENCY_EDITOR, an_agency())
    table = "Код проекта;Наименование;Начало\n" + "".join(f"А-{cell};Учёт {cell};{cell}\n" for cell in cells)
    page = visit.send("/imports", kind="projects", file=(io.BytesIO(table.encode()), "т.csv"))
    assert all(text in page.text for text in (*texts, "These dates are planned: leave them out"))
    columns = {"column_0": "external_id", "column_1": "name_ru", "column_2": "work_started_on"}
    unsaid = visit.send(page.request.path, **columns, asked="work_started_on", value_work_started_on="")
    assert (unsaid.status_code, "Choose which dates are meant." in unsaid.text) == (422, True)
    sent = visit.send(page.request.path, **columns, asked="work_started_on", value_work_started_on=chosen)
    assert sent.request.path == page.request.path.removesuffix("/columns")


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


def test_other_sheet_of_a_workbook_is_read_without_another_upload(signed_in: SignedIn) -> None:
    agency = an_agency(bin=BIN)
    visit = signed_in(Role.AGENCY_EDITOR, agency)
    content = sheets_of(("Бюджет", False, (HEADER, row(1))), ("Свои <средства>", False, (HEADER, row(2), row(3))))
    path = visit.send(
        "/imports", kind="projects", dry_run="yes", file=(io.BytesIO(content), "т.xlsx"), change_reason="Приказ"
    ).request.path
    run_next_import()
    page = visit.get(path).text
    assert 'value="Свои &lt;средства&gt;"' in page and 'value="Бюджет"' not in page
    other = visit.send(f"{path}/sheets", page=path, sheet="Свои <средства>").request.path
    run_next_import()
    run = find_import(an_actor(Role.ADMINISTRATOR), int(other.rsplit("/", 1)[1]))
    assert (run.dry_run, run.total, run.created, run.change_reason) == (True, 2, 2, "Приказ")
    stranger = signed_in(Role.AGENCY_ADMINISTRATOR, an_agency())
    assert stranger.send(f"{path}/sheets", page="/imports", sheet="Бюджет").status_code == 404
    visit.send(f"{path}/run", page=path)
    assert visit.send(f"{path}/sheets", page="/imports", sheet="Бюджет").status_code == 409


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
