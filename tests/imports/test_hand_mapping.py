"""Columns that people choose: at the same time as somebody else, and remembered for each agency."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from flask import Flask
from sqlalchemy import Connection, event, select, text

from registry.accounts.roles import Actor, Role
from registry.agencies.models import Agency
from registry.core.clock import now
from registry.core.database import db, transaction
from registry.core.errors import Invalid
from registry.core.translations import Language
from registry.imports.columns import ColumnMappingNotFound, column_mappings, delete_column_mapping, remembered_columns
from registry.imports.headers import layout_key
from registry.imports.models import ColumnMapping, ImportRun
from registry.imports.service import ImportAlreadyMapped, hold_import, import_now, map_columns, run_dry_run
from registry.imports.worker import run_next_import
from registry.journal.service import JournalEntry
from registry.projects.exports import export_csv
from tests.factories import a_project, an_actor, an_agency

TABLE = "Шифр;Что это;Объект;Работы;Этап;Где;Разное\nА-1;Портал озёр;сайт;создание;планирование;неизвестно;x\n"
FIELDS = ("external_id", "name_ru", "object_kind", "work_type", "stage", "placement", None)


@pytest.fixture
def editor(app: Flask) -> Actor:
    return an_actor(Role.AGENCY_EDITOR, an_agency())


def held(actor: Actor) -> ImportRun:
    run = hold_import(actor, "projects", False, "таблица.csv", TABLE.encode())
    assert run.state == "unmapped"
    return run


def test_columns_that_somebody_else_chose_meanwhile_stay(editor: Actor, connection: Connection) -> None:
    run_id = held(editor).id
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
            map_columns(editor, run_id, FIELDS)
    finally:
        event.remove(connection, "before_cursor_execute", choose)
    assert len(readings) == 2
    assert remembered_columns(editor, "projects") == {}


def imported(actor: Actor, fields: Sequence[str | None] = FIELDS) -> ImportRun:
    """Choose the columns of a file and import it."""
    run = map_columns(actor, held(actor).id, fields)
    run_next_import()
    return run


def remembered(actor: Actor) -> list[dict[str, str | None]]:
    return [mapping.columns for mapping in column_mappings(actor)]


def test_columns_are_remembered_only_by_an_import_that_succeeded(editor: Actor) -> None:
    dry = hold_import(editor, "projects", True, "таблица.csv", TABLE.encode())
    map_columns(editor, dry.id, FIELDS)
    run_next_import()
    assert dry.state == "done"
    assert remembered(editor) == [], "a dry run"

    wrong = ("external_id", "name_ru", "stage", "work_type", "object_kind", "placement", None)
    failed = imported(editor, wrong)
    assert (failed.state, failed.rejected) == ("done", 1)
    assert remembered(editor) == [], "an import of which every row was wrong"

    run_dry_run(editor, dry.id)
    run_next_import()
    (mapping,) = column_mappings(editor)
    assert mapping.recorded_by == editor.principal
    entry = db.session.scalars(select(JournalEntry).where(JournalEntry.action == "import.columns-mapped")).one()
    assert '"Шифр":"external_id"' in entry.details.replace('": "', '":"')


def test_remembered_columns_belong_to_tables_with_just_these_headers(editor: Actor) -> None:
    imported(editor)
    reordered = "Разное;Что это;Шифр;Объект;Работы;Этап;Где\nx;Портал рек;А-2;сайт;создание;планирование;неизвестно\n"
    run = import_now(editor, "projects", True, "таблица.csv", reordered.encode())
    assert (run.created, run.rejected) == (1, 0)
    assert run.layout is not None
    assert run.layout["columns"] == [None, *FIELDS[1:2], "external_id", *FIELDS[2:6]]

    more = TABLE.replace("Разное", "Разное;Прочее").replace(";x", ";x;y")
    with pytest.raises(Invalid) as refused:
        import_now(editor, "projects", True, "таблица.csv", more.encode())
    assert {problem.code for problem in refused.value.problems} == {"column-missing"}


@pytest.mark.parametrize("language", [None, "kk", "ru", "en"])
def test_exports_of_the_register_never_consult_remembered_columns(editor: Actor, language: Language | None) -> None:
    agency = db.session.get_one(Agency, editor.agency_id)
    for place in range(3):
        a_project(agency, external_id=f"А-{place}", name_ru=f"Портал {place}")
    exported = b"".join(export_csv(editor, {}, labels_in=language))
    headers = exported.decode("utf-8-sig").splitlines()[0].split(",")
    assert import_now(editor, "projects", True, "export.csv", exported).unchanged == 3
    with transaction() as session:
        chosen = dict.fromkeys(headers[:2], "purpose") | dict.fromkeys(headers[2:])
        given = {"agency_id": editor.agency_id, "kind": "projects", "layout": layout_key(headers), "columns": chosen}
        session.add(ColumnMapping(**given, recorded_at=now(), recorded_by="somebody"))

    again = import_now(editor, "projects", True, "export.csv", exported)

    assert (again.created, again.updated, again.unchanged, again.rejected) == (0, 0, 3, 0)


def test_deleted_columns_are_asked_again(editor: Actor) -> None:
    imported(editor)
    (mapping,) = column_mappings(editor)
    with pytest.raises(ColumnMappingNotFound):
        delete_column_mapping(an_actor(Role.AGENCY_EDITOR, an_agency()), mapping.id)
    assert import_now(editor, "projects", True, "таблица.csv", TABLE.encode()).state == "done"

    delete_column_mapping(editor, mapping.id)

    with pytest.raises(Invalid):
        import_now(editor, "projects", True, "таблица.csv", TABLE.encode())
    actions = db.session.scalars(select(JournalEntry.action).order_by(JournalEntry.seq.desc())).first()
    assert actions == "import.columns-forgotten"
