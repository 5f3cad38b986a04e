"""Requests about restricted projects: who may not see the project sees no request about it, and decides none."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from registry.accounts.roles import Role
from registry.core.clock import today
from registry.core.database import db
from registry.core.lists import Page
from registry.journal.service import JournalEntry
from registry.projects.models import Project
from registry.projects.visibility import RESTRICTED_READ_ACTION
from registry.requests.queries import REQUEST_LIST, requests_of_project
from tests.api.callers import caller, code, codes
from tests.cases.cast import AIGERIM
from tests.factories import a_project, an_agency, restrict


@pytest.fixture
def restricted(client: FlaskClient) -> tuple[Project, int]:
    """A restricted project, and the withdrawal that its agency asked for."""
    agency = an_agency()
    project = a_project(agency)
    path = f"/projects/{project.number}/withdrawal"
    asked = caller(client, Role.AGENCY_EDITOR, agency).post(path, {"reason": "Registered twice."}).get_json()
    restrict(project.number)
    return project, asked["id"]


def test_a_reviewer_neither_sees_nor_decides_it(client: FlaskClient, restricted: tuple[Project, int]) -> None:
    project, request_id = restricted
    reviewer = caller(client, Role.REVIEWER)

    assert reviewer.get("/withdrawals").get_json()["items"] == []
    assert reviewer.get(f"/withdrawals?project={project.number}").get_json()["items"] == []
    tries = [
        reviewer.get(f"/withdrawals/{request_id}"),
        reviewer.post(f"/withdrawals/{request_id}/confirmation", {}),
        reviewer.post(f"/withdrawals/{request_id}/refusal", {"reason": "No."}),
    ]
    assert [(answer.status_code, code(answer)) for answer in tries] == [(404, "request-not-found")] * 3
    assert (REQUEST_LIST.read(AIGERIM, {}, Page()).items, requests_of_project(AIGERIM, project.id)) == ([], [])


def test_a_supervisor_sees_it_and_each_read_is_journalled(client: FlaskClient, restricted: tuple[Project, int]) -> None:
    project, request_id = restricted
    supervisor = caller(client, Role.SUPERVISOR)

    listed = supervisor.get("/withdrawals").get_json()["items"]
    one = supervisor.get(f"/withdrawals/{request_id}").get_json()

    assert ([item["id"] for item in listed], one["project"]) == ([request_id], project.number)
    reads = db.session.query(JournalEntry.details).filter(JournalEntry.action == RESTRICTED_READ_ACTION)
    assert sorted(row.details for row in reads) == ['{"what":"request"}', '{"what":"requests"}']


def test_an_administrator_cannot_list_a_hidden_project_in_a_division(client: FlaskClient) -> None:
    agency = an_agency()
    hidden, seen = a_project(agency), a_project(agency)
    restrict(hidden.number)
    values = {"successor": an_agency().bin, "on": today().isoformat(), "act": "No. 17", "reason": "They divide."}

    answer = caller(client, Role.ADMINISTRATOR).post(
        f"/agencies/{agency.bin}/succession", {**values, "projects": [seen.number, hidden.number]}
    )

    assert (answer.status_code, codes(answer)) == (422, {("/projects/1", "project-not-of-agency")})


def test_equal_external_ids_of_hidden_projects_are_not_shown(client: FlaskClient) -> None:
    agency, successor = an_agency(), an_agency()
    hidden, seen = (a_project(agency, external_id=name) for name in ("H-1", "S-1"))
    for name in ("H-1", "S-1"):
        a_project(successor, external_id=name)
    restrict(hidden.number)
    values = {"successor": successor.bin, "on": today().isoformat(), "act": "No. 17", "reason": "They merge."}

    asked = caller(client, Role.ADMINISTRATOR).post(f"/agencies/{agency.bin}/succession", values).get_json()
    by_supervisor = caller(client, Role.SUPERVISOR).get(f"/successions/{asked['id']}").get_json()

    assert [each["project"] for each in asked["equal_external_ids"]] == [seen.number]
    assert [each["external_id"] for each in by_supervisor["equal_external_ids"]] == ["H-1", "S-1"]


def test_equal_external_ids_name_no_hidden_project_of_the_successor(client: FlaskClient) -> None:
    agency, successor = an_agency(), an_agency()
    a_project(agency, external_id="H-1"), a_project(agency, external_id="S-1")
    hidden, seen = (a_project(successor, external_id=name) for name in ("H-1", "S-1"))
    restrict(hidden.number)
    values = {"successor": successor.bin, "on": today().isoformat(), "act": "No. 17", "reason": "They merge."}

    asked = caller(client, Role.ADMINISTRATOR).post(f"/agencies/{agency.bin}/succession", values).get_json()
    path = f"/successions/{asked['id']}"
    by_supervisor = caller(client, Role.SUPERVISOR).get(path).get_json()
    by_agency = caller(client, Role.AGENCY_EDITOR, agency).get(path).get_json()
    by_stranger = caller(client, Role.AGENCY_EDITOR, an_agency(), "stranger").get(path)

    assert [each["other_project"] for each in asked["equal_external_ids"]] == [seen.number]
    assert [each["other_project"] for each in by_supervisor["equal_external_ids"]] == [hidden.number, seen.number]
    assert [each["other_project"] for each in by_agency["equal_external_ids"]] == [seen.number]
    assert by_stranger.status_code == 404
