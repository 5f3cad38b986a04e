"""Cases over HTTP: the whole review, permissions, lists, and what each caller sees."""

from __future__ import annotations

from datetime import date

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from registry.accounts.roles import Role
from registry.accounts.tokens import Token
from registry.agencies.models import Agency
from registry.audits.service import run_audit
from registry.core.database import db, transaction
from registry.journal.service import JournalEntry
from registry.projects.models import Project
from tests.api.callers import Caller, caller, code, codes, done
from tests.factories import a_project, a_service_token, an_actor, restrict
from tests.present import Present

PROPOSAL = {
    "decision": "no_breach",
    "reason_code": "wrong_data",
    "reason": "The date was mistyped.",
    "legal_basis": "Decree of 10 December 2025, clause 1",
}


SHOWN = {
    "id", "project", "agency", "status", "severity", "assignee", "flags", "proposal", "decisions", "due_on",
    "opened_at",
}  # fmt: skip


@pytest.fixture(autouse=True)
def monday(present: Present) -> None:
    present.set(date(2026, 2, 16))


def test_case_fields_match_contract_in_list_and_detail(case: str, reviewer: Caller) -> None:
    alone = reviewer.get(case).get_json()
    listed = reviewer.get("/cases").get_json()["items"][0]
    assert set(listed) >= SHOWN
    assert {name: alone[name] for name in listed} == listed
    assert alone["actions"] == ["claim", "assign", "comment"]
    assert alone["flags"][0]["rule"] == "freeze.creation"
    assert {"required", "remedy", "clause", "observed"} <= set(alone["flags"][0])


def test_service_account_may_do_everything_but_decide(case: str, client: FlaskClient) -> None:
    service = Caller(client, a_service_token(Role.SUPERVISOR))
    done(service.post(f"{case}/claim", {}))
    done(service.post(f"{case}/propose", PROPOSAL))
    for account in (service, Caller(client, a_service_token(Role.SUPERVISOR))):
        answer = account.post(f"{case}/approve", {})
        # Nobody gives a service account the scope decisions:approve.
        assert (answer.status_code, code(answer)) == (403, "scope-not-granted")
    with transaction() as session:
        # As tokens of earlier versions, which have every scope.
        session.execute(update(Token).values(scopes=None))
    answer = service.post(f"{case}/approve", {})
    assert (answer.status_code, code(answer)) == (403, "approval-needs-a-person")
    # With one person's approval only one person would have decided: a person takes the proposal over first.
    supervisor = caller(client, Role.SUPERVISOR)
    answer = supervisor.post(f"{case}/approve", {})
    assert (answer.status_code, code(answer)) == (403, "proposal-needs-a-person")
    assert "approve" not in supervisor.get(case).get_json()["actions"]
    done(supervisor.post(f"{case}/return", {"comment": "I propose it myself."}))
    done(supervisor.post(f"{case}/propose", PROPOSAL))
    assert done(caller(client, Role.SUPERVISOR).post(f"{case}/approve", {}))["status"] == "closed"


def test_action_body_is_optional_but_validated(case: str, reviewer: Caller) -> None:
    assert reviewer.call("POST", f"{case}/claim").status_code == 200
    assert reviewer.call("POST", f"{case}/release", data="x", content_type="text/plain").status_code == 415
    assert codes(reviewer.post(f"{case}/release", {"why": "x"})) == {("/why", "unknown-field")}
    assert codes(reviewer.post(f"{case}/assign", {})) == {("/assignee", "required")}
    assert codes(reviewer.post(f"{case}/comment", {})) == {("/comment", "required")}


def test_invalid_proposal_names_field_and_writes_nothing(case: str, reviewer: Caller) -> None:
    done(reviewer.post(f"{case}/claim", {}))
    for changes, pointer, problem in (
        ({"decision": "granted"}, "/decision", "not-a-choice"),
        ({"decision": None}, "/decision", "required"),
        ({"reason": " "}, "/reason", "required"),
        ({"legal_basis": None}, "/legal_basis", "required"),
        ({"reason_code": None}, "/reason_code", "required"),
        ({"reason_code": "bribe"}, "/reason_code", "not-a-choice"),
        ({"decision": "transitional_accepted"}, "/reason_code", "not-with-this-decision"),
        ({"due_on": "2026-03-01"}, "/due_on", "not-with-this-decision"),
        ({"decision": "migrate_by", "reason_code": None}, "/due_on", "required"),
        ({"decision": "stop", "reason_code": None}, "/due_on", "required"),
        ({"decision": "stop", "reason_code": None, "due_on": "2026-02-15"}, "/due_on", "date-before-today"),
    ):
        answer = reviewer.post(f"{case}/propose", PROPOSAL | changes)
        assert (answer.status_code, codes(answer)) == (422, {(pointer, problem)}), changes
    assert reviewer.get(case).get_json()["status"] == "under_review"


def test_reviewer_opens_case_from_watch_list(reviewer: Caller, supervisor: Caller, agency: Agency) -> None:
    weak = a_project(
        agency, work_type="maintenance", stage="operation", work_started_on="2020-01-01",
        contract_signed_on="2020-01-01", object_commissioned_on="2020-01-01",
    )  # fmt: skip
    assert reviewer.post("/cases", {"project": weak.number}).status_code == 409
    run_audit(an_actor(Role.OPERATOR))
    opened = reviewer.post("/cases", {"project": weak.number})
    assert opened.status_code == 201
    assert opened.headers["Location"] == f"/api/v1/cases/{opened.get_json()['id']}"
    assert opened.headers["ETag"] == reviewer.get(f"/cases/{opened.get_json()['id']}").headers["ETag"]
    assert code(supervisor.post("/cases", {"project": weak.number})) == "case-already-open"
    assert codes(reviewer.post("/cases", {"project": "QT-2026-9999999-1"})) == {("/project", "project-unknown")}


def test_case_list_filters(case: str, reviewer: Caller) -> None:
    for query, is_listed in [
        ("status=new", True),
        ("status=closed", False),
        ("severity=high", True),
        ("severity=low,medium", False),
        ("rule=freeze.creation", True),
        ("rule=freeze.legacy", False),
        ("region=71", True),
        ("region=75", False),
        ("sector=07", True),
        ("overdue=false", True),
        ("overdue=true", False),
        ("is_assigned=false", True),
        ("assignee=somebody", False),
        ("due_on=2026-03-17", True),
        ("due_on_to=2026-03-16", False),
        ("sort=-severity", True),
        ("sort=opened_at", True),
    ]:
        answer = reviewer.get(f"/cases?{query}")
        assert answer.status_code == 200
        assert bool(answer.get_json()["items"]) is is_listed, query


def test_case_is_overdue_day_after_due_date(case: str, reviewer: Caller, present: Present) -> None:
    for day, overdue in ((17, 0), (18, 1)):
        present.set(date(2026, 3, day))
        later = caller(reviewer._client, Role.REVIEWER)
        assert len(later.get("/cases?overdue=true").get_json()["items"]) == overdue


def test_restricted_case_is_hidden_and_each_read_is_journalled(
    case: str, project: Project, reviewer: Caller, supervisor: Caller, editor: Caller
) -> None:
    restrict(project.number)
    assert reviewer.get(case).status_code == 404
    assert reviewer.get("/cases").get_json()["items"] == []
    assert reviewer.post(f"{case}/claim", {}).status_code == 404
    assert supervisor.get(case).status_code == 200
    assert supervisor.get("/cases").get_json()["items"]
    assert editor.get(case).status_code == 200
    read = select(JournalEntry.details).where(
        JournalEntry.action == "restricted.read", JournalEntry.subject == f"project:{project.number}"
    )
    assert sorted(db.session.scalars(read)) == ['{"what":"case"}', '{"what":"case"}', '{"what":"cases"}']
