"""Case life cycles over HTTP: actions, edits, audits and decisions of the Commission."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from tests.api.callers import Caller
from tests.factories import a_token, approve_waiting, project_values
from tests.present import Present

LAW = {"reason": "The contract of December 2025.", "legal_basis": "Decree of 10 December 2025, clause 1"}
GAP = {
    "work_type": "maintenance",
    "stage": "operation",
    "work_started_on": "2025-01-10",
    "contract_signed_on": "2025-01-10",
}


@pytest.fixture(autouse=True)
def monday(present: Present) -> None:
    present.set(date(2026, 2, 16))


def long_lived_token(client: FlaskClient, role: Role, agency: Agency | None = None) -> Caller:
    """A caller whose token outlives the story."""
    return Caller(client, a_token(role, agency, lifetime=timedelta(days=90)))


@pytest.fixture
def reviewer(client: FlaskClient) -> Caller:
    return long_lived_token(client, Role.REVIEWER)


@pytest.fixture
def supervisor(client: FlaskClient) -> Caller:
    return long_lived_token(client, Role.SUPERVISOR)


@pytest.fixture
def operator(client: FlaskClient) -> Caller:
    return long_lived_token(client, Role.OPERATOR)


@pytest.fixture
def editor(client: FlaskClient, agency: Agency) -> Caller:
    return long_lived_token(client, Role.AGENCY_EDITOR, agency)


def done(answer: Any, status: int = 200) -> dict[str, Any]:
    assert answer.status_code == status, answer.get_json()
    body: dict[str, Any] = answer.get_json()
    return body


def registered(editor: Caller, agency: Agency, **values: str) -> str:
    return str(done(editor.post("/projects", {"agency": agency.bin, **project_values(**values)}), 201)["number"])


def audit(operator: Caller) -> None:
    assert done(operator.post("/audits", {}), 201)["status"] == "succeeded"


def taken(reviewer: Caller, number: str) -> str:
    """The path of the project's new case, after the reviewer claimed it."""
    case = done(reviewer.get(f"/cases?project={number}&status=new"))["items"][0]["id"]
    done(reviewer.post(f"/cases/{case}/claim", {}))
    return f"/cases/{case}"


def decided(reviewer: Caller, supervisor: Caller, case: str, **proposal: str) -> dict[str, Any]:
    done(reviewer.post(f"{case}/propose", {**proposal, **LAW}))
    return done(supervisor.post(f"{case}/approve", {}))


def flags(actor: Caller, number: str) -> dict[str, str]:
    items = done(actor.get(f"/projects/{number}/flags"))["items"]
    return {flag["rule"]: flag["status"] for flag in items}


def test_accepted_case_reopens_when_facts_change(
    reviewer: Caller, supervisor: Caller, editor: Caller, operator: Caller, agency: Agency, present: Present
) -> None:
    number = registered(editor, agency)
    audit(operator)
    case = taken(reviewer, number)
    assert decided(reviewer, supervisor, case, decision="transitional_accepted")["status"] == "closed"
    present.set(date(2026, 2, 17))
    done(editor.change(f"/projects/{number}", {"work_started_on": "2026-02-10", "contract_signed_on": "2026-02-05"}))
    audit(operator)
    again = done(reviewer.get(case))
    assert (again["status"], again["events"][-1]["action"]) == ("under_review", "reopened")
    assert flags(reviewer, number)["freeze.creation"] == "open"


def test_case_returns_day_after_exemption_ends(
    reviewer: Caller, supervisor: Caller, editor: Caller, operator: Caller, agency: Agency, present: Present
) -> None:
    number = registered(editor, agency)
    audit(operator)
    case = taken(reviewer, number)
    assert done(reviewer.post(f"{case}/refer", {}))["status"] == "with_commission"
    exemption = {
        "project": number,
        "decision_number": "14-K",
        "decided_on": "2026-02-16",
        "valid_from": "2026-02-16",
        "valid_to": "2026-03-31",
    }
    document = supervisor.upload(f"/projects/{number}/documents", b"%PDF-1.7", "decision.pdf").get_json()["id"]
    done(supervisor.post("/exemptions", exemption | {"documents": [document]}), 202)
    approve_waiting()
    audit(operator)
    assert flags(reviewer, number) == {"freeze.creation": "exempt"}
    ending = done(reviewer.get("/exemptions?in_force=true&valid_to_to=2026-03-31&sort=valid_to"))["items"]
    assert [item["project"] for item in ending] == [number]
    present.set(date(2026, 4, 1))
    audit(operator)
    assert (done(reviewer.get(case))["status"], flags(reviewer, number)) == (
        "under_review",
        {"freeze.creation": "open"},
    )
    assert done(reviewer.get("/exemptions?in_force=true"))["items"] == []


def test_ignored_order_becomes_overdue_and_flagged(
    reviewer: Caller, supervisor: Caller, editor: Caller, operator: Caller, agency: Agency, present: Present
) -> None:
    number = registered(editor, agency)
    audit(operator)
    case = taken(reviewer, number)
    assert decided(reviewer, supervisor, case, decision="migrate_by", due_on="2026-03-20")["status"] == "remediation"
    present.set(date(2026, 3, 21))
    audit(operator)
    assert flags(reviewer, number) == {"freeze.creation": "open", "migration.order-overdue": "open"}
    overdue = done(reviewer.get("/cases?overdue=true"))["items"]
    assert [(item["project"], item["status"]) for item in overdue] == [(number, "remediation")]


def test_flags_cleared_by_edit_wait_for_reviewer(
    reviewer: Caller, editor: Caller, operator: Caller, agency: Agency
) -> None:
    number = registered(editor, agency, **GAP)
    audit(operator)
    case = taken(reviewer, number)
    done(editor.change(f"/projects/{number}", {"object_commissioned_on": "2020-01-01"}))
    audit(operator)
    assert done(reviewer.get(case))["status"] == "awaiting_confirmation"
    assert done(editor.get(case))["status"] == "awaiting_confirmation"
    assert done(reviewer.post(f"{case}/confirm", {}))["outcome"] == "resolved"


def test_proposal_waits_for_another_approver(
    client: FlaskClient, reviewer: Caller, supervisor: Caller, editor: Caller, operator: Caller, agency: Agency
) -> None:
    number = registered(editor, agency)
    audit(operator)
    case = taken(supervisor, number)
    done(supervisor.post(f"{case}/propose", {"decision": "write_off", **LAW}))
    waiting = {
        name: [item["project"] for item in done(who.get("/cases?to_approve=true"))["items"]]
        for name, who in {
            "proposer": supervisor,
            "another": long_lived_token(client, Role.SUPERVISOR),
            "reviewer": reviewer,
            "agency": editor,
        }.items()
    }
    assert waiting == {"proposer": [], "another": [number], "reviewer": [], "agency": []}
