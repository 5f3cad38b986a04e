"""Activation of a policy: by another supervisor, with the impact that was shown, from a day; the audit checks it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from registry.accounts.roles import Role, RoleNotAllowed
from registry.audits.policy_activation import (
    PolicyActivationNeedsAnotherPerson,
    PolicyActivationNeedsAPerson,
    PolicyDateTaken,
    PolicyImpactChanged,
    PolicyNotScheduled,
    PolicyVerdictCasesFail,
    activate_policy,
    differing_projects,
    impact_of,
    withdraw_activation,
)
from registry.audits.queries import visible_run
from registry.audits.verdicts import verdict_of
from registry.core.database import db, transaction
from registry.core.errors import Invalid
from registry.freeze.policy import policy_in_force
from registry.freeze.policy_file import read_policy
from registry.journal.service import JournalEntry
from registry.policies.queries import PolicyNotFound, find_policy
from registry.policies.service import PolicyNotDraft, change_draft, draft_policy, draft_to_change
from registry.projects.service import find_project, find_project_to_change, restrict_project
from tests.audits.policy_steps import SAULE, TIMUR, activate, draft
from tests.audits.steps import OLD_SYSTEM, audit, edit, flags_of
from tests.factories import a_project, an_account, an_actor, an_agency, with_account
from tests.inbox.people import a_person
from tests.present import Present

DAY = date(2026, 11, 5)
TOMORROW = DAY + timedelta(days=1)
WEAKER: dict[str, Any] = {"rules": {"freeze.creation": {"severity": "low"}}}


def digest(version: str = "2026.2") -> str:
    return impact_of(TIMUR, version).digest


def test_audits_use_the_version_from_its_day(app: Flask, present: Present) -> None:
    present.set(DAY)
    record = a_project(an_agency())
    audit()
    draft(**WEAKER)
    activate(on=TOMORROW)
    assert (policy_in_force().version, policy_in_force(TOMORROW).version) == ("2026.1", "2026.2")
    project = find_project(SAULE, record.number)
    verdicts = {on: verdict_of(project, on, "en") for on in (DAY, TOMORROW)}
    assert [verdicts[on]["policy_version"] for on in (DAY, TOMORROW)] == ["2026.1", "2026.2"]
    assert [verdicts[on]["findings"][0]["severity"] for on in (DAY, TOMORROW)] == ["high", "low"]
    assert audit().policy_version == "2026.1"
    assert find_policy(SAULE, "2026.2").state == "scheduled"
    present.set(TOMORROW)
    run = audit()
    assert run.policy_version == policy_in_force().version == "2026.2"
    assert flags_of(record) == [("freeze.creation", "low", "open")]
    assert (find_policy(SAULE, "2026.2").state, find_policy(SAULE, "2026.1").state) == ("in_force", "former")
    assert read_policy(find_policy(SAULE, "2026.2").text, "exported").in_force_from == TOMORROW


def test_scheduled_activation_is_taken_back_and_the_version_is_a_draft_again(app: Flask, present: Present) -> None:
    present.set(DAY)
    record = a_project(an_agency())
    audit()
    draft(**WEAKER)
    activate(on=TOMORROW)
    with pytest.raises(RoleNotAllowed):
        withdraw_activation(an_actor(Role.REVIEWER), "2026.2")
    withdraw_activation(SAULE, "2026.2")
    shown = find_policy(SAULE, "2026.2")
    assert (shown.state, shown.in_force_from) == ("draft", None)
    assert (shown.stored.activated_by, shown.stored.impact_digest) == (None, None)
    entry = db.session.scalars(select(JournalEntry).order_by(JournalEntry.seq.desc()).limit(1)).one()
    assert (entry.action, entry.subject) == ("policy.activation-withdrawn", "policy:2026.2")
    assert (entry.principal, entry.details) == ("saule", '{"on":"2026-11-06"}')
    present.set(TOMORROW)
    assert audit().policy_version == "2026.1"
    assert flags_of(record) == [("freeze.creation", "high", "open")]
    activate(on=TOMORROW + timedelta(days=1))
    assert find_policy(SAULE, "2026.2").state == "scheduled"


def test_whoever_wrote_the_draft_does_not_activate_it(app: Flask, present: Present) -> None:
    present.set(DAY)
    draft(**WEAKER)
    with pytest.raises(PolicyActivationNeedsAnotherPerson):
        activate_policy(SAULE, "2026.2", digest(), DAY)
    with transaction():
        change_draft(TIMUR, draft_to_change(TIMUR, "2026.2"), {"pilot_limit_months": 6})
    with pytest.raises(PolicyActivationNeedsAnotherPerson):
        activate_policy(TIMUR, "2026.2", digest(), DAY)
    with pytest.raises(RoleNotAllowed):
        activate_policy(an_actor(Role.REVIEWER), "2026.2", digest(), DAY)
    activate_policy(an_actor(Role.SUPERVISOR, name="dana"), "2026.2", digest(), DAY)


def test_impact_that_has_changed_is_not_activated(app: Flask, present: Present) -> None:
    present.set(DAY)
    record = a_project(an_agency())
    audit()
    draft(**WEAKER)
    shown = digest()
    edit(record, work_started_on="2025-02-01", contract_signed_on="2025-01-20")
    with pytest.raises(PolicyImpactChanged):
        activate_policy(TIMUR, "2026.2", shown, DAY)
    fresh = digest()
    assert fresh != shown
    present.set(TOMORROW)
    with pytest.raises(PolicyImpactChanged):
        activate_policy(TIMUR, "2026.2", fresh, TOMORROW)
    activate_policy(TIMUR, "2026.2", digest(), TOMORROW)


def test_draft_that_has_changed_has_another_digest(app: Flask, present: Present) -> None:
    present.set(DAY)
    draft(**WEAKER)
    shown = digest()
    with transaction():
        change_draft(SAULE, draft_to_change(SAULE, "2026.2"), {"deadlines": {"answer": 11}})
    with pytest.raises(PolicyImpactChanged):
        activate_policy(TIMUR, "2026.2", shown, DAY)


def test_activation_is_from_today_on_and_one_a_day(app: Flask, present: Present) -> None:
    present.set(DAY)
    draft(**WEAKER)
    draft("2026.3", pilot_limit_months=6)
    with pytest.raises(Invalid):
        activate_policy(TIMUR, "2026.2", digest(), DAY - timedelta(days=1))
    activate()
    with pytest.raises(PolicyDateTaken):
        activate_policy(TIMUR, "2026.3", digest("2026.3"), DAY)
    with pytest.raises(PolicyNotDraft):
        activate_policy(TIMUR, "2026.2", digest(), TOMORROW)
    with pytest.raises(PolicyNotDraft), transaction():
        draft_to_change(SAULE, "2026.2")


def test_failing_expected_verdict_blocks_activation(app: Flask, present: Present) -> None:
    present.set(DAY)
    case = {
        "name": "A pilot of 13 months",
        "on": "2026-03-01",
        "facts": {
            "agency_kind": "central_body",
            "work_type": "creation",
            "stage": "creation",
            "placement": "off_platform",
            "contract_signed_on": "2026-01-20",
            "work_started_on": "2026-02-01",
            "budget_kzt": 1,
        },
        "expected": ["freeze.legacy"],
    }
    draft(verdict_cases=[case], pilot_limit_months=6)
    with pytest.raises(PolicyVerdictCasesFail) as failed:
        activate_policy(TIMUR, "2026.2", digest(), DAY)
    assert failed.value.params == {"version": "2026.2", "count": 1, "names": "A pilot of 13 months"}
    with transaction():
        change_draft(SAULE, draft_to_change(SAULE, "2026.2"), {"rules": {"freeze.creation": {"enabled": False}}})
    activate()


def test_audit_says_how_it_differs_from_the_promise(app: Flask, present: Present) -> None:
    present.set(DAY)
    agency = an_agency()
    first, second = a_project(agency), a_project(agency, **OLD_SYSTEM)
    audit()
    draft(**WEAKER, case_from_severity="low")
    activate(on=TOMORROW)
    late = a_project(agency)
    with transaction():
        restrict_project(SAULE, find_project_to_change(SAULE, late.number), True, "State secret")
    edit(second, work_type="creation", contract_signed_on="2026-02-01", work_started_on="2026-03-01")
    present.set(TOMORROW)
    run = audit()
    checked = visible_run(SAULE, run)["promise_check"]
    assert (checked["version"], checked["as_promised"]) == ("2026.2", False)
    assert checked["unexpected"]["newly_flagged"] == 1
    narrowed = visible_run(an_actor(Role.REVIEWER), run)["promise_check"]
    assert narrowed["unexpected"]["newly_flagged"] == 0
    assert late.number in differing_projects(SAULE, run)["unexpected"]["newly_flagged"]
    assert differing_projects(an_actor(Role.REVIEWER), run)["unexpected"]["newly_flagged"] == []
    assert first.number not in str(differing_projects(SAULE, run))
    # Only the first audit by the version is compared.
    assert audit().promise_check is None


def test_service_account_is_no_second_person_and_activates_nothing(app: Flask, present: Present) -> None:
    present.set(DAY)
    owner = a_person("dana", Role.SUPERVISOR)
    with transaction():
        an_account("robot", Role.SUPERVISOR).owner_account_id = owner.account_id
    robot = replace(with_account(an_actor(Role.SUPERVISOR, name="robot")), is_person=False)
    draft_policy(robot, {"version": "2026.2", **WEAKER})
    with pytest.raises(PolicyActivationNeedsAnotherPerson):
        activate_policy(owner, "2026.2", digest(), DAY)
    with pytest.raises(PolicyActivationNeedsAPerson):
        activate_policy(replace(TIMUR, is_person=False), "2026.2", digest(), DAY)
    shown = activate(on=DAY)["digest"]
    entry = db.session.scalars(select(JournalEntry).where(JournalEntry.action == "policy.activated")).one()
    assert (entry.principal, entry.subject) == ("timur", "policy:2026.2")
    assert json.loads(entry.details)["impact_digest"] == shown


def test_only_a_scheduled_activation_is_taken_back(app: Flask, present: Present) -> None:
    present.set(DAY)
    draft(**WEAKER)
    for version in ("2026.1", "2026.2"):
        with pytest.raises(PolicyNotScheduled):
            withdraw_activation(SAULE, version)
    activate(on=DAY)
    with pytest.raises(PolicyNotScheduled):
        withdraw_activation(SAULE, "2026.2")
    with pytest.raises(PolicyNotFound):
        withdraw_activation(SAULE, "1999")
    assert find_policy(SAULE, "2026.2").state == "in_force"
