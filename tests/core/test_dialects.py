"""What SQLite and PostgreSQL do each in its own way."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Select, select, text

from registry.accounts.models import Account
from registry.core.database import db, table_of, transaction
from registry.core.dialects import is_among, is_sqlite, planned_for_values, update_rows
from registry.flags.models import Flag
from registry.projects.models import Project
from tests.audits.steps import audit
from tests.factories import a_project, an_account

PROJECT = table_of(Project).c
# Of SQLite as its authors build it; packages of distributions take more.
PARAMETERS_OF_SQLITE = 32_766


@pytest.mark.on_both
def test_condition_takes_more_values_than_a_statement_has_parameters(app: Flask) -> None:
    project = a_project()
    if is_sqlite():
        connection: Any = db.session.connection().connection.dbapi_connection
        connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, PARAMETERS_OF_SQLITE)
    ids, others = range(project.id, 40_000), range(project.id + 1, 40_000)
    numbers = [project.number, *map(str, others)]
    for column, values, expected in (
        (PROJECT.id, ids, [project.id]),
        (PROJECT.id, others, []),
        (PROJECT.number, numbers, [project.id]),
    ):
        assert db.session.scalars(db.select(PROJECT.id).where(is_among(column, values))).all() == expected


@pytest.mark.on_both
def test_statements_of_a_block_are_planned_for_their_values_and_later_ones_are_prepared_again(app: Flask) -> None:
    def prepared_by(name: str, statement: Select[int]) -> int:
        for _ in range(10):
            db.session.execute(statement)
        known = text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE :like")
        return 0 if is_sqlite() else db.session.execute(known, {"like": f"%AS {name}%"}).scalar_one()

    with planned_for_values(db.session()):
        inside = prepared_by("inside", select(PROJECT.id.label("inside")).where(is_among(PROJECT.id, [1])))
    after = prepared_by("later", select(PROJECT.id.label("later")).where(is_among(PROJECT.id, [1])))
    assert (inside, after) == (0, 0 if is_sqlite() else 1)


@pytest.mark.on_both
def test_rows_get_the_values_as_they_are(app: Flask) -> None:
    for _ in range(3):
        a_project()
    audit()
    observed = ({"a": 'it\'s "q" \\ {x,y} NULL', "b": None, "c": [[], "", 1.5]}, {}, {"null": "null", "ә": "Қ\n"})
    texts = ("{'\"\\,}", "NULL", None)
    ids = db.session.scalars(select(Flag.id).order_by(Flag.id).limit(3))
    rows = [
        {"id": flag_id, "observed": facts, "accepted_fingerprint": text, "exemption_id": None}
        for flag_id, facts, text in zip(ids, observed, texts, strict=True)
    ]
    with transaction() as session:
        update_rows(session, Flag, [])
        update_rows(session, Flag, rows[::-1], status="accepted")
    stored = select(*(table_of(Flag).c[name] for name in (*rows[0], "status"))).where(Flag.status == "accepted")
    changed = db.session.execute(stored.order_by(Flag.id)).mappings().all()
    assert [dict(row) for row in changed] == [{**row, "status": "accepted"} for row in rows]


@pytest.mark.on_both
def test_rows_are_updated_with_values_of_each_kind_and_common_ones(app: Flask) -> None:
    at, columns = datetime(2026, 3, 1, 9, tzinfo=UTC), table_of(Account).c
    new = (([7, "a"], at, "Ә" * 30), (None, None, "b"))
    with transaction() as session:
        ids = [an_account(name).id for name in ("first", "second", "third")]
        rows = [
            {"id": key, "asked_by": asked, "invited_at": invited, "name_skeleton": skeleton}
            for key, (asked, invited, skeleton) in zip(ids[:2], new, strict=True)
        ]
        update_rows(session, Account, rows, disabled_at=at)
        update_rows(session, Account, [], disabled_at=at)
        names = ("asked_by", "invited_at", "name_skeleton", "disabled_at")
        stored = session.execute(select(*(columns[name] for name in names)).order_by(columns.id)).all()
    assert [tuple(each) for each in stored] == [*((*each, at) for each in new), (None, None, "third", None)]
