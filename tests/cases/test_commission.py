"""The Commission: its decision on a referred case, by page and API, and repeated exemptions."""

from __future__ import annotations

import io
import re
from datetime import date, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.cases.models import Case
from registry.core.database import db, transaction
from registry.exemptions.models import Exemption, ExemptionDocument
from registry.platform.confirmations import verify_placement
from registry.projects.documents import add_document
from registry.projects.models import Project
from registry.projects.service import find_project_to_change
from tests.api.callers import caller, codes
from tests.audits.steps import exempt
from tests.cases.casework import status
from tests.cases.cast import AIGERIM, OPERATOR, act, audit, case_of, edit, editor_of, flags_of, under_review
from tests.factories import a_project, an_agency, approve_waiting
from tests.fixtures.web import SignedIn, Visit
from tests.inbox.people import a_person, follow_acts, kinds
from tests.present import Present

TODAY = date(2026, 7, 20)


GRANTED = {"outcome": "granted", "decision_number": "14-K", "decided_on": "17.07.2026", "valid_to": "31.12.2026"}


REFUSED = {"outcome": "refused", "decision_number": "15-K", "decided_on": "17.07.2026"}


@pytest.fixture
def agency(present: Present) -> Agency:
    present.set(TODAY)
    return an_agency()


@pytest.fixture
def project(agency: Agency) -> Project:
    project = a_project(agency)
    act(AIGERIM, under_review(project), "refer")
    return project


def record(visit: Visit, case: Case, **fields: object) -> str:
    """Send the form of the decision with a file."""
    file = (io.BytesIO(b"%PDF-1.7 decision"), "decision.pdf")
    path = f"/cases/{case.id}/commission-decision"
    return visit.send(path, **{"file": file, **fields}).text


def exemptions() -> list[Exemption]:
    return list(db.session.scalars(select(Exemption)))


def test_granted_exemption_has_its_file_and_the_case_waits_for_its_end(
    signed_in: SignedIn, agency: Agency, project: Project
) -> None:
    case = case_of(project)
    supervisor = signed_in(Role.SUPERVISOR)
    proposed = record(supervisor, case, **GRANTED, conditions="Move by the end of the year")
    assert "Your proposal is sent. Nothing changes until a supervisor approves it." in proposed
    assert exemptions() == []
    assert "Record the Commission’s decision" not in supervisor.get(f"/cases/{case.id}").text
    approve_waiting()
    page = supervisor.get(f"/cases/{case.id}").text
    assert "The Commission granted an exemption" in page and "Decision of the Commission 14-K" in page
    (exemption,) = exemptions()
    assert (exemption.project, exemption.valid_from, exemption.valid_to) == (
        project.number,
        date(2026, 7, 17),
        date(2026, 12, 31),
    )
    assert db.session.scalar(select(func.count()).select_from(ExemptionDocument)) == 1
    # Decided: nothing on the pages says any more that the case waits for the Commission, before the next audit neither.
    for is_audited in (False, True):
        for path in (f"/cases/{case.id}", "/cases?status=with_commission"):
            page = supervisor.get(path).text
            assert re.search(r"govuk-tag[^>]*>Exempt by the Commission<", page), (path, is_audited)
            assert not re.search(r"govuk-tag[^>]*>With the Commission<", page), (path, is_audited)
        assert "<dt>Exempt until</dt><dd>31 December 2026</dd>" in supervisor.get(f"/cases/{case.id}").text
        assert (case_of(project).exempt_since, case_of(project).due_on) == (TODAY, None)
        if not is_audited:
            audit()
    assert set(flags_of(project).values()) == {"exempt"} and case_of(project).status == "with_commission"
    seen = signed_in(Role.AGENCY_EDITOR, agency).get(f"/cases/{case.id}").text
    assert "The Commission granted an exemption" in seen and "commission-decision" not in seen


def test_exemption_that_begins_later_leaves_the_case_with_the_commission_until_then(
    signed_in: SignedIn, project: Project, present: Present
) -> None:
    case = case_of(project)
    record(signed_in(Role.SUPERVISOR), case, **GRANTED, valid_from="01.08.2026")
    approve_waiting()
    audit()
    assert (case_of(project).status, case_of(project).exempt_since) == ("with_commission", None)
    present.set(date(2026, 8, 1))
    audit()
    assert (case_of(project).status, case_of(project).exempt_since) == ("with_commission", date(2026, 8, 1))


def test_exemption_of_the_project_itself_shows_on_its_referred_case_at_once(
    client: FlaskClient, project: Project
) -> None:
    case = case_of(project)
    body = {"project": project.number, "decision_number": "14-K", "decided_on": "2026-07-17"}
    days = {"valid_from": "2026-07-17", "valid_to": "2026-12-31"}
    document = add_document(AIGERIM, project, "decision.pdf", "application/pdf", b"%PDF-1.7").id
    reviewer = caller(client, Role.REVIEWER)
    answer = reviewer.call("POST", "/exemptions", json={**body, **days, "documents": [document]})
    assert answer.status_code == 202, answer.text
    assert reviewer.call("GET", f"/cases/{case.id}").get_json()["exempt_since"] is None
    approve_waiting()
    assert reviewer.call("GET", f"/cases/{case.id}").get_json()["exempt_since"] == "2026-07-20"
    waiting = reviewer.call("GET", "/cases?status=with_commission&is_null=exempt_since").get_json()["items"]
    assert waiting == []


@pytest.mark.parametrize("is_audited", [True, False])
def test_revoked_exemption_returns_the_case_to_review_at_once(
    client: FlaskClient, agency: Agency, project: Project, is_audited: bool
) -> None:
    exemption = exempt(project, TODAY, date(2026, 12, 31))
    if is_audited:
        audit()
    else:
        with transaction():
            case_of(project).exempt_since = TODAY
    supervisor = caller(client, Role.SUPERVISOR)

    assert supervisor.post(f"/exemptions/{exemption.id}/revocation", {"reason": "Decision 6-1"}).status_code == 200

    shown = supervisor.get(f"/cases/{case_of(project).id}").get_json()
    assert (shown["status"], shown["exempt_since"], shown["due_on"]) == ("under_review", None, "2026-08-17")
    assert (shown["events"][-1]["action"], shown["events"][-1]["comment"]) == ("return", "Decision 6-1")
    assert [each["status"] for each in shown["flags"]] == ["open"]
    listed = supervisor.get("/projects?freeze_status=flagged").get_json()["items"]
    assert [each["number"] for each in listed] == [project.number]


def test_refused_exemption_returns_the_case_to_its_reviewer_and_the_agency_reads_the_decision(
    signed_in: SignedIn, agency: Agency, project: Project
) -> None:
    case = case_of(project)
    # What the page hides after another choice is not part of the decision.
    record(signed_in(Role.REVIEWER), case, **REFUSED, valid_to="31.12.2026", comment="They may ask again.")
    assert status(f"/cases/{case.id}") == "with_commission"
    approve_waiting()
    assert status(f"/cases/{case.id}") == "under_review" and case_of(project).assignee == "aigerim"
    assert case_of(project).due_on is not None and exemptions() == []
    seen = signed_in(Role.AGENCY_EDITOR, agency).get(f"/cases/{case.id}").text
    assert "The Commission refused an exemption" in seen and "decision.pdf" in seen and "15-K" in seen
    assert "They may ask again." not in seen


def test_wrong_entries_are_errors_at_their_fields_and_record_nothing(signed_in: SignedIn, project: Project) -> None:
    case = case_of(project)
    supervisor = signed_in(Role.SUPERVISOR)
    path = f"/cases/{case.id}/commission-decision"
    without = supervisor.send(path, **GRANTED)
    assert without.status_code == 422 and 'id="file-error"' in without.text
    for field, wrong in (
        ("valid_to", {**GRANTED, "valid_to": ""}),
        ("valid_to", {**GRANTED, "valid_to": "01.01.2026"}),
        ("decided_on", {**GRANTED, "decided_on": "21.07.2026"}),
        ("decided_on", {**REFUSED, "decided_on": "21.07.2026"}),
        ("decision_number", {**REFUSED, "decision_number": ""}),
        ("outcome", {**GRANTED, "outcome": ""}),
    ):
        assert f'id="{field}-error"' in record(supervisor, case, **wrong), wrong
    assert exemptions() == [] and case_of(project).status == "with_commission"


def test_api_records_a_decision_with_its_file(client: FlaskClient, project: Project) -> None:
    case = case_of(project)
    supervisor = caller(client, Role.SUPERVISOR)

    def send(**fields: str) -> tuple[int, dict[str, object]]:
        data = {"file": (io.BytesIO(b"%PDF-1.7"), "decision.pdf"), **fields}
        answer = supervisor.call("POST", f"/cases/{case.id}/commission-decision", data=data)
        return answer.status_code, answer.get_json()

    refused = {"outcome": "refused", "decision_number": "15-K", "decided_on": "2026-07-17"}
    code, problem = send(**refused, valid_to="2026-12-31")
    assert code == 422
    assert [each["pointer"] for each in problem["errors"]] == ["/valid_to"]  # type: ignore[union-attr, index] # a list of problems
    code, approval = send(**refused)
    assert (code, approval["state"], approval["project"]) == (202, "waiting", project.number)
    assert send(**refused)[0] == 409
    approve_waiting()
    shown = supervisor.get(f"/cases/{case.id}").get_json()
    assert shown["status"] == "under_review"
    last = shown["events"][-2]
    assert (last["action"], [each["name"] for each in last["documents"]]) == ("commission_refused", ["decision.pdf"])
    code, problem = send(**refused)
    assert (code, problem["type"].rpartition(":")[2]) == (409, "case-not-with-commission")  # type: ignore[union-attr] # an address


def test_decision_that_is_sent_twice_is_recorded_once(signed_in: SignedIn, project: Project) -> None:
    case, supervisor = case_of(project), signed_in(Role.SUPERVISOR)
    record(supervisor, case, **GRANTED)
    approve_waiting()
    again = record(supervisor, case, **GRANTED)
    assert f"Decision 14-K of the Commission with these dates is recorded on case {case.id} already." in again
    assert len(exemptions()) == 1
    assert db.session.scalar(select(func.count()).select_from(ExemptionDocument)) == 1
    # The Commission may prolong what it granted.
    record(supervisor, case, **{**GRANTED, "valid_to": "31.03.2027"})
    approve_waiting()
    assert len(exemptions()) == 2


def test_person_whom_the_note_of_a_decision_mentions_gets_an_entry_of_the_inbox(
    signed_in: SignedIn, project: Project
) -> None:
    bolat = a_person("bolat", Role.REVIEWER)
    record(signed_in(Role.SUPERVISOR), case_of(project), **GRANTED, comment="@bolat, see the conditions.")
    approve_waiting()
    follow_acts()
    assert kinds(bolat) == ["mentioned"]


def test_a_text_file_is_no_decision(client: FlaskClient, project: Project) -> None:
    data = {"file": (io.BytesIO(b"The Commission granted it."), "decision.pdf"), **GRANTED}
    data |= {"decided_on": "2026-07-17", "valid_to": "2026-12-31"}

    answer = caller(client, Role.SUPERVISOR).call(
        "POST", f"/cases/{case_of(project).id}/commission-decision", data=data
    )

    assert codes(answer) == {("/file", "document-no-scan")}
    assert "“decision.pdf” is neither a PDF nor an image." in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    ("entered", "shown", "status_then"),
    [
        (GRANTED, "Exemption granted until a date", "With the Commission"),
        (REFUSED, "Exemption refused", "Under review"),
    ],
)
def test_page_of_a_proposal_says_what_was_decided_and_where_the_case_goes(
    signed_in: SignedIn, project: Project, entered: dict[str, str], shown: str, status_then: str
) -> None:
    page = record(signed_in(Role.REVIEWER), case_of(project), **entered)

    assert f'data-label="As proposed">{shown}<' in page
    assert "Status of the case" in page and f'data-label="As proposed">{status_then}<' in page


EXEMPTION = {
    "decision_number": "14-K",
    "decided_on": "2026-07-17",
    "valid_from": "2026-07-17",
    "valid_to": "2026-12-31",
}


def a_scan(project: Project) -> int:
    return add_document(AIGERIM, project, "decision.pdf", "application/pdf", b"%PDF-1.7").id


def test_document_is_of_one_decision_alone_however_often_it_is_named(client: FlaskClient, project: Project) -> None:
    reviewer, document = caller(client, Role.REVIEWER), a_scan(project)
    body = {"project": project.number, **EXEMPTION, "documents": [document, document]}
    assert reviewer.post("/exemptions", body).get_json()["documents"] == [document]
    approve_waiting()
    assert list(db.session.scalars(select(ExemptionDocument.document_id))) == [document]

    answer = reviewer.post("/exemptions", {**body, "decision_number": "15-K", "documents": [a_scan(project), document]})

    assert answer.status_code == 422
    assert codes(answer) == {("/documents/1", "document-of-another-decision")}


def test_document_of_a_case_is_no_decision_on_the_project(client: FlaskClient, project: Project) -> None:
    hidden = add_document(AIGERIM, project, "note.pdf", "application/pdf", b"%PDF-1.7", belongs_to="case").id
    body = {"project": project.number, **EXEMPTION, "documents": [hidden]}

    answer = caller(client, Role.REVIEWER).post("/exemptions", body)

    assert codes(answer) == {("/documents/0", "document-not-of-project")}


def test_approval_that_can_no_longer_take_effect_says_why_on_its_page(
    client: FlaskClient, signed_in: SignedIn, project: Project, present: Present
) -> None:
    body = {"project": project.number, **EXEMPTION, "documents": [a_scan(project)]}
    approval_id = caller(client, Role.REVIEWER).post("/exemptions", body).get_json()["id"]
    present.set(date(2026, 7, 16))

    page = signed_in(Role.SUPERVISOR).send(f"/approvals/{approval_id}/approval", f"/approvals/{approval_id}", reason="")

    assert page.status_code == 422
    assert "This date cannot be after today." in page.text
    assert exemptions() == []


DAY = date(2026, 10, 5)


def days(number: int) -> date:
    return DAY + timedelta(days=number)


def test_second_exemption_refers_case_to_commission_again(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project()
    exempt(project, DAY, days(1))
    audit()
    # An exemption in force at the first audit opens no case; the case is opened when it ends.
    present.set(days(2))
    audit()
    act(AIGERIM, case_of(project), "claim")
    for first in (3, 6):
        exempt(project, days(first), days(first + 1))
        present.set(days(first))
        audit()
        case = case_of(project)
        assert (case.status, case.exempt_since) == ("with_commission", days(first))
        present.set(days(first + 2))
        audit()
        case = case_of(project)
        assert (case.status, case.exempt_since) == ("under_review", None)


def test_reopened_or_cleared_case_is_no_longer_exempt(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project()
    audit()
    act(AIGERIM, case_of(project), "claim")
    exempt(project, DAY, days(30))
    audit()
    assert case_of(project).exempt_since == DAY
    assert act(AIGERIM, case_of(project), "return").exempt_since is None
    audit()
    assert case_of(project).exempt_since == DAY
    edit(editor_of(project.agency), project, placement="on_platform", platform_key="qt-1")
    with transaction():
        verify_placement(OPERATOR, find_project_to_change(OPERATOR, project.number), "qt-1", DAY, "QazTech")
    audit()
    assert (case_of(project).status, case_of(project).exempt_since) == ("awaiting_confirmation", None)
