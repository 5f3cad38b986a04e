"""What SQLite and PostgreSQL do each in its own way."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from flask import Flask

from registry.core.database import db, table_of
from registry.core.dialects import is_among, is_sqlite
from registry.projects.models import Project
from tests.factories import a_project

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
