"""Number of SQL statements of an audit: independent of the number of projects."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import Connection

from registry.audits import execution
from tests.audits.steps import audit, create_projects, flag_counts, set_verified
from tests.present import Present
from tests.statements import statements

# Statements over all projects hang on the database.
pytestmark = pytest.mark.on_both

DAY = date(2026, 9, 30)  # the policy names it: no change threshold
# Includes the changes to cases and their events, those of the change feed, and the reads before the lock.
MOST = 85


def nights(connection: Connection, present: Present, ids: list[int]) -> dict[str, int]:
    """Return the statements of four audits: the first, one without changes, one that clears, one that reopens."""
    counted = {}
    for name, verified_on in (("first", None), ("quiet", None), ("clears", DAY), ("opens", None)):
        set_verified(ids, verified_on)
        with statements(connection) as sent:
            run = audit()
        assert run.status == "succeeded"
        counted[name] = len(sent)
    assert flag_counts(run) == (len(ids), 0, 0, 0)
    return counted


def test_statement_count_is_independent_of_number_of_projects(
    app: Flask, connection: Connection, present: Present
) -> None:
    present.set(DAY)
    # The very first audit judges every project, and there were no flags.
    audit()
    ids = create_projects(2, placement="on_platform")
    for verified_on in (None, DAY):
        set_verified(ids, verified_on)
        audit()
    ids = create_projects(3, placement="on_platform")
    few = nights(connection, present, ids)
    ids += create_projects(40, placement="on_platform")
    many = nights(connection, present, ids)
    # The second round's first audit keeps three flags and opens the others.
    assert many == few
    assert max(many.values()) <= MOST


def test_flags_are_opened_in_chunks_and_cleared_at_once(
    app: Flask, connection: Connection, present: Present, database_kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    present.set(DAY)
    monkeypatch.setattr(execution, "ROWS_AT_ONCE", 20)
    count = 21
    ids = create_projects(count, placement="on_platform")
    with statements(connection) as sent:
        assert flag_counts(audit()) == (count, 0, 0, 0)
    # PostgreSQL takes them by COPY, which is no statement of SQLAlchemy.
    assert sum(sql.startswith("INSERT INTO flags") for sql in sent) == (2 if database_kind == "sqlite" else 0)
    set_verified(ids, DAY)
    present.set(DAY + timedelta(days=1))
    with statements(connection) as sent:
        assert flag_counts(audit()) == (0, 0, 0, count)
    assert sum(sql.startswith("UPDATE flags") for sql in sent) == 1
    assert len(sent) <= MOST
