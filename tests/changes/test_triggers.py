"""The database itself notes what changed: a writer that goes round the services cannot forget it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.engine.interfaces import CacheStats

from registry.changes.service import WRITTEN, newest_seq, number_changes_by_hand
from registry.core.database import db, table_of, transaction
from registry.feed.queries import read_changes
from registry.flags.former_flags import FormerFlag
from registry.flags.models import Flag
from registry.imports.service import import_now
from registry.projects.models import Project
from tests.audits.steps import exempt
from tests.cases.cast import audit, editor_of, in_days
from tests.changes.steps import REVIEWER, changes, since, types
from tests.factories import ADMINISTRATOR, a_project, an_agency
from tests.present import Present

DAY = date(2026, 9, 30)


@pytest.fixture
def project(app: Flask, present: Present) -> Project:
    """A project with a flag, a case and an exemption."""
    present.set(DAY)
    project = a_project(an_agency())
    audit()
    exempt(project, DAY, in_days(5))
    return project


def test_statement_of_every_commit_is_compiled_once(app: Flask) -> None:
    answers = [db.session.execute(select(WRITTEN)) for _ in range(2)]
    assert answers[1].context.cache_hit is CacheStats.CACHE_HIT


def by_hand(statement: str, **values: Any) -> None:
    """Change rows with SQL of one's own."""
    with transaction() as session:
        session.execute(text(statement), values)


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("UPDATE agencies SET name_en = 'Ministry'", "agency.changed"),
        ("UPDATE projects SET budget_kzt = 7", "project.changed"),
        ("UPDATE flags SET severity = 'low'", "flag.changed"),
        ("UPDATE cases SET version = version + 1", "case.changed"),
        ("UPDATE exemptions SET revoked_at = recorded_at", "exemption.revoked"),
        ("UPDATE audits SET status = 'voided'", "audit.voided"),
    ],
)
def test_sql_by_hand_is_in_the_feed(project: Project, statement: str, kind: str) -> None:
    start = since()
    by_hand(statement)

    assert [name for name, _ in types(after=start)] == [kind]


def test_state_of_an_import_that_is_set_by_hand_is_in_the_feed_and_its_progress_is_not(project: Project) -> None:
    import_now(ADMINISTRATOR, "agencies", True, "a.csv", b"bin,kind,name_ru\n990140000012,central_body,A\n")
    start = since()
    by_hand("UPDATE imports SET processed = 99")
    assert types(ADMINISTRATOR, start) == []
    by_hand("UPDATE imports SET state = 'failed'")

    assert [name for name, _ in types(ADMINISTRATOR, start)] == ["import.failed"]


def test_rows_that_are_written_as_they_were_have_no_change(project: Project) -> None:
    start = since()
    by_hand("UPDATE flags SET severity = severity, changed_at = changed_at")
    by_hand("UPDATE projects SET stage = stage")

    assert types(after=start) == []


def test_edit_by_hand_names_its_fields_and_has_values_of_some(project: Project) -> None:
    start = since()
    by_hand("UPDATE projects SET stage = 'pilot', region = NULL, is_restricted = NOT is_restricted")

    (change,) = changes(after=start)

    status = {"status": "flagged", "severity": "high"}
    assert change.data["fields"] == ["stage", "region", "is_restricted"]
    assert change.data["before"] == {**status, "stage": "creation", "is_restricted": False}
    assert change.data["after"] == {**status, "stage": "pilot", "is_restricted": True}


def test_parents_are_named_by_their_number(project: Project) -> None:
    above = an_agency()
    start = since()
    by_hand("UPDATE agencies SET parent_id = :above WHERE id <> :above", above=above.id)
    by_hand("UPDATE agencies SET parent_id = NULL")

    read = [(each.data["before"]["parent_bin"], each.data["after"]["parent_bin"]) for each in changes(after=start)]

    assert read == [(None, above.bin), (above.bin, None)]


def test_several_changes_of_one_record_in_one_transaction_are_one(project: Project) -> None:
    start = since()
    with transaction() as session:
        for stage in ("pilot", "operation"):
            session.execute(text("UPDATE projects SET stage = :stage"), {"stage": stage})
        session.execute(text("UPDATE projects SET placement = 'unknown'"))

    (change,) = changes(after=start)

    assert change.data["fields"] == ["stage", "placement"]
    assert (change.data["before"]["stage"], change.data["after"]["stage"]) == ("creation", "operation")
    assert (change.data["before"]["placement"], change.data["after"]["placement"]) == ("off_platform", "unknown")


def test_former_state_of_a_flag_that_is_changed_by_hand_is_kept(project: Project) -> None:
    by_hand("UPDATE flags SET status = 'accepted', changed_at = opened_on")
    by_hand("UPDATE flags SET changed_at = opened_on")

    former = table_of(FormerFlag).c
    rows = db.session.execute(select(former.status, former.severity, former.ended_by_audit)).all()

    assert rows == [("open", "high", None)]


def test_change_without_the_service_is_numbered_by_the_scheduler(own_app: Flask) -> None:
    with own_app.app_context():
        number = an_agency().bin
        start = newest_seq()
        with db.engine.begin() as connection:
            connection.execute(text("UPDATE agencies SET name_en = 'Ministry'"))
        assert newest_seq() == start
        number_changes_by_hand()
        read = read_changes(None, start, 10).changes

    assert [(each.seq, each.subject) for each in read] == [(start + 1, f"agency:{number}")]


def test_flag_that_is_new_has_no_former_state(project: Project) -> None:
    assert db.session.scalars(select(Flag.id)).all() != []
    assert db.session.scalars(select(FormerFlag.id)).all() == []


def test_sql_by_hand_that_hides_a_project_withdraws_it_from_view(project: Project) -> None:
    start = since()
    by_hand("UPDATE projects SET is_restricted = :yes", yes=True)
    by_hand("UPDATE projects SET is_restricted = :no", no=False)

    assert types(REVIEWER, start)[-1] == ("project.returned-to-view", f"project:{project.number}")
    assert "view" not in str(types(after=start))


def test_sql_by_hand_that_moves_an_agency_withdraws_its_projects_from_those_above(app: Flask) -> None:
    top, middle, own = an_agency(), an_agency(), an_agency()
    by_hand("UPDATE agencies SET parent_id = :top WHERE id = :middle", top=top.id, middle=middle.id)
    by_hand("UPDATE agencies SET parent_id = :middle WHERE id = :own", middle=middle.id, own=own.id)
    project = a_project(own)
    start = since()
    by_hand("UPDATE agencies SET parent_id = NULL WHERE id = :middle", middle=middle.id)

    left = ("project.withdrawn-from-view", f"project:{project.number}")
    assert left in types(editor_of(top), start)
    assert left not in types(editor_of(middle), start)
    assert left not in types(editor_of(own), start)
