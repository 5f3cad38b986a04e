"""Attestation in the law: until when a record counts as confirmed, and the rule for those that are not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

from registry.freeze.evaluation import evaluate
from registry.freeze.rules import attestation_due, attested_before, fact_states
from tests.freeze.factories import AS_ENTERED, POLICY, facts, past, with_rule

ENABLED = with_rule(AS_ENTERED, "integrity.unattested", enabled=True)
A_DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("attested_on", "due"),
    [
        (date(2026, 3, 2), date(2026, 9, 2)),
        (date(2026, 8, 31), date(2027, 2, 28)),
        (date(2027, 8, 30), date(2028, 2, 29)),
    ],
)
def test_next_attestation_is_due_six_calendar_months_later(attested_on: date, due: date) -> None:
    assert attestation_due(attested_on, POLICY) == due


def test_policy_with_zero_months_asks_for_no_attestation() -> None:
    policy = replace(ENABLED, attestation_months=0)
    assert attestation_due(date(2020, 1, 1), policy) is None
    assert attested_before(date(2026, 5, 5), policy) is None
    old = facts(attested_on=date(2020, 1, 1), registered_on=date(2019, 1, 1))
    assert "integrity.unattested" not in [finding.rule for finding in evaluate(old, policy, date(2026, 5, 5))]


# The day on which it is due, the day after, and a day of which an earlier month has no such day.
@example(date(2026, 3, 2), date(2026, 9, 2), 6)
@example(date(2026, 3, 1), date(2026, 9, 2), 6)
@example(date(2026, 2, 28), date(2026, 8, 31), 6)
@given(st.dates(date(2000, 1, 1), date(2090, 1, 1)), st.dates(date(2000, 1, 1), date(2090, 1, 1)), st.integers(1, 600))
def test_attestations_up_to_the_computed_day_are_those_due_before(attested: date, day: date, months: int) -> None:
    policy = replace(POLICY, attestation_months=months)
    last, due = attested_before(day, policy), attestation_due(attested, policy)
    assert last is not None and due is not None
    assert (attested <= last) == (due < day)


def test_rule_holds_from_the_day_after_the_due_date_and_leaves_the_other_findings_alone() -> None:
    record = facts(attested_on=date(2026, 1, 15))
    before, after = (evaluate(record, ENABLED, day) for day in (date(2026, 7, 15), date(2026, 7, 16)))
    assert [finding.rule for finding in before] == ["freeze.legacy"]
    assert [(finding.rule, finding.severity) for finding in after] == [
        ("freeze.legacy", "plan"),
        ("integrity.unattested", "low"),
    ]
    assert after[1].observed == {"attested_on": "2026-01-15"}


def test_registration_counts_until_the_first_attestation() -> None:
    record = facts(registered_on=date(2026, 1, 10))
    rules = [[finding.rule for finding in evaluate(record, ENABLED, date(2026, 7, 10) + day * A_DAY)] for day in (0, 1)]
    assert rules == [["freeze.legacy"], ["freeze.legacy", "integrity.unattested"]]


def test_ended_and_confirmed_projects_need_no_attestation() -> None:
    day = date(2026, 12, 1)
    ended = facts(stage="archived", ended_on=date(2026, 6, 1), ending_confirmed_on=date(2026, 7, 1))
    placed = facts(placement="on_platform", placement_verified_on=date(2026, 2, 1))
    assert evaluate(ended, ENABLED, day) == () == evaluate(placed, ENABLED, day)


TAKEN_OVER = replace(POLICY, confirmed_facts=replace(POLICY.confirmed_facts, taken_over_before=date(2026, 12, 1)))
LETTER = {"work_type": "modification", "contract_signed_on": date(2026, 2, 2), "work_started_on": None}


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"registered_on": date(2026, 11, 30)}, "taken_over"),
        ({"registered_on": date(2026, 12, 1)}, "claimed"),
        ({"past": (past(consent_number="7-2", replaced_on=date(2026, 11, 30)),)}, "taken_over"),
        ({"past": (past(consent_number="7-2", replaced_on=date(2026, 12, 1)),)}, "claimed"),
        ({"attested_on": date(2026, 11, 30)}, "taken_over"),
        ({"attested_on": date(2026, 12, 1)}, "confirmed"),
        ({"attested_on": date(2027, 1, 2)}, "taken_over"),
    ],
)
def test_fact_from_before_the_rule_is_taken_over_until_the_next_attestation(
    changes: dict[str, Any], state: str
) -> None:
    judged = facts(**LETTER, consent_number="7-1", **changes)
    assert fact_states(judged, TAKEN_OVER, date(2027, 1, 1))["consent_number"] == state


STATED = {"object_original_cost_kzt": 5, "consent_number": "7-1", "security_conclusion_number": "12"}
FROM_THE_CUTOFF = {"contract_signed_on": date(2026, 1, 1), "work_started_on": None, "budget_kzt": 100_000_000}


@pytest.mark.parametrize(
    ("changes", "asked"),
    [
        # Of new work from the first day of the freeze on; the rule on security tests is off.
        (STATED | FROM_THE_CUTOFF, {"object_commissioned_on"}),
        (STATED | {"work_type": "modification"}, set()),
        ({"is_ai": True, "ai_risk_class": "high"}, set()),
        ({"ai_risk_class": "minimal", "past": (past(ai_risk_class="high"),)}, set()),
    ],
)
def test_fact_needs_a_confirmation_only_where_it_could_lift_a_finding(changes: dict[str, Any], asked: set[str]) -> None:
    assert fact_states(facts(**changes), POLICY, date(2026, 5, 5)).keys() == asked


def test_fact_that_is_taken_over_counts_when_an_edit_is_judged() -> None:
    proven = {"consent_number": "7-1", "budget_kzt": 10, "object_original_cost_kzt": 100}
    modified = past(**LETTER, **proven, object_commissioned_on=date(2018, 5, 14), replaced_on=date(2026, 5, 5))
    judged = facts(past=(modified,), **LETTER | proven | {"work_type": "maintenance"})
    on = date(2026, 5, 6)
    assert [[each.rule for each in evaluate(judged, policy, on)] for policy in (TAKEN_OVER, POLICY)] == [
        ["freeze.legacy"],
        ["integrity.rewritten"],
    ]
