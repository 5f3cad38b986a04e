"""The record of a project as it was known at a past moment: by API, and with its verdict on the history page."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from registry.accounts.roles import Role
from registry.audits.past import policy_known_at, record_known_at, run_known_at
from registry.audits.service import void_audit
from registry.audits.verdicts import verdict_of
from registry.core.clock import now
from registry.core.database import transaction
from registry.flags.models import AuditRun
from registry.freeze.policy import policy_in_force
from registry.projects.models import Project
from registry.projects.queries import read_whole
from registry.projects.service import find_project, find_project_to_change, restrict_project
from registry.requests.models import RequestKind
from registry.requests.service import ask, confirm
from tests.api.callers import Caller, code
from tests.audits.policy_steps import activate, draft
from tests.audits.steps import AUDITOR, OPERATOR, SUPERVISOR, audit, edit
from tests.factories import ADMINISTRATOR, a_project, an_actor, an_agency, project_values
from tests.fixtures.web import SignedIn
from tests.present import Present

DAY = date(2026, 6, 1)


@pytest.fixture(autouse=True)
def _today(present: Present) -> None:
    present.set(DAY)


@pytest.fixture
def auditor(as_role: Callable[..., Caller]) -> Caller:
    return as_role("auditor")


def text_of(page: str) -> str:
    """The words of a page."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def a_past(present: Present) -> Project:
    """A project that was flagged on the first day and is placed on QazTech since the next."""
    project = a_project(an_agency(name_en="Ministry of Roads"), cost_by_year=[{"year": 2026, "amount_kzt": 1}])
    audit()
    present.move(timedelta(days=1))
    edit(project, placement="on_platform", platform_key="qt-9", budget_kzt=77, cost_by_year=None)
    audit()
    return project


def test_record_of_the_past_is_the_one_that_was_shown_then(auditor: Caller, present: Present) -> None:
    project = a_project(an_agency(), cost_by_year=[{"year": 2026, "amount_kzt": 1}])
    audit()
    path = f"/projects/{project.number}"
    then = auditor.get(path).get_json()
    assert "known_at" not in then
    present.move(timedelta(hours=20))
    edit(project, placement="on_platform", platform_key="qt-9", budget_kzt=77, cost_by_year=None)
    audit()
    now_shown = auditor.get(path).get_json()
    answer = auditor.get(f"{path}?known_at=2026-06-01")
    assert answer.get_json() == {**then, "known_at": "2026-06-01T18:59:59.999999Z"}
    assert (then["freeze_status"], then["placement"], then["version"]) == ("flagged", "off_platform", 1)
    assert (now_shown["placement"], now_shown["version"], now_shown["budget_kzt"]) == ("on_platform", 2, 77)
    assert auditor.get(f"{path}?known_at=2026-06-02").get_json() == {
        **now_shown,
        "known_at": "2026-06-02T03:00:00.000000Z",
    }
    assert answer.headers["ETag"] != auditor.get(path).headers["ETag"]


def test_record_of_a_project_that_is_restricted_today_is_hidden(
    as_role: Callable[..., Caller], auditor: Caller, present: Present
) -> None:
    project = a_project(an_agency())
    present.move(timedelta(hours=20))
    with transaction():
        restrict_project(SUPERVISOR, find_project_to_change(SUPERVISOR, project.number), True, "Secret.")
    path = f"/projects/{project.number}?known_at=2026-06-01"
    assert as_role(Role.OPERATOR).get(path).status_code == 404
    assert auditor.get(path).get_json()["is_restricted"] is False


def test_record_of_a_withdrawn_project_says_since_when(auditor: Caller, present: Present) -> None:
    project = a_project()
    audit()
    request = ask(ADMINISTRATOR, RequestKind.WITHDRAWAL, project.number, {"reason": "Registered twice."})
    for name in ("second", "third"):
        confirm(an_actor(Role.SUPERVISOR, name=name), RequestKind.WITHDRAWAL, request.id, "Yes.")
    present.move(timedelta(hours=1))
    then = auditor.get(f"/projects/{project.number}?known_at=2026-06-01T07:30:00Z").get_json()
    assert (then["freeze_status"], then["withdrawn_at"]) == ("withdrawn", "2026-06-01T07:00:00.000000Z")


def test_freeze_status_before_the_history_of_flags_is_not_known(auditor: Caller, present: Present) -> None:
    project = a_project()
    audit()
    with transaction() as session:
        session.execute(update(AuditRun).values(known_at=None))
    present.move(timedelta(hours=20))
    audit()
    answer = auditor.get(f"/projects/{project.number}?known_at=2026-06-01")
    assert (answer.status_code, code(answer)) == (409, "flags-not-known")


def test_voided_audit_counts_until_it_was_voided(app: Flask, present: Present) -> None:
    project = a_project()
    present.set(DAY + timedelta(days=30))
    run_id = audit().id
    present.set(DAY)
    with transaction() as session:
        # The clock was right again when the audit ended.
        session.execute(update(AuditRun).values(finished_at=now()))
    known = now()
    present.move(timedelta(hours=1))
    void_audit(OPERATOR, run_id, "Wrong clock.")
    later = present.move(timedelta(hours=1))
    before, after = run_known_at(known), run_known_at(later)
    assert (before is not None and before.id, after) == (run_id, None)
    row = read_whole(AUDITOR, project.number, "project")
    assert record_known_at(row, later)["freeze_status"] == "unaudited"


def test_policy_in_force_is_known_before_its_first_audit(app: Flask, present: Present) -> None:
    a_project()
    audit()
    draft(rules={"freeze.creation": {"severity": "low"}})
    present.move(timedelta(hours=1))
    before = now() - timedelta(minutes=1)
    activate(on=DAY + timedelta(days=1))
    present.set(DAY + timedelta(days=1))
    assert policy_in_force().version == "2026.2"
    assert (policy_known_at(now()).version, policy_known_at(before).version) == ("2026.2", "2026.1")
    assert policy_known_at(now(), DAY).version == "2026.1"
    assert policy_known_at(before, DAY + timedelta(days=9)).version == "2026.1"


def test_day_is_judged_by_the_policy_that_is_in_force_on_it(as_role: Callable[..., Caller], present: Present) -> None:
    project = a_project()
    audit()
    draft(rules={"freeze.creation": {"severity": "low"}})
    activate(on=DAY + timedelta(days=1))
    draft("2026.3", rules={"freeze.creation": {"severity": "medium"}})
    activate("2026.3", on=DAY + timedelta(days=5))
    present.set(DAY + timedelta(days=1))
    audit()
    known = now().isoformat().replace("+00:00", "Z")
    present.move(timedelta(hours=1))
    supervisor = as_role("supervisor")
    versions = {0: ("2026.1", "high"), 1: ("2026.2", "low"), 4: ("2026.2", "low"), 5: ("2026.3", "medium")}
    for after, (version, severity) in versions.items():
        day = (DAY + timedelta(days=after)).isoformat()
        address = f"/projects/{project.number}/verdict?on={day}"
        verdict = supervisor.get(address).get_json()
        known_then = supervisor.get(f"{address}&known_at={known}").get_json()
        dry_run = supervisor.post("/audits", {"on": day, "dry_run": True}).get_json()
        explained = verdict_of(find_project(AUDITOR, project.number), date.fromisoformat(day), "en")
        for each in (verdict, known_then, explained):
            assert (each["policy_version"], each["findings"][0]["severity"]) == (version, severity), day
        assert dry_run["policy_version"] == version
    sent = {**project_values(), "agency": project.agency.bin}
    checked = as_role("administrator").post(f"/projects/check?on={DAY.isoformat()}", sent).get_json()
    assert checked["policy_version"] == "2026.1"


def test_history_page_shows_record_and_verdict_of_a_past_date(signed_in: SignedIn, present: Present) -> None:
    project = a_past(present)
    path = f"/projects/{project.number}/history"
    visit = signed_in(Role.AUDITOR)
    plain = visit.get(path).text
    assert 'name="known_at"' in plain and "freeze.creation" not in plain
    page = visit.get(f"{path}?known_at=01.06.2026")
    words = text_of(page.text)
    assert page.status_code == 200
    assert "As known on 1 June 2026" in words and "Verdict by policy 2026.1" in words and "freeze.creation" in words
    assert "Off the platform today: On QazTech" in words or "today: " in words
    assert "Ministry of Roads" in words
    assert "As known on 2 June 2026" in text_of(visit.get(f"{path}?known_at=2026-06-02").text)
