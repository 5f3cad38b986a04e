"""Decisions on audits over HTTP: held audits confirmed and rejected, audits voided."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from registry.accounts.roles import Role
from registry.accounts.tokens import Token
from registry.agencies.models import Agency
from registry.audits.service import run_audit
from registry.core.database import transaction
from registry.projects.models import Project
from tests.api.callers import Caller, code, codes
from tests.audits.steps import audited
from tests.factories import a_project, a_service_token, an_actor
from tests.present import Present

TODAY = date(2026, 6, 1)


@pytest.fixture(autouse=True)
def _today(present: Present) -> None:
    present.set(TODAY)


@pytest.fixture
def operator(as_role: Callable[..., Caller]) -> Caller:
    return as_role("operator")


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
