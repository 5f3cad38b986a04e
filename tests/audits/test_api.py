"""Audits over HTTP: run, listed, held ones confirmed and rejected, voided."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, update

from registry.accounts.roles import Role
from registry.accounts.tokens import Token
from registry.agencies.models import Agency
from registry.audits.schedule import exclusive_lock
from registry.audits.service import run_audit
from registry.core.database import transaction
from registry.projects.models import Project
from tests.api.callers import BASE, Caller, caller, code, codes
from tests.audits.nights import breaking
from tests.audits.steps import audited
from tests.factories import a_project, a_service_token, an_actor, an_agency, restrict
from tests.present import Present

TODAY = date(2026, 6, 1)


@pytest.fixture(autouse=True)
def _today(present: Present) -> None:
    present.set(TODAY)


@pytest.fixture
def operator(as_role: Callable[..., Caller]) -> Caller:
    return as_role("operator")


def test_audit_runs_synchronously_and_location_finds_it(operator: Caller, agency: Agency) -> None:
    a_project(agency)
    a_project(an_agency(kind="private"))

    answer = operator.post("/audits", {})
    audit = answer.get_json()

    assert answer.status_code == 201
    assert answer.headers["Location"] == f"{BASE}/audits/{audit['id']}"
    assert (audit["on"], audit["status"], audit["trigger"], audit["dry_run"]) == (
        "2026-06-01",
        "succeeded",
        "manual",
        False,
    )
    assert (audit["projects_judged"], audit["projects_out_of_scope"], audit["projects_flagged"]) == (1, 1, 1)
    assert "changes" not in audit
    again = operator.get(f"/audits/{audit['id']}")
    assert again.get_json() == audit
    assert again.headers["ETag"] == answer.headers["ETag"]
    assert operator.get(f"/audits/{audit['id']}", If_None_Match=answer.headers["ETag"]).status_code == 304


def test_dry_run_returns_changes_and_writes_nothing(operator: Caller, agency: Agency) -> None:
    project = a_project(agency)

    dry = audited(operator, on="2026-12-31", dry_run=True)

    assert {"project": project.number, "rule": "freeze.creation", "severity": "high", "change": "opened"} in dry[
        "changes"
    ]
    assert operator.get(f"/audits/{dry['id']}/changes").get_json()["items"] == dry["changes"]
    assert operator.get("/flags").get_json()["items"] == []
    assert operator.get(f"/projects/{project.number}").get_json()["freeze_status"] == "unaudited"


@pytest.mark.parametrize(
    ("order", "problem"),
    [
        ({"on": "1 June"}, ("/on", "expected-date")),
        ({"on": "2026-02-30"}, ("/on", "no-such-date")),
        ({"on": 20260601}, ("/on", "expected-date")),
        ({"dry_run": "true"}, ("/dry_run", "expected-true-or-false")),
        ({"policy": "mine"}, ("/policy", "unknown-field")),
    ],
)
def test_invalid_audit_request_names_field(operator: Caller, order: object, problem: tuple[str, str]) -> None:
    answer = operator.post("/audits", order)

    assert answer.status_code == 422
    assert codes(answer) == {problem}
    assert operator.get("/audits").get_json()["items"] == []


@pytest.mark.on_both
def test_concurrent_audit_is_a_conflict(own_app: Flask) -> None:
    with own_app.app_context():
        operator = caller(own_app.test_client(), "operator")
        operator.get("/audits")
        with exclusive_lock(), ThreadPoolExecutor(1) as pool:
            refused = pool.submit(operator.post, "/audits", {}).result()

    assert (refused.status_code, code(refused)) == (409, "audit-running")


def test_failed_audit_with_idempotency_key_may_be_retried(
    operator: Caller, agency: Agency, connection: Connection
) -> None:
    a_project(agency)
    with breaking(connection, "INSERT INTO audit_changes"):
        broken = operator.post("/audits", {}, Idempotency_Key="k")
    done = operator.post("/audits", {}, Idempotency_Key="k")

    assert (broken.status_code, done.status_code) == (500, 201)
    assert [run["status"] for run in operator.get("/audits").get_json()["items"]] == ["succeeded", "failed"]


def test_audits_are_listed_newest_first_and_filtered(operator: Caller) -> None:
    first = audited(operator, on="2026-05-30")["id"]
    dry = audited(operator, dry_run=True)["id"]
    last = audited(operator)["id"]

    def ids(query: str) -> list[int]:
        return [item["id"] for item in operator.get(f"/audits{query}").get_json()["items"]]

    assert ids("") == [last, dry, first]
    assert ids("?sort=id") == [first, dry, last]
    assert ids("?dry_run=true") == [dry]
    assert ids("?on_to=2026-05-31&status=succeeded,held") == [first]
    page = operator.get("/audits?limit=2").get_json()
    assert ids(f"?limit=2&cursor={page['next']}") == [first]
    for wrong in ("?status=good", "?sort=on", "?on=today", "?limit=0", "?cursor=abc", "?order=id", "?dry_run=yes"):
        assert operator.get(f"/audits{wrong}").status_code == 400


def test_changes_of_restricted_projects_are_hidden_and_reads_journalled(
    operator: Caller, supervisor: Caller, agency: Agency
) -> None:
    number = a_project(agency).number
    restrict(number)
    path = f"/audits/{audited(operator)['id']}/changes"

    assert operator.get(path).get_json()["items"] == []
    assert {item["project"] for item in supervisor.get(path).get_json()["items"]} == {number}
    read = supervisor.get("/journal?action=restricted.read").get_json()["items"][0]
    assert (read["subject"], read["details"]) == (f"project:{number}", {"what": "audit changes"})


@pytest.fixture
def held(supervisor: Caller, agency: Agency, present: Present) -> dict[str, Any]:
    """Return an audit of 1 June held by the change threshold: all 60 clear projects would be flagged."""
    for number in range(60):
        a_project(agency, placement="on_platform", platform_key=f"k-{number}")
    with transaction() as session:
        session.execute(update(Project).values(placement_verified_on=date(2026, 5, 1)))
    assert audited(supervisor, on="2026-05-31")["projects_flagged"] == 0
    with transaction() as session:
        session.execute(update(Project).values(placement_verified_on=None))
    return audited(supervisor)


def test_held_audit_returns_held_and_changes_nothing(supervisor: Caller, held: dict[str, Any]) -> None:
    assert held["status"] == "held"
    assert held["held_because"] == {
        "newly_flagged": 60,
        "newly_clear": 0,
        "severity_raised": 0,
        "severity_lowered": 0,
        "judged_by_last_audit": 60,
    }
    assert supervisor.get("/flags").get_json()["items"] == []
    assert len(supervisor.get(f"/audits/{held['id']}/changes?limit=500").get_json()["items"]) >= 60


def test_supervisor_confirms_held_audit_once(supervisor: Caller, operator: Caller, held: dict[str, Any]) -> None:
    path = f"/audits/{held['id']}/confirmation"
    reason = {"reason": "The inventory of 1 June is right."}
    assert operator.post(path, reason).status_code == 403
    assert codes(supervisor.post(path, {})) == {("/reason", "required")}
    assert codes(supervisor.post(path, {**reason, "sure": True})) == {("/sure", "unknown-field")}
    before = supervisor.get(f"/audits/{held['id']}").headers["ETag"]

    confirmed = supervisor.post(path, reason)

    assert (confirmed.status_code, confirmed.get_json()["id"], confirmed.get_json()["status"]) == (
        200,
        held["id"],
        "succeeded",
    )
    assert confirmed.headers["ETag"] != before
    again = supervisor.post(path, reason)
    assert (again.status_code, code(again)) == (409, "audit-not-held")
    assert supervisor.post("/audits/999999/confirmation", reason).status_code == 404


def test_supervisor_rejects_held_audit_once(supervisor: Caller, operator: Caller, held: dict[str, Any]) -> None:
    path = f"/audits/{held['id']}/rejection"
    reason = {"reason": "The inventory of 1 June was empty."}
    assert operator.post(path, reason).status_code == 403
    assert codes(supervisor.post(path, {"reason": " "})) == {("/reason", "required")}

    rejected = supervisor.post(path, reason).get_json()

    assert (rejected["status"], rejected["held_decision"]["decision"]) == ("rejected", "rejected")
    assert rejected["held_decision"]["reason"] == "The inventory of 1 June was empty."
    assert supervisor.get("/flags").get_json()["items"] == []
    for again in (path, f"/audits/{held['id']}/confirmation"):
        assert code(supervisor.post(again, reason)) == "audit-not-held"


def test_operator_proposes_and_supervisor_confirms_voiding(
    operator: Caller, as_role: Callable[..., Caller], client: FlaskClient, agency: Agency, present: Present
) -> None:
    a_project(agency)
    present.set(date(2027, 7, 6))
    ahead = run_audit(an_actor(Role.OPERATOR))
    present.set(TODAY)
    path = f"/audits/{ahead.id}"
    assert codes(operator.post(f"{path}/voiding", {"reason": " "})) == {("/reason", "required")}
    confirmation = f"{path}/voiding-confirmation"
    assert codes(operator.post(confirmation, {})) == {("/proposed_at", "required")}
    assert code(operator.post(confirmation, {"proposed_at": "2026-06-01T00:00:00Z"})) == "voiding-not-proposed"
    proposed = operator.post(f"{path}/voiding", {"reason": "The clock was 400 days ahead."})
    assert proposed.status_code == 200
    body = proposed.get_json()
    assert (body["status"], body["voiding"]["reason"]) == ("succeeded", "The clock was 400 days ahead.")
    assert (body["voiding"]["proposed_role"], body["voiding"]["confirmed_by"]) == ("operator", None)
    seen = {"proposed_at": body["voiding"]["proposed_at"]}
    refused = operator.post(confirmation, seen)
    assert (refused.status_code, code(refused)) == (403, "voiding-needs-second-person")
    supervisor = as_role("supervisor")
    stale = supervisor.post(confirmation, {"proposed_at": "2026-06-01T00:00:00Z"})
    assert (stale.status_code, code(stale)) == (409, "voiding-proposal-changed")
    service = Caller(client, a_service_token(Role.SUPERVISOR))
    assert code(service.post(confirmation, seen)) == "scope-not-granted"
    # Tokens of earlier versions have no scopes, which stands for all.
    with transaction() as session:
        session.execute(update(Token).where(Token.role == "supervisor").values(scopes=None))
    refused = service.post(confirmation, seen)
    assert (refused.status_code, code(refused)) == (403, "voiding-needs-a-person")
    voided = supervisor.post(confirmation, seen)
    assert voided.status_code == 200
    assert (voided.get_json()["status"], voided.get_json()["on"]) == ("voided", "2027-07-06")
    assert voided.headers["ETag"] != proposed.headers["ETag"]
    again = operator.post(f"{path}/voiding", {"reason": "Again"})
    assert (again.status_code, code(again)) == (409, "audit-not-voidable")
    assert [item["id"] for item in operator.get("/audits?status=voided").get_json()["items"]] == [ahead.id]
    assert audited(operator)["on"] == "2026-06-01"
