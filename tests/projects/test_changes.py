"""Changes of projects by the service: what they write, and which are refused."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from flask import Flask

from registry.agencies.models import Agency
from registry.core.database import db, transaction
from registry.core.errors import Invalid, Problem
from registry.projects.models import Project
from registry.projects.revisions import history
from registry.projects.service import ExternalIdTaken, find_project, register_project
from tests.factories import ADMINISTRATOR, an_agency
from tests.present import Present
from tests.projects.service_calls import NINE, VALUES, change, last_entry, problems_of


@pytest.fixture
def agency(app: Flask, present: Present) -> Agency:
    present.set(NINE)
    return an_agency(kind="central_body")


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
    assert (project.name_ru, project.version, project.words) == ("Реестр", 2, " qt 2026 0000001 5 реестр")
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
