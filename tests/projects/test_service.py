"""Project service: finding, registering, changing, restricting, drafts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, event, func, select, text
from sqlalchemy.engine.interfaces import CacheStats

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.core.database import db, transaction
from registry.core.errors import Invalid, Problem
from registry.journal.service import canonical
from registry.projects.drafts import DraftNotFound, discard_draft, find_draft, start_draft
from registry.projects.fields import FIELDS, merge_problems
from registry.projects.models import CHANGEABLE, STATUS, Project, project_restricted
from registry.projects.revisions import Revision, differences, first_changes, history
from registry.projects.service import (
    AgencyNotYours,
    ExternalIdTaken,
    ProjectNotFound,
    check_project,
    find_project,
    find_project_to_change,
    read_project,
    register_project,
)
from tests.factories import ADMINISTRATOR, a_project, an_actor, an_agency, with_account
from tests.present import Present
from tests.projects.service_calls import AUDITOR, NINE, REVIEWER, VALUES, change, last_entry, problems_of, restrict


@pytest.fixture
def agency(app: Flask, present: Present) -> Agency:
    present.set(NINE)
    return an_agency(kind="central_body")


def test_no_statement_of_a_registration_is_compiled_a_second_time(agency: Agency, connection: Connection) -> None:
    register_project(ADMINISTRATOR, agency.bin, VALUES)
    compiled: list[str] = []

    def note(_conn: object, _cursor: object, sql: str, _values: object, context: Any, _many: object) -> None:
        # The savepoints are the tests' own.
        if "SAVEPOINT" not in sql and context.cache_hit is not CacheStats.CACHE_HIT:
            compiled.append(sql)

    event.listen(connection.engine, "before_cursor_execute", note)
    try:
        register_project(ADMINISTRATOR, agency.bin, VALUES | {"external_id": "another"})
    finally:
        event.remove(connection.engine, "before_cursor_execute", note)
    assert compiled == []


def test_registration_stores_the_project(agency: Agency) -> None:
    project = register_project(ADMINISTRATOR, agency.bin, VALUES)

    assert project.number == "QT-2026-0000001-5"
    # The returned object needs no query, and is the row that was stored.
    names = (*Project.__table__.columns.keys(), "freeze_status", "severity", "changed_at")
    returned = {name: getattr(project, name) for name in names}
    db.session.expire_all()
    columns = (*Project.__table__.columns, STATUS.c.freeze_status, STATUS.c.severity, STATUS.c.changed_at)
    stored = db.session.execute(select(*columns).join(STATUS)).mappings().one()
    assert {name: stored[name] for name in VALUES} == VALUES
    assert (stored["agency_id"], stored["version"], stored["is_restricted"]) == (agency.id, 1, False)
    assert stored["registered_at"] == stored["updated_at"] == stored["changed_at"] == NINE
    assert (stored["freeze_status"], stored["severity"]) == ("unaudited", None)
    assert stored["words"] == " kt 2026 0000001 5 portal uslug #t1"
    assert returned == dict(stored)
    assert find_project(ADMINISTRATOR, project.number).agency.bin == agency.bin


def test_project_of_a_private_agency_is_out_of_scope(agency: Agency) -> None:
    project = register_project(ADMINISTRATOR, an_agency(kind="private").bin, VALUES)
    assert project.freeze_status == "out_of_scope"


def test_registration_is_a_revision_a_message_and_a_journal_entry(agency: Agency) -> None:
    project = register_project(ADMINISTRATOR, agency.bin, VALUES | {"region": "71"})

    (revision,) = history(project.id)
    assert (revision["at"], revision["by"]) == (NINE, "administrator@tests")
    changes = {each["field"]: (each["old"], each["new"]) for each in revision["changes"]}
    assert changes == {
        "external_id": (None, "T-1"),
        "name_ru": (None, "Портал услуг"),
        "object_kind": (None, "system"),
        "work_type": (None, "creation"),
        "stage": (None, "creation"),
        "placement": (None, "off_platform"),
        "contract_signed_on": (None, "2026-01-20"),
        "region": (None, "71"),
    }
    assert db.session.scalars(select(Revision.version)).all() == [1]
    details = {"agency": agency.bin, "changes": revision["changes"]}
    assert last_entry() == ("project.registered", "administrator@tests", f"project:{project.number}", details)


@pytest.mark.parametrize("call", [check_project, register_project])
def test_editor_registers_for_the_own_agency_and_those_below_only(agency: Agency, call: Any) -> None:
    editor, foreign = an_actor(Role.AGENCY_EDITOR, agency), an_agency()
    for allowed in (agency, an_agency(agency)):
        call(editor, allowed.bin, VALUES)
    with pytest.raises(AgencyNotYours) as error:
        call(editor, foreign.bin, VALUES)
    assert error.value.params == {"bin": foreign.bin}


def test_check_returns_the_agency_and_writes_nothing(agency: Agency) -> None:
    assert check_project(ADMINISTRATOR, agency.bin, VALUES).id == agency.id
    assert db.session.scalar(select(func.count(Project.id))) == 0


@pytest.mark.parametrize("call", [check_project, register_project])
@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (None, ("/agency", "required", {})),
        ("990140000013", ("/agency", "agency-unknown", {"bin": "990140000013"})),
    ],
)
def test_missing_or_unknown_agency_is_the_first_problem(
    agency: Agency, call: Any, number: str | None, expected: tuple[str, str, dict[str, object]]
) -> None:
    with pytest.raises(Invalid) as error:
        call(ADMINISTRATOR, number, VALUES)
    assert problems_of(error) == [expected]
    with pytest.raises(Invalid) as error:
        call(ADMINISTRATOR, number, VALUES | {"stage": None})
    assert problems_of(error) == [expected, ("/stage", "required", {})]


@pytest.mark.parametrize("call", [check_project, register_project])
def test_known_problems_are_raised_with_those_found(agency: Agency, call: Any) -> None:
    known = [Problem("/stage", "not-a-code")]
    values = VALUES | {"stage": None, "work_type": None}
    with pytest.raises(Invalid) as error:
        call(ADMINISTRATOR, agency.bin, values, known)
    assert problems_of(error) == [("/stage", "not-a-code", {}), ("/work_type", "required", {})]
    with pytest.raises(Invalid) as error:
        call(ADMINISTRATOR, agency.bin, VALUES, known)
    assert problems_of(error) == [("/stage", "not-a-code", {})]


@pytest.mark.parametrize("call", [check_project, register_project])
def test_external_id_is_used_once_by_an_agency(agency: Agency, call: Any) -> None:
    other = an_agency()
    register_project(ADMINISTRATOR, agency.bin, VALUES)
    with pytest.raises(ExternalIdTaken) as error:
        call(ADMINISTRATOR, agency.bin, VALUES)
    assert error.value.params == {"external_id": "T-1", "agency": agency.bin}
    call(ADMINISTRATOR, other.bin, VALUES)
    call(ADMINISTRATOR, agency.bin, VALUES | {"external_id": "T-2"})
    for _ in range(2):
        call(ADMINISTRATOR, agency.bin, VALUES | {"external_id": None})


@contextmanager
def meanwhile_used_by(connection: Connection, number: str, part: str) -> Iterator[None]:
    """Another transaction gives its project the external id T-1 just before the statement with ``part``."""
    pending = [number]

    def hook(connection: Connection, cursor: Any, statement: str, *_: object) -> None:
        if pending and part in statement:
            connection.execute(
                text("UPDATE projects SET external_id = 'T-1' WHERE number = :number"), {"number": pending.pop()}
            )

    event.listen(connection, "before_cursor_execute", hook)
    try:
        yield
    finally:
        event.remove(connection, "before_cursor_execute", hook)


def test_external_id_used_meanwhile_is_taken(agency: Agency, connection: Connection) -> None:
    other = register_project(ADMINISTRATOR, agency.bin, VALUES | {"external_id": None})
    own = register_project(ADMINISTRATOR, agency.bin, VALUES | {"external_id": "T-2"})
    with meanwhile_used_by(connection, other.number, "INSERT INTO projects"), pytest.raises(ExternalIdTaken) as error:
        register_project(ADMINISTRATOR, agency.bin, VALUES)
    assert error.value.params == {"external_id": "T-1", "agency": agency.bin}
    with meanwhile_used_by(connection, other.number, "UPDATE projects"), pytest.raises(ExternalIdTaken) as error:
        change(own.number, {"external_id": "T-1"})
    assert error.value.params == {"external_id": "T-1", "agency": agency.bin}


def test_restriction_is_journalled_and_published_once(agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
    number = register_project(ADMINISTRATOR, agency.bin, VALUES).number
    published: list[tuple[str, bool]] = []

    def handler(project: Project) -> None:
        published.append((project.number, project.is_restricted))

    monkeypatch.setattr(project_restricted, "_handlers", [handler])
    changes, again, back = restrict(number), restrict(number), restrict(number, False)

    assert changes == [{"field": "is_restricted", "old": False, "new": True}]
    assert (again, back) == ([], [{"field": "is_restricted", "old": True, "new": False}])
    assert published == [(number, True), (number, False)]
    details = {"reason": "State secret", "changes": back}
    assert last_entry() == ("project.restricted", "saule", f"project:{number}", details)


def test_restricted_project_is_not_found_without_the_permission(agency: Agency) -> None:
    number = register_project(ADMINISTRATOR, agency.bin, VALUES).number
    restrict(number)
    for find in (find_project, lambda actor, number: read_project(actor, number, "project")):
        with pytest.raises(ProjectNotFound) as error:
            find(REVIEWER, number)
        assert error.value.params == {"number": number}
        assert find(AUDITOR, number).number == number


def test_reading_a_restricted_project_is_journalled(agency: Agency) -> None:
    number = register_project(ADMINISTRATOR, agency.bin, VALUES).number
    before = last_entry()
    assert read_project(AUDITOR, number, "project").number == number
    assert last_entry() == before
    restrict(number)
    assert read_project(AUDITOR, number, "history").number == number
    assert last_entry() == ("restricted.read", "askar", f"project:{number}", {"what": "history"})


def test_foreign_and_malformed_numbers_are_not_found(agency: Agency) -> None:
    foreign = a_project().number
    viewer = an_actor(Role.AGENCY_VIEWER, agency)
    for actor, number in ((viewer, foreign), (ADMINISTRATOR, "QT-2026-0000001-4"), (ADMINISTRATOR, f"{foreign}\0")):
        with pytest.raises(ProjectNotFound) as error:
            find_project(actor, number)
        assert error.value.params == {"number": number}
        with transaction(), pytest.raises(ProjectNotFound):
            find_project_to_change(actor, number)


def test_further_problems_of_a_field_with_a_known_one_are_left_out() -> None:
    known = [Problem("/stage", "not-a-code")]
    further = [Problem("/stage", "required"), Problem("/work_type", "required")]
    assert merge_problems(known, further) == [known[0], further[1]]
    assert merge_problems([], further) == further


@pytest.mark.parametrize("invalid", ["/name_kk", "/name_ru"])
def test_invalid_name_does_not_require_the_other_name(invalid: str) -> None:
    known = [Problem(invalid, "too-long")]
    further = [
        Problem("/name_kk", "name-required"),
        Problem("/name_ru", "name-required"),
        Problem("/stage", "required"),
    ]
    assert merge_problems(known, further) == [known[0], further[2]]


def test_change_writes_row_revision_and_journal_entry(agency: Agency, present: Present) -> None:
    number = register_project(ADMINISTRATOR, agency.bin, VALUES).number
    later = present.set(datetime(2026, 3, 3, 4, tzinfo=UTC))

    changes = change(number, {"name_ru": "Реестр", "contract_signed_on": date(2026, 1, 21)})

    assert changes == [
        {"field": "name_ru", "old": "Портал услуг", "new": "Реестр"},
        {"field": "contract_signed_on", "old": "2026-01-20", "new": "2026-01-21"},
    ]
    db.session.expire_all()
    project = find_project(ADMINISTRATOR, number)
    assert (project.name_ru, project.version, project.words) == ("Реестр", 2, " kt 2026 0000001 5 reestr #t1")
    assert (project.registered_at, project.updated_at, project.changed_at) == (NINE, later, later)
    assert [(each["at"], each["by"]) for each in history(project.id)][1] == (later, "administrator@tests")
    assert history(project.id)[1]["changes"] == changes
    assert last_entry() == ("project.changed", "administrator@tests", f"project:{number}", {"changes": changes})


def test_change_to_the_same_values_writes_nothing(agency: Agency) -> None:
    number = register_project(ADMINISTRATOR, agency.bin, VALUES).number
    before = last_entry()
    assert change(number, {"name_ru": "Портал услуг"}) == []
    assert last_entry() == before and find_project(ADMINISTRATOR, number).version == 1


def test_change_is_checked_with_the_values_that_stay(agency: Agency) -> None:
    number = register_project(ADMINISTRATOR, agency.bin, VALUES | {"work_started_on": date(2026, 2, 2)}).number
    known = (Problem("/region", "not-a-code"),)
    with pytest.raises(Invalid) as error:
        change(number, {"pilot_started_on": date(2026, 2, 1), "region": None}, known)
    pointers = [each.pointer for each in error.value.problems]
    assert pointers == ["/region", "/pilot_started_on", "/work_started_on"]
    with pytest.raises(Invalid) as error:
        change(number, {"name_ru": "Реестр"}, known)
    assert problems_of(error) == [("/region", "not-a-code", {})]


def test_external_id_of_another_project_is_taken_at_a_change(agency: Agency) -> None:
    register_project(ADMINISTRATOR, agency.bin, VALUES)
    second = register_project(ADMINISTRATOR, agency.bin, VALUES | {"external_id": "T-2"})
    with pytest.raises(ExternalIdTaken) as error:
        change(second.number, {"external_id": "T-1"})
    assert error.value.params == {"external_id": "T-1", "agency": agency.bin}
    assert [each["new"] for each in change(second.number, {"external_id": "T-2", "region": "71"})] == ["71"]
    assert [each["new"] for each in change(second.number, {"external_id": "T-3"})] == ["T-3"]


def test_change_of_the_placement_withdraws_its_confirmation(agency: Agency) -> None:
    number = register_project(
        ADMINISTRATOR, agency.bin, VALUES | {"placement": "on_platform", "platform_key": "k"}
    ).number
    with transaction() as session:
        session.get_one(Project, find_project(ADMINISTRATOR, number).id).placement_verified_on = date(2026, 3, 1)
    changes = change(number, {"platform_key": "k-2"})
    assert {each["field"]: (each["old"], each["new"]) for each in changes} == {
        "platform_key": ("k", "k-2"),
        "placement_verified_on": ("2026-03-01", None),
    }


def test_number_of_deleted_draft_is_never_used_again(app: Flask) -> None:
    actor = with_account(an_actor(Role.AGENCY_EDITOR, an_agency()))
    first = start_draft(actor).id
    last = start_draft(actor).id
    discard_draft(actor, last)

    following = start_draft(actor).id

    assert following > last > first
    with pytest.raises(DraftNotFound):
        find_draft(actor, last)


def test_changes_of_a_registration_are_encoded_as_their_differences() -> None:
    amounts = [{"year": 2027, "amount_kzt": 5}, {"year": 2026, "amount_kzt": 0}]
    values = {**dict.fromkeys(CHANGEABLE), "is_restricted": False, "is_ai": False, "budget_kzt": 0, "name_kk": "Ә «Ё»"}
    values |= {"contract_signed_on": date(2026, 3, 1), "cost_by_year": amounts}
    assert first_changes(values, FIELDS) == canonical(differences({"is_restricted": False}, values))
