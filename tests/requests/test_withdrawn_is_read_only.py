"""A withdrawn project is read-only: every way to change it says so, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from flask.testing import FlaskClient

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.core.database import db
from registry.core.lists import Page
from registry.imports.queries import errors_of
from registry.imports.service import import_now
from registry.platform.inventory import apply_inventory
from registry.projects.documents import Document
from registry.projects.models import Project
from registry.projects.revisions import Revision
from registry.requests.models import RequestKind
from registry.requests.service import ask, confirm
from tests.api.callers import Caller, caller, code, codes
from tests.cases.cast import ADMINISTRATOR, AIGERIM, OPERATOR, editor_of
from tests.factories import a_project, an_agency
from tests.fixtures.web import SignedIn
from tests.present import Present

DAY = date(2026, 9, 30)


@pytest.fixture
def agency(client: FlaskClient, present: Present) -> Agency:
    present.set(DAY)
    return an_agency()


@pytest.fixture
def project(agency: Agency) -> Project:
    """A withdrawn project that claims to be on the platform."""
    project = a_project(agency, placement="on_platform", platform_key="k-1", external_id="A-1")
    request = ask(editor_of(agency), RequestKind.WITHDRAWAL, project.number, {"reason": "Twice."})
    confirm(AIGERIM, RequestKind.WITHDRAWAL, request.id)
    return project


def number_of_changes() -> tuple[int, int]:
    db.session.rollback()
    return db.session.query(Revision).count(), db.session.query(Document).count()


Sent = Callable[[Caller, str], object]
CONFIRMED = {"platform_key": "k-1", "verified_on": "2026-09-30", "evidence": "List"}
ENDED = {"ended_on": "2026-09-30", "consent_number": "1", "evidence": "Act"}
EXEMPT = dict.fromkeys(("decided_on", "valid_from", "valid_to"), "2026-09-30")
TRIES: dict[str, tuple[Role, Sent]] = {
    "edit": (Role.AGENCY_EDITOR, lambda who, number: who.change(f"/projects/{number}", {"budget_kzt": 1})),
    "check of an edit": (
        Role.AGENCY_EDITOR,
        lambda who, number: who.post(f"/projects/{number}/check", {"budget_kzt": 1}),
    ),
    "attestation": (Role.AGENCY_EDITOR, lambda who, number: who.post(f"/projects/{number}/attestation", {})),
    "document": (Role.AGENCY_EDITOR, lambda who, number: who.upload(f"/projects/{number}/documents", b"x")),
    "withdrawal": (Role.AGENCY_EDITOR, lambda who, number: who.post(f"/projects/{number}/withdrawal", {"reason": "."})),
    "placement": (
        Role.OPERATOR,
        lambda who, number: who.post(f"/projects/{number}/placement-verification", CONFIRMED),
    ),
    "onboarding": (
        Role.REVIEWER,
        lambda who, number: who.post(f"/projects/{number}/onboarding-confirmation", {"due_on": "2026-10-30"}),
    ),
    "ending": (Role.REVIEWER, lambda who, number: who.post(f"/projects/{number}/ending-confirmation", ENDED)),
    "transfer": (
        Role.ADMINISTRATOR,
        lambda who, number: who.post(
            f"/projects/{number}/transfer", {"to": "990340900110", "on": "2026-10-01", "act": "1", "reason": "."}
        ),
    ),
}


def test_a_change_is_refused_with_a_clear_error(client: FlaskClient, agency: Agency, project: Project) -> None:
    before = number_of_changes()
    for what, (role, send) in TRIES.items():
        answer: Any = send(caller(client, role, agency if role is Role.AGENCY_EDITOR else None), project.number)

        assert (answer.status_code, code(answer)) == (409, "project-withdrawn"), what
        assert project.number in answer.get_json()["detail"], what
    assert number_of_changes() == before


def test_an_exemption_of_it_is_an_error(client: FlaskClient, project: Project) -> None:
    answer = caller(client, Role.SUPERVISOR).post(
        "/exemptions", {"project": project.number, "decision_number": "1", "documents": [1], **EXEMPT}
    )

    assert (answer.status_code, codes(answer)) == (422, {("/project", "project-withdrawn")})


def test_an_import_rejects_its_row(agency: Agency, project: Project) -> None:
    file = f"agency,external_id,budget_kzt\n{agency.bin},A-1,7\n"
    before = number_of_changes()

    run = import_now(ADMINISTRATOR, "projects", False, "p.csv", file.encode())

    assert (run.updated, run.rejected) == (0, 1)
    assert number_of_changes() == before
    (error,) = errors_of(ADMINISTRATOR, run, Page(10)).items
    assert (error["column"], error["code"], error["value"]) == ("external_id", "project-withdrawn", "A-1")


def test_an_inventory_leaves_it_as_it_is(agency: Agency, project: Project) -> None:
    file = f"platform_key,agency,verified_on\nk-1,{agency.bin},2026-09-30\n"

    summary = apply_inventory(OPERATOR, "list.csv", file.encode(), False)

    assert (summary["matched"], summary["unregistered"]) == (0, 1)
    assert db.session.get_one(Project, project.id, populate_existing=True).placement_verified_on is None


def test_who_may_see_it_can_still_be_restricted(client: FlaskClient, project: Project) -> None:
    asked = caller(client, Role.SUPERVISOR, name="dana").put(
        f"/projects/{project.number}/restriction", {"is_restricted": True, "reason": "State secrets"}
    )
    saule = caller(client, Role.SUPERVISOR, name="saule")

    saule.post(f"/approvals/{asked.get_json()['id']}/approval", {})

    assert saule.get(f"/projects/{project.number}").get_json()["is_restricted"] is True


def test_its_page_offers_no_change(agency: Agency, project: Project, signed_in: SignedIn) -> None:
    editor = signed_in(Role.AGENCY_EDITOR, agency)
    page = editor.get(f"/projects/{project.number}").text

    assert "is withdrawn since" in page and "Who asked, who confirmed, and why" in page
    assert "Change the facts" not in page and "Add a document" not in page and "registered in error</a>" not in page
    assert project.number not in editor.get("/projects").text
    assert project.number in editor.get("/projects?withdrawn=include").text


def test_a_form_by_its_address_is_not_offered(agency: Agency, project: Project, signed_in: SignedIn) -> None:
    for form, role in (("edit", Role.AGENCY_EDITOR), ("transfer", Role.ADMINISTRATOR), ("exemption", Role.SUPERVISOR)):
        visit = signed_in(role, agency if role is Role.AGENCY_EDITOR else None)

        page = visit.get(f"/projects/{project.number}/{form}")

        assert page.status_code == 409, form
        assert f"Project {project.number} is withdrawn because it was registered in error." in page.text
        assert "<textarea" not in page.text
