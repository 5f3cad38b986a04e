"""Columns that people choose: at the same time as somebody else, and remembered for each agency."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import Connection, event, text

from registry.accounts.actors import Actor
from registry.accounts.roles import Role
from registry.imports.columns import remembered_columns
from registry.imports.hand_mapping import ImportAlreadyMapped, hold_import, map_columns
from registry.imports.models import ImportRun
from tests.factories import ADMINISTRATOR, an_actor, an_agency

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


def test_columns_of_one_agency_replace_those_of_no_other(editor: Actor) -> None:
    other = an_actor(Role.AGENCY_EDITOR, an_agency())
    map_columns(editor, held(editor).id, FIELDS)
    chosen = remembered_columns(editor, "projects")
    swapped = ("external_id", "name_ru", "object_kind", "work_type", "stage", "placement", "purpose")

    map_columns(other, held(other).id, swapped)

    assert chosen["разное"] is None
    assert remembered_columns(editor, "projects") == chosen
    assert remembered_columns(other, "projects") == chosen | {"разное": "purpose"}
    assert remembered_columns(ADMINISTRATOR, "projects") == remembered_columns(editor, "agencies") == {}
