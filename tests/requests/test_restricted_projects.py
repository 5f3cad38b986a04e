"""Requests about restricted projects: who may not see the project sees no request about it, and decides none."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from registry.accounts.roles import Role
from registry.core.database import db
from registry.core.transactions import transaction
from registry.journal.service import JournalEntry
from registry.projects.models import Project
from registry.projects.service import find_project_to_change, restrict_project
from registry.projects.visibility import RESTRICTED_READ_ACTION
from registry.requests.queries import count_to_decide, count_waiting, requests_of_project
from tests.api.callers import caller, code
from tests.cases.cast import AIGERIM, SAULE
from tests.factories import a_project, an_agency

PLACEMENT = {"kind": "placement", "platform_key": "k-1", "verified_on": "2026-09-30", "evidence": "List"}


@pytest.fixture
def restricted(client: FlaskClient) -> tuple[Project, int]:
    """A restricted project, and the withdrawal that its agency asked for."""
    agency = an_agency()
    project = a_project(agency)
    path = f"/projects/{project.number}/withdrawal"
    asked = caller(client, Role.AGENCY_EDITOR, agency).post(path, {"reason": "Registered twice."}).get_json()
    with transaction():
        restrict_project(SAULE, find_project_to_change(SAULE, project.number), True, "State secret")
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
    assert (count_waiting(AIGERIM), count_to_decide(AIGERIM), requests_of_project(AIGERIM, project.id)) == (0, 0, [])


def test_a_supervisor_sees_it_and_each_read_is_journalled(client: FlaskClient, restricted: tuple[Project, int]) -> None:
    project, request_id = restricted
    supervisor = caller(client, Role.SUPERVISOR)

    listed = supervisor.get("/withdrawals").get_json()["items"]
    one = supervisor.get(f"/withdrawals/{request_id}").get_json()

    assert ([item["id"] for item in listed], one["project"]) == ([request_id], project.number)
    reads = db.session.query(JournalEntry.details).filter(JournalEntry.action == RESTRICTED_READ_ACTION)
    assert sorted(row.details for row in reads) == ['{"what":"request"}', '{"what":"requests"}']
