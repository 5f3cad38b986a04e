"""Confirmations and exemptions over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import select

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.core.database import db
from registry.exemptions.service import record_exemption
from registry.journal.service import JournalEntry
from tests.api.callers import Caller, code, codes
from tests.factories import a_project, a_token, an_actor, audit_without_findings, list_key
from tests.present import Present

TODAY = date(2026, 6, 1)


@pytest.fixture(autouse=True)
def _today(present: Present) -> None:
    present.set(TODAY)


def test_verified_project_is_clear_from_that_date_on(reviewer: Caller, agency: Agency) -> None:
    number = a_project(agency, placement="on_platform").number
    list_key(agency, "k-9")
    sent = {"platform_key": "k-9", "verified_on": "2026-05-20", "evidence": "QazTech's list"}

    answer = reviewer.post(f"/projects/{number}/placement-verification", sent)

    assert answer.status_code == 200
    assert answer.get_json()["placement_verified_on"] == "2026-05-20"
    assert answer.get_json()["platform_key"] == "k-9"
    assert answer.headers["ETag"] == reviewer.get(f"/projects/{number}").headers["ETag"]
    outcomes = [
        reviewer.get(f"/projects/{number}/verdict?on={day}").get_json()["outcome"]
        for day in ("2026-05-19", "2026-05-20")
    ]
    assert outcomes == ["flagged", "clear"]


def test_only_a_claimed_placement_with_the_same_key_is_verified(reviewer: Caller, agency: Agency) -> None:
    sent = {"platform_key": "k-9", "verified_on": "2026-05-20", "evidence": "List"}
    off = a_project(agency).number
    other = a_project(agency, placement="on_platform", platform_key="k-1").number

    assert code(reviewer.post(f"/projects/{off}/placement-verification", sent)) == "placement-not-claimed"
    assert code(reviewer.post(f"/projects/{other}/placement-verification", sent)) == "platform-key-differs"


def test_confirmation_requires_evidence_and_no_future_date(reviewer: Caller, agency: Agency) -> None:
    path = f"/projects/{a_project(agency, placement='on_platform').number}/placement-verification"

    assert codes(reviewer.post(path, {"platform_key": " ", "evidence": None})) == {
        ("/platform_key", "required"),
        ("/verified_on", "required"),
        ("/evidence", "required"),
    }
    ahead = {"platform_key": "k", "verified_on": "2026-06-02", "evidence": "List"}
    assert codes(reviewer.post(path, ahead)) == {("/verified_on", "date-after-today")}


def test_onboarding_is_confirmed_once_and_extended_once_by_a_reviewer(
    reviewer: Caller, agency: Agency, as_role: Callable[..., Caller]
) -> None:
    path = f"/projects/{a_project(agency, placement='onboarding').number}/onboarding-confirmation"
    operator = as_role("operator")
    audit_without_findings()

    first = operator.post(path, {"due_on": "2026-09-01"})
    assert (first.status_code, first.get_json()["onboarding_due_on"]) == (200, "2026-09-01")
    assert operator.post(path, {"due_on": "2026-10-01"}).status_code == 403
    assert reviewer.post(path, {"due_on": "2026-12-02"}).status_code == 422
    assert reviewer.post(path, {"due_on": "2026-12-01"}).status_code == 200
    assert code(reviewer.post(path, {"due_on": "2026-12-01"})) == "onboarding-already-extended"


def test_ending_is_confirmed_in_a_final_stage(reviewer: Caller, agency: Agency) -> None:
    sent = {"ended_on": "2026-05-01", "consent_number": "17-3", "evidence": "Act"}
    running = a_project(agency).number
    ended = a_project(agency, stage="terminated").number

    audit_without_findings()

    assert code(reviewer.post(f"/projects/{running}/ending-confirmation", sent)) == "stage-not-final"
    answer = reviewer.post(f"/projects/{ended}/ending-confirmation", sent)
    assert (answer.status_code, answer.get_json()["ending_confirmed_on"]) == (200, "2026-06-01")


def exemption_of(number: str, **values: object) -> dict[str, object]:
    usual = {
        "project": number,
        "decision_number": "5-1",
        "decided_on": "2026-05-10",
        "valid_from": "2026-05-10",
        "valid_to": "2026-06-10",
    }
    return usual | values


def recorded(number: str) -> int:
    """The id of an exemption that two people recorded."""
    values = {
        name: date.fromisoformat(str(exemption_of(number)[name])) for name in ("decided_on", "valid_from", "valid_to")
    }
    return record_exemption(an_actor(Role.SUPERVISOR), exemption_of(number) | values).id


@pytest.mark.on_both
def test_concurrent_revocations_of_an_exemption_conflict(own_app: Flask) -> None:
    with own_app.app_context():
        token = a_token("supervisor")
        number = a_project().number
        exemption_id = recorded(number)
    at_once = Barrier(8)

    def revoke(place: int) -> int:
        supervisor = Caller(own_app.test_client(), token)
        at_once.wait(60)
        return supervisor.post(f"/exemptions/{exemption_id}/revocation", {"reason": f"No. {place}"}).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(revoke, range(8)))

    assert sorted(statuses) == [200, *[409] * 7]
    with own_app.app_context():
        entries = select(JournalEntry.seq).where(JournalEntry.action == "exemption.revoked")
        assert len(db.session.scalars(entries).all()) == 1


def test_exemption_needs_its_dates_in_order_and_a_project(supervisor: Caller, agency: Agency) -> None:
    number = a_project(agency).number

    missing = supervisor.post("/exemptions", {"project": number})
    later = {"valid_to": "2026-05-09", "decided_on": "2026-06-02"}
    turned = supervisor.post("/exemptions", exemption_of(number, **later, documents=[1]))
    unknown = supervisor.post("/exemptions", exemption_of("QT-2026-0000001-4", documents=[1]))

    assert codes(missing) == {
        (f"/{name}", "required") for name in ("decision_number", "decided_on", "valid_from", "valid_to", "documents")
    }
    assert codes(turned) == {
        ("/valid_to", "date-before"),
        ("/valid_from", "date-after"),
        ("/decided_on", "date-after-today"),
    }
    assert codes(unknown) == {("/project", "project-unknown")}
