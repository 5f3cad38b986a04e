"""Confirmation requests: an agency asks with evidence, one click makes the confirmation."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.core.database import db, transaction
from registry.platform.confirmations import confirm_onboarding
from registry.platform.models import Confirmation
from registry.projects.documents import add_document
from registry.projects.models import Project
from registry.projects.service import find_project_to_change
from tests.api.callers import Caller, caller, code, codes
from tests.cases.cast import ADMINISTRATOR, AIGERIM
from tests.factories import a_project, a_service_token, an_agency, audit_without_findings, list_key
from tests.fixtures.web import SignedIn
from tests.notifications.readers import create_reader, delete_emails, queued_emails
from tests.present import Present

DAY = date(2026, 9, 30)
PLACEMENT = {"kind": "placement", "platform_key": "qt-1", "verified_on": "2026-09-01", "evidence": "Act No. 12"}
ONBOARDING = {"kind": "onboarding", "due_on": "2026-12-31", "evidence": "Plan of the move"}
ENDING = {"kind": "ending", "ended_on": "2026-09-01", "consent_number": "17-3/45", "evidence": "Act of writing-off"}
FACTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "placement": (PLACEMENT, {"placement": "on_platform"}),
    "onboarding": (ONBOARDING, {"placement": "onboarding"}),
    "ending": (ENDING, {"stage": "archived"}),
}


@pytest.fixture
def agency(client: FlaskClient, present: Present) -> Agency:
    present.set(DAY)
    return an_agency()


@pytest.fixture
def editor(client: FlaskClient, agency: Agency) -> Caller:
    return caller(client, Role.AGENCY_EDITOR, agency, "clerk")


def ask(who: Caller, project: Project, body: dict[str, Any]) -> Any:
    return who.post(f"/projects/{project.number}/confirmation-requests", body)


@pytest.mark.parametrize("kind", FACTS)
def test_accepting_makes_the_confirmation(client: FlaskClient, agency: Agency, editor: Caller, kind: str) -> None:
    body, values = FACTS[kind]
    project = a_project(agency, **values)
    list_key(agency, "qt-1")
    audit_without_findings()
    asked = ask(editor, project, body)
    assert asked.status_code == 201, asked.get_json()
    reviewer = caller(client, Role.REVIEWER, name="aigerim")

    done = reviewer.post(f"/confirmation-requests/{asked.get_json()['id']}/confirmation", {})

    shown = reviewer.get(f"/projects/{project.number}").get_json()
    given = db.session.query(Confirmation).one()
    assert (done.status_code, done.get_json()["state"]) == (200, "confirmed")
    assert done.get_json()["carried_out_at"] is not None
    assert (given.kind, given.by) == (kind, "aigerim")
    assert {
        "placement": shown["placement_verified_on"] == "2026-09-01" and shown["platform_key"] == "qt-1",
        "onboarding": shown["onboarding_confirmed_on"] == "2026-09-30" and shown["onboarding_due_on"] == "2026-12-31",
        "ending": shown["ending_confirmed_on"] == "2026-09-30",
    }[kind]


def test_what_cannot_be_confirmed_is_not_asked(agency: Agency, editor: Caller) -> None:
    for values, body, problems in [
        ({"placement": "on_platform"}, {**PLACEMENT, "platform_key": None}, {("/platform_key", "required")}),
        ({"placement": "on_platform"}, {**PLACEMENT, "evidence": " "}, {("/evidence", "required")}),
        (
            {"placement": "on_platform"},
            {**PLACEMENT, "verified_on": "2026-10-01"},
            {("/verified_on", "date-after-today")},
        ),
        (
            {"placement": "on_platform"},
            {**PLACEMENT, "due_on": "2026-12-31", "documents": [9]},
            {("/due_on", "not-with-this-confirmation"), ("/documents/0", "document-not-of-project")},
        ),
        ({"placement": "onboarding"}, {**ONBOARDING, "due_on": "2027-09-30"}, {("/due_on", "date-out-of-range")}),
        ({}, {"kind": "payment", "evidence": "."}, {("/kind", "not-a-choice")}),
    ]:
        answer = ask(editor, a_project(agency, **values), body)

        assert (answer.status_code, codes(answer)) == (422, problems), body


@pytest.mark.parametrize(("kind", "error"), [("placement", "placement-not-claimed"), ("ending", "stage-not-final")])
def test_a_fact_that_the_record_does_not_claim_is_a_conflict(
    agency: Agency, editor: Caller, kind: str, error: str
) -> None:
    answer = ask(editor, a_project(agency), FACTS[kind][0])

    assert (answer.status_code, code(answer)) == (409, error)


def test_documents_of_the_project_are_named(client: FlaskClient, agency: Agency, editor: Caller) -> None:
    project = a_project(agency, placement="on_platform")
    document = add_document(ADMINISTRATOR, project, "act.pdf", "application/pdf", b"%PDF-1.7")
    asked = ask(editor, project, {**PLACEMENT, "documents": [document.id]}).get_json()

    assert asked["document_names"] == [{"id": document.id, "name": "act.pdf"}]


def test_documents_of_another_project_or_of_a_case_are_errors(
    client: FlaskClient, agency: Agency, editor: Caller
) -> None:
    project = a_project(agency, placement="on_platform")
    file = ("act.pdf", "application/pdf", b"%PDF-1.7")
    foreign = add_document(ADMINISTRATOR, a_project(agency), *file)
    of_a_case = add_document(ADMINISTRATOR, project, *file, belongs_to="case")

    answer = ask(editor, project, {**PLACEMENT, "documents": [foreign.id, of_a_case.id]})

    wrong = {("/documents/0", "document-not-of-project"), ("/documents/1", "document-not-of-project")}
    assert (answer.status_code, codes(answer)) == (422, wrong)


def test_a_date_that_has_passed_is_no_longer_confirmed(
    client: FlaskClient, agency: Agency, editor: Caller, present: Present
) -> None:
    project = a_project(agency, placement="onboarding")
    request_id = ask(editor, project, {**ONBOARDING, "due_on": "2026-10-01"}).get_json()["id"]
    present.set(DAY + timedelta(days=5))

    answer = caller(client, Role.REVIEWER).post(f"/confirmation-requests/{request_id}/confirmation", {})

    assert (answer.status_code, code(answer)) == (409, "confirmation-out-of-date")


def test_an_operator_does_not_extend_an_onboarding(client: FlaskClient, agency: Agency, editor: Caller) -> None:
    project = a_project(agency, placement="onboarding")
    with transaction():
        confirm_onboarding(AIGERIM, find_project_to_change(AIGERIM, project.number), date(2026, 10, 30))
    audit_without_findings()
    request_id = ask(editor, project, ONBOARDING).get_json()["id"]

    by_operator = caller(client, Role.OPERATOR).post(f"/confirmation-requests/{request_id}/confirmation", {})
    by_reviewer = caller(client, Role.REVIEWER).post(f"/confirmation-requests/{request_id}/confirmation", {})

    assert (by_operator.status_code, code(by_operator)) == (403, "onboarding-not-extended-by-operator")
    assert by_reviewer.status_code == 200


def test_a_service_account_of_the_agency_may_ask(client: FlaskClient, agency: Agency) -> None:
    project = a_project(agency, placement="on_platform")

    answer = ask(Caller(client, a_service_token(Role.AGENCY_EDITOR, agency)), project, PLACEMENT)

    assert answer.status_code == 201


def test_both_sides_get_an_email(client: FlaskClient, agency: Agency) -> None:
    create_reader(Role.OPERATOR, name="operator")
    create_reader(Role.AGENCY_EDITOR, agency=agency, name="clerk")
    project = a_project(agency, placement="on_platform")
    list_key(agency, "qt-1")
    clerk, operator = (
        caller(client, Role.AGENCY_EDITOR, agency, "clerk"),
        caller(client, Role.OPERATOR, name="operator"),
    )
    delete_emails()
    request_id = ask(clerk, project, PLACEMENT).get_json()["id"]
    assert queued_emails() == [("operator@readers.kz", "request-waiting", [request_id])]

    delete_emails()
    operator.post(f"/confirmation-requests/{request_id}/confirmation", {})

    assert queued_emails() == [("clerk@readers.kz", "request-decided", [request_id])]


def test_the_pages_ask_show_the_queue_and_confirm(signed_in: SignedIn, agency: Agency) -> None:
    project = a_project(agency, placement="on_platform")
    list_key(agency, "qt-1")
    document = add_document(ADMINISTRATOR, project, "act.pdf", "application/pdf", b"%PDF-1.7")
    editor = signed_in(Role.AGENCY_EDITOR, agency)
    path = f"/projects/{project.number}/confirmation-request/placement"
    assert "Ask for confirmation of the placement" in editor.get(f"/projects/{project.number}").text
    missing = editor.send(path, platform_key="", verified_on="01.09.2026", evidence="Act")
    assert missing.status_code == 422
    sent = editor.send(
        path, platform_key="qt-1", verified_on="01.09.2026", evidence="Act No. 12", documents=str(document.id)
    )
    assert "Your request is sent." in sent.text and "act.pdf" in sent.text
    assert ">Requests</a>: " not in editor.get("/home").text
    operator = signed_in(Role.OPERATOR)
    assert ">Requests</a>: 1</h2>" in operator.get("/home").text
    assert project.number in operator.get("/requests?request_kind=confirmation_request&state=waiting").text

    page = operator.send(f"{sent.request.path}/confirmation", page=sent.request.path, reason="").text

    assert "The request is confirmed and has taken effect." in page
    assert db.session.query(Confirmation).one().facts["evidence"] == "Act No. 12"
