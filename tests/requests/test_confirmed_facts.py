"""Confirmations that end a serious flag, and placements that no inventory lists, take two people and a document."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.approvals.models import Approval
from registry.audits.past import verify_audit
from registry.audits.service import run_audit
from registry.core.database import db, transaction
from registry.freeze.policy import first_policy, set_policy
from registry.freeze.policy_file import load_policy
from registry.journal.service import JournalEntry
from registry.platform.models import Confirmation
from registry.projects.documents import add_document
from registry.projects.models import Project
from registry.projects.service import change_project, find_project_to_change
from registry.requests.models import RequestKind
from registry.requests.service import ask, confirm as confirm_request
from tests.api.callers import Caller, caller, code, codes
from tests.cases.cast import ADMINISTRATOR, AIGERIM, SAULE
from tests.factories import a_project, a_service_token, an_actor, an_agency, audit_without_findings, list_key
from tests.fixtures.web import SignedIn
from tests.freeze.factories import POLICY_FILE
from tests.present import Present

DAY = date(2026, 9, 30)
SENT: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "placement": (
        "placement-verification",
        {"platform_key": "qt-1", "verified_on": "2026-09-01", "evidence": "Act No. 12"},
        {"placement": "on_platform"},
    ),
    "onboarding": (
        "onboarding-confirmation",
        {"due_on": "2026-12-31", "evidence": "Plan of the move"},
        {"placement": "onboarding"},
    ),
    "fact": (
        "fact-confirmation",
        {"fact": "commissioned_on", "value": "2026-09-01", "evidence": "Act of commissioning"},
        {"commissioned_on": date(2026, 9, 1)},
    ),
    "ending": (
        "ending-confirmation",
        {"ended_on": "2026-09-01", "consent_number": "17-3/45", "evidence": "Act of writing-off"},
        {"stage": "archived", "ended_on": date(2026, 9, 1)},
    ),
}
KINDS = list(SENT)


@pytest.fixture
def agency(client: FlaskClient, present: Present) -> Agency:
    present.set(DAY)
    return an_agency()


@pytest.fixture
def operator(client: FlaskClient) -> Caller:
    return caller(client, Role.OPERATOR, name="operator")


@pytest.fixture
def supervisor(client: FlaskClient) -> Caller:
    return caller(client, Role.SUPERVISOR, name="supervisor")


def flagged(agency: Agency, kind: str) -> Project:
    """A project that the confirmation is about, with an active medium or high flag."""
    return flagged_then(agency, SENT[kind][2])


def flagged_then(agency: Agency, changes: dict[str, Any]) -> Project:
    """A project with an active high flag, and an edit after the audit that flagged it."""
    project = a_project(agency, work_type="creation", work_started_on=date(2026, 3, 1))
    run_audit(an_actor(Role.OPERATOR))
    with transaction():
        change_project(ADMINISTRATOR, find_project_to_change(ADMINISTRATOR, project.number), changes)
    return project


def a_scan(project: Project, content: bytes = b"%PDF-1.7") -> int:
    return add_document(ADMINISTRATOR, project, "act.pdf", "application/pdf", content).id


def confirm(who: Caller, project: Project, kind: str, **more: Any) -> Any:
    path, body, _values = SENT[kind]
    return who.post(f"/projects/{project.number}/{path}", {**body, **more})


def confirmations() -> list[str]:
    return list(db.session.scalars(db.select(Confirmation.kind)))


@pytest.mark.parametrize("kind", KINDS)
def test_one_person_proposes_and_a_supervisor_approves(
    client: FlaskClient, agency: Agency, operator: Caller, supervisor: Caller, kind: str
) -> None:
    project = flagged(agency, kind)
    document = a_scan(project)

    answer = confirm(operator, project, kind, documents=[document])

    shown = answer.get_json()
    assert (answer.status_code, shown["kind"], shown["documents"]) == (202, kind, [document])
    assert shown["effects"]["flags"] >= 1
    assert answer.headers["Location"] == f"/api/v1/approvals/{shown['id']}"
    assert confirmations() == []
    own = operator.post(f"/approvals/{shown['id']}/approval", {})
    assert (own.status_code, code(own)) == (403, "needs-another-person")
    reviewer = caller(client, Role.REVIEWER).post(f"/approvals/{shown['id']}/approval", {})
    assert (reviewer.status_code, code(reviewer)) == (403, "approval-needs-a-supervisor")
    done = supervisor.post(f"/approvals/{shown['id']}/approval", {})
    assert (done.status_code, done.get_json()["state"]) == (200, "approved")
    assert confirmations() == [kind]


def test_it_needs_a_pdf_or_an_image(agency: Agency, operator: Caller) -> None:
    for kind in KINDS:
        project = flagged(agency, kind)
        for documents in ({}, {"documents": [a_scan(project, b"I confirm it")]}):
            answer = confirm(operator, project, kind, **documents)

            assert (answer.status_code, codes(answer)) == (422, {("/documents", "scan-required")}), kind


@pytest.mark.parametrize("kind", ["onboarding", "ending"])
def test_one_person_is_enough_without_a_serious_flag(agency: Agency, operator: Caller, kind: str) -> None:
    project = a_project(agency, **SENT[kind][2])
    audit_without_findings()

    answer = confirm(operator, project, kind)

    assert (answer.status_code, confirmations()) == (200, [kind])


@pytest.mark.parametrize("kind", ["onboarding", "ending"])
@pytest.mark.parametrize("since", ["registered", "changed"])
def test_two_people_confirm_what_no_audit_has_judged_as_it_stands(
    client: FlaskClient, agency: Agency, operator: Caller, present: Present, kind: str, since: str
) -> None:
    if since == "registered":
        audit_without_findings()
        present.move(timedelta(minutes=1))
    project = a_project(agency, **SENT[kind][2])
    if since == "changed":
        audit_without_findings()
        present.move(timedelta(minutes=1))
        editor = caller(client, Role.AGENCY_EDITOR, agency)
        assert editor.change(f"/projects/{project.number}", {"budget_kzt": 1}).status_code == 200

    answer = confirm(operator, project, kind, documents=[a_scan(project)])

    assert (answer.status_code, confirmations()) == (202, [])


def test_one_person_is_enough_for_a_key_that_the_inventory_lists_for_the_agency(
    agency: Agency, operator: Caller
) -> None:
    listed, foreign = flagged(agency, "placement"), flagged(an_agency(), "placement")
    list_key(agency, "qt-1")

    assert confirm(operator, listed, "placement").status_code == 200
    assert confirm(operator, foreign, "placement").status_code == 409
    db.session.execute(db.update(Project).where(Project.id == listed.id).values(placement_verified_on=None))
    db.session.commit()
    assert codes(confirm(operator, foreign, "placement")) == {("/documents", "scan-required")}
    assert confirmations() == ["placement"]


def test_a_listed_key_that_confirms_another_project_takes_two_people(
    client: FlaskClient, agency: Agency, operator: Caller
) -> None:
    first, second = flagged(agency, "placement"), flagged(agency, "placement")
    list_key(agency, "qt-1")
    confirm(operator, first, "placement")
    link = {"kind": "part_of", "target": first.number}
    assert caller(client, Role.REVIEWER).post(f"/projects/{second.number}/links", link).status_code == 201

    answer = confirm(operator, second, "placement", documents=[a_scan(second)])

    assert (answer.status_code, confirmations()) == (202, ["placement"])


def test_a_service_account_confirms_nothing(client: FlaskClient, agency: Agency) -> None:
    service = Caller(client, a_service_token(Role.OPERATOR))
    list_key(agency, "qt-1")
    for kind in KINDS:
        answer = confirm(service, a_project(agency, **SENT[kind][2]), kind)

        assert (answer.status_code, code(answer), confirmations()) == (403, "confirmation-needs-a-person", []), kind


def test_a_changed_record_is_out_of_date(
    client: FlaskClient, agency: Agency, operator: Caller, supervisor: Caller
) -> None:
    project = flagged(agency, "placement")
    made = confirm(operator, project, "placement", documents=[a_scan(project)]).get_json()
    editor = caller(client, Role.AGENCY_EDITOR, agency)
    assert editor.change(f"/projects/{project.number}", {"name_ru": "Другой портал"}).status_code == 200

    answer = supervisor.post(f"/approvals/{made['id']}/approval", {})

    assert (answer.status_code, code(answer), confirmations()) == (409, "approval-out-of-date", [])


def asked(agency: Agency, project: Project, client: FlaskClient, documents: list[int]) -> int:
    body = {"kind": "placement", **SENT["placement"][1], **({"documents": documents} if documents else {})}
    editor = caller(client, Role.AGENCY_EDITOR, agency)
    return int(editor.post(f"/projects/{project.number}/confirmation-requests", body).get_json()["id"])


@pytest.mark.parametrize(("decision", "state"), [("approval", "confirmed"), ("rejection", "refused")])
def test_accepting_a_request_proposes_and_the_approval_settles_it(
    client: FlaskClient, agency: Agency, operator: Caller, supervisor: Caller, decision: str, state: str
) -> None:
    project = flagged(agency, "placement")
    request_id = asked(agency, project, client, [a_scan(project)])

    accepted = operator.post(f"/confirmation-requests/{request_id}/confirmation", {}).get_json()

    assert (accepted["state"], confirmations()) == ("waiting", [])
    again = operator.post(f"/confirmation-requests/{request_id}/confirmation", {})
    assert (again.status_code, code(again)) == (409, "approval-already-waiting")
    path = f"/approvals/{accepted['approval']}/{decision}"
    assert supervisor.post(path, {"reason": "Checked"}).status_code == 200
    settled = operator.get(f"/confirmation-requests/{request_id}").get_json()
    assert (settled["state"], settled["decided_by"]) == (state, "supervisor")
    assert confirmations() == (["placement"] if state == "confirmed" else [])


def test_a_request_without_a_document_is_not_accepted(client: FlaskClient, agency: Agency, operator: Caller) -> None:
    request_id = asked(agency, flagged(agency, "placement"), client, [])

    answer = operator.post(f"/confirmation-requests/{request_id}/confirmation", {})

    assert (answer.status_code, code(answer)) == (409, "confirmation-without-document")


def test_an_approval_whose_request_was_cancelled_has_ended(
    client: FlaskClient, agency: Agency, operator: Caller, supervisor: Caller
) -> None:
    project = flagged(agency, "placement")
    request_id = asked(agency, project, client, [a_scan(project)])
    accepted = operator.post(f"/confirmation-requests/{request_id}/confirmation", {}).get_json()
    caller(client, Role.AGENCY_EDITOR, agency).post(f"/confirmation-requests/{request_id}/cancellation", {})

    answer = supervisor.post(f"/approvals/{accepted['approval']}/approval", {})

    assert (answer.status_code, code(answer), confirmations()) == (409, "approval-not-waiting", [])
    assert supervisor.get(f"/approvals/{accepted['approval']}").get_json()["state"] == "outdated"


def test_a_request_whose_approval_was_cancelled_waits_for_none_and_can_be_accepted_again(
    client: FlaskClient, agency: Agency, operator: Caller
) -> None:
    request_id = asked(agency, flagged(agency, "placement"), client, [a_scan(db.session.query(Project).one())])
    path = f"/confirmation-requests/{request_id}"
    first = operator.post(f"{path}/confirmation", {}).get_json()["approval"]
    before = operator.get(path).headers["ETag"]
    operator.post(f"/approvals/{first}/cancellation", {})

    shown = operator.get(path)

    assert (shown.get_json()["state"], shown.get_json()["approval"]) == ("waiting", None)
    assert shown.headers["ETag"] != before
    assert operator.post(f"{path}/confirmation", {}).get_json()["approval"] not in (None, first)


def test_a_withdrawal_ends_what_waits_about_the_project_but_a_restriction(
    client: FlaskClient, agency: Agency, operator: Caller, supervisor: Caller
) -> None:
    project = flagged(agency, "placement")
    placement = confirm(operator, project, "placement", documents=[a_scan(project)]).get_json()["id"]
    secret = {"is_restricted": True, "reason": "State secret"}
    restriction = supervisor.put(f"/projects/{project.number}/restriction", secret).get_json()["id"]
    withdrawal = {"reason": "Twice.", "duplicate_of": None}
    request = ask(ADMINISTRATOR, RequestKind.WITHDRAWAL, project.number, withdrawal).id
    for person in (AIGERIM, SAULE):
        confirm_request(person, RequestKind.WITHDRAWAL, request)

    assert supervisor.get(f"/approvals/{placement}").get_json()["state"] == "outdated"
    assert code(supervisor.post(f"/approvals/{placement}/approval", {})) == "approval-not-waiting"
    other = caller(client, Role.SUPERVISOR, name="timur").post(f"/approvals/{restriction}/approval", {})
    assert other.get_json()["state"] == "approved"
    ended = db.session.scalars(select(JournalEntry.subject).where(JournalEntry.action == "approval.outdated"))
    assert list(ended) == [f"approval:{placement}"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_proposes_with_a_document(signed_in: SignedIn, agency: Agency, kind: str) -> None:
    project = flagged(agency, kind)
    document = a_scan(project)
    visit = signed_in(Role.REVIEWER)
    texts = {name: str(value).replace("2026-09-01", "01.09.2026") for name, value in SENT[kind][1].items()}
    texts = {name: value.replace("2026-12-31", "31.12.2026") for name, value in texts.items()}
    path = f"/projects/{project.number}/confirm-{kind}"

    without = visit.send(path, **texts)
    proposed = visit.send(path, **texts, documents=str(document))

    assert without.status_code == 422 and 'id="documents-error"' in without.text
    assert "Nothing changes until another person approves it." in proposed.text
    assert "act.pdf" in proposed.text and confirmations() == []


@pytest.fixture
def facts_count_when_confirmed() -> Iterator[None]:
    """The shipped policy, by which facts count only when confirmed."""
    usual = first_policy()
    set_policy(load_policy(POLICY_FILE))
    yield
    set_policy(usual)


@pytest.mark.usefixtures("facts_count_when_confirmed")
def test_fact_lifts_its_finding_from_its_confirmation_to_its_next_edit(
    agency: Agency, operator: Caller, supervisor: Caller, client: FlaskClient, present: Present
) -> None:
    began = date(2024, 3, 1)
    started = {"work_type": "creation", "stage": "operation", "work_started_on": began, "contract_signed_on": began}
    project = a_project(agency, **started, commissioned_on=date(2025, 12, 20))
    assert judged(operator, project) == (["freeze.transitional"], {"commissioned_on": "claimed"})
    run_audit(an_actor(Role.OPERATOR))
    path, sent = f"/projects/{project.number}/fact-confirmation", {**SENT["fact"][1], "value": "2025-12-20"}

    made = operator.post(path, {**sent, "documents": [a_scan(project)]}).get_json()
    assert made["changes"] == [{"name": "commissioned_on", "before": None, "after": "2025-12-20"}]
    assert judged(operator, project) == (["freeze.transitional"], {"commissioned_on": "claimed"})
    assert supervisor.post(f"/approvals/{made['id']}/approval", {}).status_code == 200
    run = run_audit(an_actor(Role.OPERATOR))

    assert judged(operator, project) == (["freeze.legacy"], {"commissioned_on": "confirmed"})
    assert verify_audit(an_actor(Role.AUDITOR), run.id).matches
    record = operator.get(f"/projects/{project.number}").get_json()
    assert record["confirmed_facts"] == ["commissioned_on 2026-09-30"]
    present.set(DAY + timedelta(days=1))
    with transaction():
        again = find_project_to_change(ADMINISTRATOR, project.number)
        change_project(ADMINISTRATOR, again, {"commissioned_on": date(2025, 12, 21)})
    later = caller(client, Role.OPERATOR, name="later")
    rules, states = judged(later, project)
    assert ("freeze.transitional" in rules, states) == (True, {"commissioned_on": "claimed"})
    assert verify_audit(an_actor(Role.AUDITOR), run.id).matches


@pytest.mark.usefixtures("facts_count_when_confirmed")
def test_fact_that_was_edited_since_is_not_confirmed(agency: Agency, operator: Caller) -> None:
    began = date(2024, 3, 1)
    project = a_project(agency, contract_signed_on=began, work_started_on=began, commissioned_on=date(2025, 12, 20))
    answer = confirm(operator, project, "fact", documents=[a_scan(project)])
    assert (answer.status_code, code(answer)) == (409, "fact-differs")


@pytest.mark.usefixtures("facts_count_when_confirmed")
@pytest.mark.parametrize(
    ("fact", "given_with", "values"),
    [
        ("consent_number", "contract_signed_on", {"work_type": "modification"}),
        ("security_conclusion_number", "security_conclusion_on", {"security_conclusion_on": date(2026, 9, 1)}),
    ],
)
def test_proposed_confirmation_of_a_fact_is_out_of_date_with_what_the_fact_was_given_with(
    client: FlaskClient,
    agency: Agency,
    operator: Caller,
    supervisor: Caller,
    fact: str,
    given_with: str,
    values: dict[str, Any],
) -> None:
    project = a_project(agency, **{**values, fact: "17-3/45"})
    sent = {"fact": fact, "value": "17-3/45", "evidence": "Letter", "documents": [a_scan(project)]}
    made = operator.post(f"/projects/{project.number}/fact-confirmation", sent).get_json()
    editor = caller(client, Role.AGENCY_EDITOR, agency)
    assert editor.change(f"/projects/{project.number}", {given_with: "2026-09-02"}).status_code == 200
    answer = supervisor.post(f"/approvals/{made['id']}/approval", {})
    assert (answer.status_code, code(answer), confirmations()) == (409, "approval-out-of-date", [])


@pytest.mark.usefixtures("facts_count_when_confirmed")
def test_two_people_confirm_a_fact_that_only_a_later_edit_lets_count(agency: Agency, operator: Caller) -> None:
    began = date(2025, 1, 10)
    values = {"work_type": "maintenance", "consent_number": "17-3/45", "object_commissioned_on": date(2020, 1, 1)}
    project = a_project(agency, **values, stage="operation", contract_signed_on=began, work_started_on=began)
    run_audit(an_actor(Role.OPERATOR))
    assert judged(operator, project) == (["freeze.legacy"], {})
    sent = {"fact": "consent_number", "value": "17-3/45", "evidence": "Letter"}
    path = f"/projects/{project.number}/fact-confirmation"
    assert codes(operator.post(path, sent)) == {("/documents", "scan-required")}
    answer = operator.post(path, {**sent, "documents": [a_scan(project)]})
    assert (answer.status_code, answer.get_json()["kind"], confirmations()) == (202, "fact", [])


@pytest.mark.usefixtures("facts_count_when_confirmed")
def test_pages_name_what_is_claimed_and_an_agency_asks_to_confirm_it(signed_in: SignedIn, agency: Agency) -> None:
    began = date(2024, 3, 1)
    started = {"work_type": "creation", "stage": "operation", "work_started_on": began, "contract_signed_on": began}
    project = a_project(agency, **started, commissioned_on=date(2025, 12, 20))
    document, page = a_scan(project), f"/projects/{project.number}"
    editor = signed_in(Role.AGENCY_EDITOR, agency)
    shown = editor.get(page).text
    assert "20 December 2025 · Claimed, not confirmed" in shown and "Ask for confirmation of a fact" in shown
    path = f"{page}/confirmation-request/fact"
    unchosen = editor.send(path, evidence="Act No. 12", documents=str(document))
    assert unchosen.status_code == 422 and unchosen.text.count("govuk-error-message") == 1
    sent = editor.send(path, fact="commissioned_on", evidence="Act No. 12", documents=str(document))
    assert "Your request is sent." in sent.text and "20 December 2025" in sent.text
    reviewer = signed_in(Role.REVIEWER)
    assert "Confirm a fact of the record" in reviewer.get(page).text
    proposed = reviewer.send(f"{sent.request.path}/confirmation", page=sent.request.path, reason="")
    assert proposed.status_code == 200
    (approval,) = db.session.scalars(select(Approval))
    assert (approval.kind, approval.payload["facts"]) == ("fact", {"fact": "commissioned_on", "value": "2025-12-20"})
    assert "20 December 2025" in signed_in(Role.SUPERVISOR).get(f"/approvals/{approval.id}").text


def judged(who: Caller, project: Project) -> tuple[list[str], dict[str, str]]:
    """The rules that flag the project, and the states of its facts."""
    verdict = who.get(f"/projects/{project.number}/verdict").get_json()
    return [each["rule"] for each in verdict["findings"]], {each["fact"]: each["state"] for each in verdict["facts"]}
