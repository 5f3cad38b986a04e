"""No edit that an agency can make alone turns a flagged project into an unflagged one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from registry.freeze.evaluation import evaluate
from registry.freeze.facts import Facts
from registry.freeze.policy_file import load_policy
from tests.freeze.random_projects import (
    CONSENTS,
    LEAP_DAYS,
    PLACEMENTS,
    STAGES,
    WORK_TYPES,
    another_policy,
    as_past,
    months_before,
    project,
)

POLICY_FILE = Path(__file__).parents[2] / "config" / "freeze_policy.toml"

ENUMS: dict[str, tuple[Any, ...]] = {"work_type": WORK_TYPES, "stage": STAGES, "placement": PLACEMENTS}
DATES = (
    "onboarding_due_on",
    "contract_signed_on",
    "work_started_on",
    "pilot_started_on",
    "commissioned_on",
    "object_commissioned_on",
    "ended_on",
)
# The platform's key is no fact that a rule looks at, but editing it ends confirmations and makes a revision.
KEY = "platform_key"
EDITABLE = (*ENUMS, *DATES, "budget_kzt", "object_original_cost_kzt", "consent_number", KEY)

Edit = dict[str, Any]


@pytest.fixture(scope="module")
def shipped() -> Any:
    return load_policy(POLICY_FILE)


def values_for(field: str, facts: Facts, policy: Any, on: date) -> tuple[Any, ...]:
    """Values that an agency might enter in this field to avoid a finding."""
    day = timedelta(days=1)
    if field in ENUMS:
        return ENUMS[field]
    if field in DATES:
        return (
            None,
            date(1991, 12, 16),
            date(2019, 6, 1),
            policy.cutoff - day,
            policy.cutoff,
            months_before(on, policy.pilot_limit_months),
            on,
            on + day,
            on + 180 * day,
            *LEAP_DAYS,
        )
    if field == "consent_number":
        return CONSENTS
    if field == KEY:
        return ("another-key",)
    cost, budget = facts.object_original_cost_kzt or 0, facts.budget_kzt or 0
    return (None, 0, 1, cost // 5, cost // 5 + 1, budget * 5, 10**15)


def edited(facts: Facts, edit: Edit) -> Facts:
    """The project after the edit: the old state is a revision, and confirmations may be withdrawn."""
    changed = {field: value for field, value in edit.items() if field == KEY or getattr(facts, field) != value}
    if not changed:
        return facts
    ended: Edit = {}
    if changed.keys() & {"placement", "onboarding_due_on", KEY}:
        ended.update(placement_verified_on=None, onboarding_confirmed_on=None)
    if changed.keys() & {"stage", "ended_on"}:
        ended.update(ending_confirmed_on=None)
    changed.pop(KEY, None)
    return replace(facts, **changed, **ended, past=(*facts.past, as_past(facts)))


def random_edit(rng: Random, facts: Facts, policy: Any, on: date) -> Edit:
    fields = rng.sample(EDITABLE, rng.choice((1, 2, 2, 3, 4, 6, 9)))
    return {field: rng.choice(values_for(field, facts, policy, on)) for field in fields}


def undoing(before: Facts, edit: Edit) -> Edit:
    return {field: "the-first-key" if field == KEY else getattr(before, field) for field in edit}


def flagged(policy: Any, first_seed: int, count: int) -> Iterator[tuple[int, Facts, date]]:
    """Random projects with at least one finding."""
    for seed in range(first_seed, first_seed + 20 * count):
        facts, on = project(seed, policy)
        if evaluate(facts, policy, on):
            yield seed, facts, on
            count -= 1
            if not count:
                return
    raise AssertionError(f"hardly any project is flagged, from seed {first_seed} on")


def assert_still_flagged(before: Facts, steps: list[Edit], policy: Any, on: date, seed: int) -> Facts:
    facts = before
    for number, edit in enumerate(steps, start=1):
        facts = edited(facts, edit)
        assert evaluate(facts, policy, on), (
            f"project seed {seed}, on {on}, lost its last finding with edit {number} of {steps}\n"
            f"  before: {before}\n  found:  {[(f.rule, f.severity) for f in evaluate(before, policy, on)]}\n"
            f"  after:  {facts}"
        )
    return facts


def test_editing_a_single_field_does_not_clear_a_flagged_project(shipped: Any) -> None:
    for seed, facts, on in flagged(shipped, first_seed=100_000, count=80):
        for field in EDITABLE:
            for value in values_for(field, facts, shipped, on):
                assert_still_flagged(facts, [{field: value}], shipped, on, seed)


def test_editing_several_fields_does_not_clear_a_flagged_project(shipped: Any) -> None:
    for seed, facts, on in flagged(shipped, first_seed=200_000, count=400):
        rng = Random(seed)
        for _ in range(8):
            assert_still_flagged(facts, [random_edit(rng, facts, shipped, on)], shipped, on, seed)


def test_two_consecutive_edits_do_not_clear_a_flagged_project(shipped: Any) -> None:
    for seed, facts, on in flagged(shipped, first_seed=300_000, count=400):
        rng = Random(seed)
        for _ in range(4):
            steps = [random_edit(rng, facts, shipped, on), random_edit(rng, facts, shipped, on)]
            assert_still_flagged(facts, steps, shipped, on, seed)


def test_reverted_edit_does_not_clear_a_flagged_project(shipped: Any) -> None:
    for seed, facts, on in flagged(shipped, first_seed=400_000, count=400):
        rng = Random(seed)
        for _ in range(4):
            edit = random_edit(rng, facts, shipped, on)
            assert_still_flagged(facts, [edit, undoing(facts, edit)], shipped, on, seed)


def test_reverted_edit_does_not_restore_a_confirmation(shipped: Any) -> None:
    on = date(2026, 11, 2)
    confirmed = Facts(
        agency_kind="central_body",
        work_type="creation",
        stage="operation",
        placement="on_platform",
        registered_on=date(2026, 1, 12),
        work_started_on=date(2026, 2, 1),
        placement_verified_on=date(2026, 3, 1),
    )
    assert not evaluate(confirmed, shipped, on)
    away_and_back: list[list[Edit]] = [
        [{"placement": "off_platform"}, {"placement": "on_platform"}],
        [{KEY: "another-key"}, {KEY: "the-first-key"}],
        [{"onboarding_due_on": on}, {"onboarding_due_on": None}],
    ]
    for steps in away_and_back:
        assert_still_flagged(confirmed, steps, shipped, on, seed=-1)


def test_no_edit_clears_a_flagged_project_under_another_policy_with_all_rules_on(shipped: Any) -> None:
    for policy_seed in range(60):
        policy = another_policy(policy_seed, shipped, all_rules_on=True)
        for seed, facts, on in flagged(policy, first_seed=500_000 + 1_000 * policy_seed, count=8):
            rng = Random(seed)
            for _ in range(3):
                steps = [random_edit(rng, facts, policy, on), random_edit(rng, facts, policy, on)]
                assert_still_flagged(facts, steps, policy, on, seed)


def registered_as_ended(ended_on: date | None) -> Facts:
    return Facts(
        agency_kind="central_body",
        work_type="creation",
        stage="terminated",
        placement="off_platform",
        registered_on=date(2026, 8, 3),
        work_started_on=date(2025, 2, 3),
        ended_on=ended_on,
    )


@pytest.mark.parametrize("ended_on", [None, date(2026, 1, 1), date(2026, 6, 30)])
def test_project_registered_as_ended_with_no_date_or_after_the_cutoff_is_flagged(
    shipped: Any, ended_on: date | None
) -> None:
    findings = evaluate(registered_as_ended(ended_on), shipped, date(2026, 11, 2))
    assert [(finding.rule, finding.severity) for finding in findings] == [("integrity.ended-unconfirmed", "medium")]


@pytest.mark.parametrize("ended_on", [None, date(2026, 1, 1), date(2026, 6, 30)])
def test_ending_that_is_flagged_cannot_be_moved_before_the_cutoff(shipped: Any, ended_on: date | None) -> None:
    after = edited(registered_as_ended(ended_on), {"ended_on": date(2025, 12, 31)})
    assert evaluate(after, shipped, date(2026, 11, 2))
