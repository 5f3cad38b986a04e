"""Verification of past audits by command line and API, and ``known_at``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, func, select, update

from registry.accounts.roles import Role
from registry.audits.models import PolicyText
from registry.audits.past import verify_audit
from registry.core.database import db, transaction
from registry.flags.former_flags import FormerFlag, flags_written_by
from registry.flags.models import AuditRun, Flag
from registry.freeze.policy import first_policy, set_policy
from registry.freeze.policy_file import read_policy
from registry.journal.service import JournalEntry
from registry.policies.models import PolicyVersion
from registry.projects.models import Project
from registry.projects.service import find_project_to_change, restrict_project
from tests.api.callers import Caller, code
from tests.audits.policy_steps import activate, draft
from tests.audits.steps import AUDITOR, OLD_SYSTEM, OPERATOR, SUPERVISOR, audit, edit, table, verify
from tests.factories import a_project, an_agency
from tests.fixtures.cli import CommandLine
from tests.freeze.policy_texts import SHIPPED
from tests.present import Present

DAY = date(2026, 6, 1)


@pytest.fixture(autouse=True)
def _today(present: Present) -> None:
    present.set(DAY)


@pytest.fixture
def auditor(as_role: Callable[..., Caller]) -> Caller:
    return as_role("auditor")


def tamper(project_id: int) -> None:
    """Change a flag behind the services' back, as if the last audit had written it so."""
    with transaction() as session, flags_written_by(session.execute(select(func.max(AuditRun.id))).scalar_one()):
        session.execute(update(Flag).where(Flag.project_id == project_id).values(severity="low"))


def test_audit_matches_after_a_later_edit(app: Flask, present: Present) -> None:
    project = a_project()
    run = audit()
    present.move(timedelta(days=1))
    edit(project, work_started_on="2025-10-01", contract_signed_on="2025-10-01")
    later = audit()
    assert [each for each in table(FormerFlag) if each["ended_by_audit"] == later.id] != []
    verification = verify_audit(AUDITOR, run.id)
    assert (verification.matches, verification.differences) == (True, [])
    assert verification.digest.repeated == verification.digest.recorded != later.input_digest
    assert verify_audit(AUDITOR, later.id).matches


def test_verification_writes_nothing(app: Flask) -> None:
    a_project()
    run = audit()
    before = [table(model) for model in (AuditRun, Flag, FormerFlag, JournalEntry)]
    verify_audit(AUDITOR, run.id)
    assert [table(model) for model in (AuditRun, Flag, FormerFlag, JournalEntry)] == before


def test_tampered_flag_is_listed(app: Flask) -> None:
    project = a_project()
    number, project_id = project.number, project.id
    run = audit()
    tamper(project_id)
    verification = verify_audit(AUDITOR, run.id)
    assert not verification.matches
    (difference,) = verification.differences
    assert (difference.project, difference.rule, difference.what) == (number, "freeze.creation", "flag")
    assert difference.recorded is not None
    assert difference.recorded.startswith("open low ")
    assert difference.repeated is not None
    assert difference.repeated.startswith("open high ")


def test_tampered_fact_changes_the_digest(app: Flask) -> None:
    project_id = a_project().id
    run = audit()
    with transaction() as session:
        session.execute(update(Project).where(Project.id == project_id).values(budget_kzt=1))
    verification = verify_audit(AUDITOR, run.id)
    assert not verification.matches
    assert verification.digest.repeated != verification.digest.recorded


def test_restricted_differences_are_shown_to_those_who_may_see_them(app: Flask) -> None:
    project = a_project()
    number, project_id = project.number, project.id
    run = audit()
    tamper(project_id)
    with transaction():
        restrict_project(SUPERVISOR, find_project_to_change(SUPERVISOR, number), True, "Secret.")
    hidden = verify_audit(OPERATOR, run.id)
    assert (hidden.matches, hidden.differences, hidden.counts) == (False, [], [])
    assert [each.project for each in verify_audit(AUDITOR, run.id).differences] == [number]
    read = select(JournalEntry.subject).where(JournalEntry.action == "restricted.read")
    assert db.session.scalars(read).all() == [f"project:{number}"]


def test_audit_that_cannot_be_repeated_says_why(auditor: Caller) -> None:
    a_project()
    run = audit()
    with transaction() as session:
        session.execute(update(AuditRun).values(policy_digest="2" * 64))
    answer = auditor.get(f"/audits/{run.id}/verification")
    assert (answer.status_code, code(answer)) == (409, "audit-policy-missing")
    with transaction() as session:
        session.execute(update(AuditRun).values(known_at=None))
    assert code(auditor.get(f"/audits/{run.id}/verification")) == "audit-too-old"
    with transaction() as session:
        session.execute(update(AuditRun).values(status="failed"))
    assert code(auditor.get(f"/audits/{run.id}/verification")) == "audit-not-finished"


def test_altered_policy_text_is_not_used(own_app: Flask) -> None:
    # The owner of the tables; the role of the service deletes no text.
    with own_app.app_context():
        a_project()
        audit()
        with transaction() as session:
            assert session.scalar(select(PolicyText.text)) is not None
            session.execute(delete(PolicyText))
        # The policy in force still has that digest.
        assert verify_audit(AUDITOR, audit().id).matches


def test_audits_match_after_later_versions_of_the_policy(app: Flask, present: Present) -> None:
    a_project()
    hosted = a_project(**OLD_SYSTEM, placement="on_platform")
    verify(hosted, DAY)
    runs = [audit()]
    file_policy = first_policy()
    try:
        # Another file in a later release: nothing but the stored texts says what the audits used.
        set_policy(read_policy(SHIPPED.replace('version = "2026.12.1"', 'version = "2028.1"'), "policy.toml"))
        creation = [{"freeze.creation": rule} for rule in ({"severity": "low"}, {"enabled": False})]
        for place, rules in enumerate((*creation, {"security.untested": {"enabled": True}}), 2):
            version = f"2026.{place}"
            draft(version, rules=rules)
            activate(version, present.move(timedelta(days=1)).date())
            runs.append(audit())
        assert [run.policy_version for run in runs] == ["2026.1", "2026.2", "2026.3", "2026.4"]
        stored = {row["digest"]: row["text"] for row in table(PolicyText)}
        texts = {row["digest"]: row["text"] for row in table(PolicyVersion)}
        assert texts.items() <= stored.items()
        assert set(stored) == {run.policy_digest for run in runs}
        assert [run.flags_cleared for run in runs] == [0, 0, 1, 0]
        # A rule that holds on the platform too.
        assert [row["project_id"] for row in table(Flag) if row["rule"] == "security.untested"] == [hosted.id]
        assert [verify_audit(AUDITOR, run.id).matches for run in runs] == [True] * 4
    finally:
        set_policy(file_policy)


def test_command_ends_with_0_1_or_7(registry: CommandLine, services: Callable[[], Any], present: Present) -> None:
    with services():
        project_id = a_project().id
        run_id = audit().id
    matching = registry("audits", "verify", str(run_id))
    assert (matching.code, matching.err) == (0, f"Audit {run_id} matches what was recorded.\n")
    assert "projects_flagged" in matching.out
    with services():
        tamper(project_id)
    differing = registry("audits", "verify", str(run_id), "--json")
    assert differing.code == 1
    assert [each["rule"] for each in differing.json["differences"]] == ["freeze.creation"]
    with services(), transaction() as session:
        session.execute(update(AuditRun).values(known_at=None))
    old = registry("audits", "verify", str(run_id))
    assert (old.code, old.out) == (7, "")
    assert "cannot be repeated because" in old.err


def test_verdict_of_the_past_judges_what_was_known(auditor: Caller, present: Present) -> None:
    project = a_project()
    audit()
    known_at = present.move(timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    present.move(timedelta(hours=20))
    edit(project, placement="on_platform", platform_key="qt-9")
    path = f"/projects/{project.number}/verdict"
    on = "on=2026-06-01"
    rules = [
        [finding["rule"] for finding in auditor.get(f"{path}?{query}").get_json()["findings"]]
        for query in (on, f"{on}&known_at={known_at}", f"{on}&known_at=2026-06-01", "known_at=2026-06-01")
    ]
    assert rules[0] != rules[1]
    assert rules[1] == rules[2] == rules[3] == ["freeze.creation"]


def test_restricted_project_stays_hidden_in_the_past(
    as_role: Callable[..., Caller], auditor: Caller, present: Present
) -> None:
    project = a_project(an_agency())
    present.move(timedelta(hours=20))
    with transaction():
        restrict_project(SUPERVISOR, find_project_to_change(SUPERVISOR, project.number), True, "Secret.")
    path = f"/projects/{project.number}/verdict?known_at=2026-06-01"
    assert as_role(Role.OPERATOR).get(path).status_code == 404
    assert auditor.get(path).status_code == 200


def test_flags_of_the_past_are_listed_as_they_were(auditor: Caller, present: Present) -> None:
    project = a_project()
    audit()
    present.move(timedelta(hours=13))
    edit(project, work_started_on="2025-10-01", contract_signed_on="2025-10-01")
    audit()
    path = f"/projects/{project.number}/flags"
    now = [(flag["rule"], flag["status"]) for flag in auditor.get(path).get_json()["items"]]
    then = auditor.get(f"{path}?known_at=2026-06-01&sort=severity").get_json()
    assert ("freeze.creation", "cleared") in now
    assert [(flag["rule"], flag["status"], flag["cleared_on"]) for flag in then["items"]] == [
        ("freeze.creation", "open", None)
    ]
    assert (then["items"][0]["changed_at"], then["items"][0]["last_seen_on"]) == (
        "2026-06-01T07:00:00.000000Z",
        "2026-06-01",
    )
    assert auditor.get(f"{path}?known_at=2026-06-03").status_code == 422


def test_flags_before_their_history_are_not_known(auditor: Caller, present: Present) -> None:
    project = a_project()
    audit()
    with transaction() as session:
        session.execute(update(AuditRun).values(known_at=None))
    present.move(timedelta(hours=20))
    audit()
    answer = auditor.get(f"/projects/{project.number}/flags?known_at=2026-06-01")
    assert (answer.status_code, code(answer)) == (409, "flags-not-known")
    assert auditor.get(f"/projects/{project.number}/flags?known_at=2026-06-02").status_code == 200
