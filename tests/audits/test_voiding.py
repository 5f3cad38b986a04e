"""Voided audits no longer count: nightly audits run again, and the next one corrects flags and cases."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from registry.accounts.roles import Role, RoleNotAllowed
from registry.audits.jobs import run_due_audit
from registry.audits.service import (
    AuditNotFound,
    AuditNotLatest,
    AuditNotVoidable,
    VoidingNeedsAPerson,
    VoidingNeedsSecondPerson,
    VoidingNotProposed,
    VoidingProposalChanged,
    confirm_voiding,
    find_audit,
    may_confirm_voiding,
    propose_voiding,
    void_audit,
)
from registry.cases.models import Case
from registry.cases.sync import revoke_exemption
from registry.core.clock import local_instant
from registry.core.database import db, transaction
from registry.core.lists import Page
from registry.flags.models import AuditRun, Flag, last_good_date
from registry.flags.queries import flags_of
from registry.journal.service import JournalEntry
from registry.journal.verification import verify_stored
from registry.platform.confirmations import confirm_onboarding
from registry.projects.service import find_project_to_change
from tests.audits.steps import AUDITOR, OPERATOR, SUPERVISOR, audit, exempt, installed, table, verify
from tests.factories import a_project, an_actor
from tests.present import Present

TWO, NOON = time(2), time(12)
DAY = date(2026, 10, 5)
FUTURE = date(2027, 11, 10)
REASON = "The clock was 401 days ahead."


def days(number: int) -> date:
    return DAY + timedelta(days=number)


def proposed_at(run: AuditRun) -> str:
    voiding = db.session.scalars(select(AuditRun.voiding).where(AuditRun.id == run.id)).one()
    assert voiding is not None
    return str(voiding["proposed_at"])


def night(present: Present, day: date) -> AuditRun:
    present.set(local_instant(day, TWO))
    run = run_due_audit(TWO)
    assert run is not None
    return run


@pytest.fixture
def jumped(app: Flask, present: Present) -> AuditRun:
    """Run a nightly audit, then one 401 days ahead; the clock is correct again at noon of the first day."""
    installed(local_instant(DAY, time(1)))
    a_project()
    night(present, DAY)
    run = night(present, FUTURE)
    assert run.on == FUTURE
    present.set(DAY)
    return run


def test_voided_run_and_its_missed_dates_no_longer_block_nightly_audits(jumped: AuditRun, present: Present) -> None:
    present.set(local_instant(days(1), NOON))
    assert run_due_audit(TWO) is None
    void_audit(OPERATOR, jumped.id, REASON)
    assert last_good_date() == DAY
    run = run_due_audit(TWO)
    assert run is not None
    assert (run.on, run.status) == (days(1), "succeeded")
    assert night(present, days(2)).on == days(2)
    by_status: dict[str, list[date]] = {}
    for row in table(AuditRun):
        by_status.setdefault(row["status"], []).append(row["on"])
    assert by_status["succeeded"] == [DAY, days(1), days(2)]
    assert "missed" not in by_status
    assert sorted(by_status["voided"]) == [days(number) for number in range(1, 402)]


def test_dates_passed_without_audit_before_voiding_stay_missed(jumped: AuditRun, present: Present) -> None:
    present.set(local_instant(days(10), NOON))
    void_audit(OPERATOR, jumped.id, REASON)
    run = run_due_audit(TWO)
    assert run is not None
    assert run.on == days(10)
    missed = [row["on"] for row in table(AuditRun) if row["status"] == "missed"]
    assert missed == [days(number) for number in range(1, 10)]


def test_voiding_is_journalled_with_reason_and_counts(jumped: AuditRun) -> None:
    void_audit(OPERATOR, jumped.id, REASON)
    entry = table(JournalEntry)[-1]
    assert (entry["action"], entry["subject"], entry["principal"]) == (
        "audit.voided",
        f"audit:{jumped.id}",
        OPERATOR.principal,
    )
    assert f'"reason":"{REASON}"' in entry["details"] and '"missed_voided":400' in entry["details"]
    # The entries are whole; that their time went back stays to be seen until somebody explains it.
    assert {fault.code for fault in verify_stored()} == {"time-wrong"}


def test_flags_and_cases_are_correct_after_next_audit(app: Flask, present: Present) -> None:
    installed(local_instant(DAY, time(1)))
    # Always flagged; a pilot that becomes too long; an onboarding that becomes overdue; always clear.
    present.set(DAY - timedelta(days=1))
    flagged = a_project()
    pilot = a_project(stage="pilot", pilot_started_on="2026-09-01", work_started_on="2026-02-01")
    clear = a_project(placement="on_platform")
    verify(clear, DAY - timedelta(days=1))
    night(present, DAY)
    before = active_flags()
    cases_before = cases()
    run = night(present, FUTURE)
    assert (pilot.id, "freeze.pilot-limit", "open", FUTURE, None) in active_flags()
    present.set(local_instant(DAY, NOON))
    assert (before, cases_before) != (active_flags(), cases())
    void_audit(OPERATOR, run.id, REASON)
    assert active_flags() == before
    cleared = [row for row in table(Flag) if row["status"] == "cleared"]
    assert {(row["opened_on"], row["cleared_on"]) for row in cleared} == {(DAY, DAY)}
    assert night(present, days(1)).status == "succeeded"
    assert active_flags() == before
    assert cases() == cases_before
    for project in (flagged, pilot, clear):
        for flag in flags_of(AUDITOR, project.number, Page(), "en").items:
            assert flag["opened_on"] <= days(1) and (flag["cleared_on"] or DAY) <= days(1)


def test_flags_cleared_by_voided_audit_are_active_again(app: Flask, present: Present) -> None:
    installed(local_instant(DAY, time(1)))
    project = a_project(stage="planning", contract_signed_on="2027-06-01", work_started_on="2027-06-01")
    night(present, DAY)
    before = active_flags()
    assert [row[:3] for row in before] == [(project.id, "freeze.planned", "open")]
    run = night(present, FUTURE)
    assert [row[1] for row in active_flags()] == ["freeze.creation"]
    ids = {row["id"] for row in table(Flag) if row["rule"] == "freeze.planned"}
    present.set(DAY)
    void_audit(OPERATOR, run.id, REASON)
    assert active_flags() == before
    night(present, days(1))
    assert active_flags() == before
    assert {row["id"] for row in table(Flag) if row["rule"] == "freeze.planned"} == ids


def test_flag_cleared_by_voided_audit_is_open_when_its_exemption_was_revoked_since(
    app: Flask, present: Present
) -> None:
    installed(local_instant(DAY, time(1)))
    project = a_project(stage="planning", contract_signed_on="2027-06-01", work_started_on="2027-06-01")
    exemption = exempt(project, DAY, days(30))
    night(present, DAY)
    assert [row[2] for row in active_flags()] == ["exempt"]
    run = night(present, FUTURE)
    present.set(DAY)
    revoke_exemption(SUPERVISOR, exemption.id, None)
    void_audit(OPERATOR, run.id, REASON)
    assert [row[1:3] for row in active_flags()] == [("freeze.planned", "open")]


def test_case_of_voided_audit_has_no_future_date(app: Flask, present: Present) -> None:
    installed(local_instant(DAY, time(1)))
    present.set(DAY - timedelta(days=1))
    moving = a_project(placement="onboarding", onboarding_due_on="2027-01-01")
    with transaction():
        confirm_onboarding(OPERATOR, find_project_to_change(OPERATOR, moving.number), date(2027, 1, 1))
    night(present, DAY)
    run = night(present, FUTURE)
    assert [case["opened_by_audit"] for case in table(Case)] == [run.id]
    present.set(DAY)
    void_audit(OPERATOR, run.id, REASON)
    for case in table(Case):
        assert case["project_id"] == moving.id
        assert case["opened_at"].date() <= DAY
        assert case["due_on"] <= date(2026, 11, 3)


def test_operator_and_supervisor_void_together(jumped: AuditRun) -> None:
    proposed = propose_voiding(OPERATOR, jumped.id, REASON)
    assert (proposed.status, proposed.voiding and proposed.voiding["proposed_by"]) == ("succeeded", OPERATOR.principal)
    for second in (
        OPERATOR,
        an_actor(Role.OPERATOR, name="another"),
        replace(SUPERVISOR, principal=OPERATOR.principal),
    ):
        with pytest.raises(VoidingNeedsSecondPerson):
            confirm_voiding(second, jumped.id, proposed_at(jumped))
    voided = confirm_voiding(SUPERVISOR, jumped.id, proposed_at(jumped))
    assert voided.status == "voided" and voided.voiding is not None
    assert voided.voiding["confirmed_by"] == SUPERVISOR.principal
    actions = [row["action"] for row in table(JournalEntry)][-2:]
    assert actions == ["audit.voiding-proposed", "audit.voided"]


def test_proposal_that_replaced_the_one_that_was_seen_is_not_confirmed(jumped: AuditRun, present: Present) -> None:
    propose_voiding(OPERATOR, jumped.id, REASON)
    seen = proposed_at(jumped)
    present.move(timedelta(seconds=1))
    propose_voiding(an_actor(Role.OPERATOR, name="another"), jumped.id, "Another reason.")
    for stale in (seen, ""):
        with pytest.raises(VoidingProposalChanged):
            confirm_voiding(SUPERVISOR, jumped.id, stale)
    assert find_audit(OPERATOR, jumped.id).status == "succeeded"
    voided = confirm_voiding(SUPERVISOR, jumped.id, proposed_at(jumped))
    assert voided.voiding is not None and voided.voiding["reason"] == "Another reason."


def test_only_latest_future_audit_can_be_voided(jumped: AuditRun, present: Present) -> None:
    first = db.session.scalars(select(AuditRun.id).where(AuditRun.on == DAY)).one()
    missed = db.session.scalars(select(AuditRun.id).where(AuditRun.status == "missed").limit(1)).one()
    with pytest.raises(AuditNotVoidable):
        void_audit(OPERATOR, first, REASON)
    with pytest.raises(AuditNotVoidable):
        void_audit(OPERATOR, missed, REASON)
    with pytest.raises(AuditNotFound):
        void_audit(OPERATOR, 10**6, REASON)
    with pytest.raises(RoleNotAllowed):
        propose_voiding(AUDITOR, jumped.id, REASON)
    with pytest.raises(VoidingNotProposed):
        confirm_voiding(SUPERVISOR, jumped.id, "")
    later = night(present, FUTURE + timedelta(days=1))
    present.set(DAY)
    with pytest.raises(AuditNotLatest):
        void_audit(OPERATOR, jumped.id, REASON)
    void_audit(OPERATOR, later.id, REASON)
    void_audit(OPERATOR, jumped.id, REASON)
    with pytest.raises(AuditNotVoidable):
        void_audit(OPERATOR, jumped.id, REASON)
    assert audit().on == DAY


def active_flags() -> list[tuple[Any, ...]]:
    """Return (project, rule, status, opened on, cleared on) of the active flags."""
    names = ("project_id", "rule", "status", "opened_on", "cleared_on")
    return sorted(tuple(row[name] for name in names) for row in table(Flag) if row["status"] != "cleared")


def cases() -> list[tuple[Any, ...]]:
    """Return (project, status, severity, due on) of every case."""
    return sorted((row["project_id"], row["status"], row["severity"], row["due_on"]) for row in table(Case))


def test_service_account_neither_proposes_nor_confirms_a_voiding(jumped: AuditRun) -> None:
    for role in (Role.OPERATOR, Role.SUPERVISOR):
        with pytest.raises(VoidingNeedsAPerson):
            propose_voiding(replace(an_actor(role), is_person=False), jumped.id, REASON)
    propose_voiding(OPERATOR, jumped.id, REASON)
    assert not may_confirm_voiding(replace(SUPERVISOR, is_person=False), jumped)
    with pytest.raises(VoidingNeedsAPerson):
        confirm_voiding(replace(SUPERVISOR, is_person=False), jumped.id, proposed_at(jumped))
    assert find_audit(OPERATOR, jumped.id).status == "succeeded"
