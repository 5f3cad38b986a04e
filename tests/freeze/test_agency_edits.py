"""No edit that an agency can make alone turns a flagged project into an unflagged one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from registry.freeze.evaluation import evaluate, on_platform
from registry.freeze.facts import Facts
from registry.freeze.findings import Finding
from registry.freeze.policy_file import load_policy
from registry.freeze.rules import started_on
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


def edited(facts: Facts, edit: Edit, on: date) -> Facts:
    """The project after the edit: the old state is a revision, and confirmations may be withdrawn."""
    changed = {field: value for field, value in edit.items() if field == KEY or getattr(facts, field) != value}
    if not changed:
        return facts
    ended: Edit = {}
    if changed.keys() & {"placement", "onboarding_due_on", KEY}:
        ended.update(placement_verified_on=None, onboarding_confirmed_on=None)
    if changed.keys() & {"stage", "ended_on"}:
        ended.update(ending_confirmed_on=None)
    known = tuple(each for each in facts.confirmed if each[1] <= on)
    before = replace(as_past(facts), replaced_on=on, confirmed=known)
    changed.pop(KEY, None)
    ended["confirmed"] = tuple(each for each in facts.confirmed if each[0] not in changed)
    return replace(facts, **changed, **ended, past=(*facts.past, before))


def random_edit(rng: Random, facts: Facts, policy: Any, on: date) -> Edit:
    fields = rng.sample(EDITABLE, rng.choice((1, 2, 2, 3, 4, 6, 9)))
    return {field: rng.choice(values_for(field, facts, policy, on)) for field in fields}


def undoing(before: Facts, edit: Edit) -> Edit:
    return {field: "the-first-key" if field == KEY else getattr(before, field) for field in edit}


def flagged(policy: Any, first_seed: int, count: int) -> Iterator[tuple[int, Facts, date]]:
    """Random projects with at least one finding, not on the platform, where few rules hold."""
    for seed in range(first_seed, first_seed + 20 * count):
        facts, on = project(seed, policy)
        if evaluate(facts, policy, on) and not on_platform(facts, on):
            yield seed, facts, on
            count -= 1
            if not count:
                return
    raise AssertionError(f"hardly any project is flagged, from seed {first_seed} on")


def assert_still_flagged(before: Facts, steps: list[Edit], policy: Any, on: date, seed: int) -> Facts:
    facts = before
    for number, edit in enumerate(steps, start=1):
        facts = edited(facts, edit, on)
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


def is_serious(finding: Finding) -> bool:
    """Medium or high, of the freeze or of its integrity, and no missing data."""
    return (
        finding.rule.startswith(("freeze.", "integrity."))
        and finding.rule != "freeze.data-gap"
        and finding.severity in ("medium", "high")
    )


def is_begun(before: Facts, after: Facts, policy: Any) -> bool:
    """What was planned has begun under the freeze, as the same kind of work."""
    started = started_on(after, policy)
    return after.work_type == before.work_type and started is not None and started >= policy.cutoff


def is_put_back(before: Facts, after: Facts, policy: Any) -> bool:
    """The start and the kind of work are again those of an earlier revision."""
    known = {(past.work_type, started_on(past, policy)) for past in before.past}
    return (after.work_type, started_on(after, policy)) in known


def test_edits_leave_a_serious_finding_in_place_of_a_serious_one(shipped: Any) -> None:
    tried = 0
    for seed, facts, on in flagged(shipped, first_seed=600_000, count=2_500):
        # Long ago, so that no time to confirm a placement keeps the other rules away.
        facts = replace(facts, registered_on=date(2020, 1, 1))
        serious = [finding for finding in evaluate(facts, shipped, on) if is_serious(finding)]
        before, earlier = [each.rule for each in serious], {each.observed.get("earlier_rules") for each in serious}
        if not before or facts.onboarding_confirmed_on is not None:
            continue
        rng = Random(seed)
        for _ in range(4):
            after = edited(facts, random_edit(rng, facts, shipped, on), on)
            if rng.random() < 0.5:
                after = edited(after, random_edit(rng, after, shipped, on), on)
            if before == ["freeze.planned"] and is_begun(facts, after, shipped):
                continue
            if before == ["integrity.rewritten"] and is_put_back(facts, after, shipped):
                continue
            # What an edit ended was only planned, and has begun since.
            if earlier == {"freeze.planned"} and is_begun(facts, after, shipped):
                continue
            findings = evaluate(after, shipped, on)
            # What earlier facts would give holds again of the present ones.
            if before == ["integrity.rewritten"] and "migration.overdue" in {finding.rule for finding in findings}:
                continue
            tried += 1
            assert any(is_serious(finding) for finding in findings), (
                f"project seed {seed}, on {on}, lost {before}\n  before: {facts}\n  after:  {after}"
            )
    assert tried > 2_000


def test_edit_that_ends_a_high_finding_leaves_a_medium_one_with_the_former_values(shipped: Any) -> None:
    created = Facts(
        agency_kind="central_body",
        work_type="creation",
        stage="creation",
        placement="off_platform",
        registered_on=date(2026, 1, 12),
        contract_signed_on=date(2026, 2, 1),
        work_started_on=date(2026, 2, 9),
    )
    on = date(2026, 5, 5)
    edit = {
        "work_type": "maintenance",
        "stage": "operation",
        "contract_signed_on": None,
        "work_started_on": None,
        "object_commissioned_on": date(2018, 5, 14),
    }
    (finding,) = evaluate(edited(created, edit, on), shipped, on)
    assert (finding.rule, finding.severity) == ("integrity.rewritten", "medium")
    assert finding.observed == {
        "earlier_rules": "freeze.creation",
        "work_type": "maintenance",
        "earlier_work_type": "creation",
        "started_on": None,
        "earlier_started_on": "2026-02-01",
    }
    put_back = edited(edited(created, edit, on), undoing(created, edit), on + timedelta(days=1))
    assert [each.rule for each in evaluate(put_back, shipped, on + timedelta(days=1))] == ["freeze.creation"]


def test_another_edit_that_ends_a_finding_changes_what_an_acceptance_was_for(shipped: Any) -> None:
    on = date(2026, 5, 5)
    pilot = Facts(
        agency_kind="central_body",
        work_type="development",
        stage="pilot",
        placement="off_platform",
        registered_on=date(2025, 11, 20),
        work_started_on=date(2024, 10, 1),
        pilot_started_on=date(2025, 1, 10),
        object_commissioned_on=date(2026, 1, 5),
    )
    restarted = edited(pilot, {"pilot_started_on": date(2026, 3, 1)}, on)
    (accepted,) = evaluate(restarted, shipped, on)
    irrelevant = edited(restarted, {"budget_kzt": 5}, on)
    (same,) = evaluate(irrelevant, shipped, on)
    assert same.fingerprint == accepted.fingerprint
    later = date(2027, 4, 1)
    again = edited(irrelevant, {"pilot_started_on": date(2027, 3, 1)}, later)
    (changed,) = [each for each in evaluate(again, shipped, later) if each.rule == "integrity.rewritten"]
    assert changed.fingerprint != accepted.fingerprint


def test_policy_without_the_severity_of_edits_does_not_judge_them(shipped: Any) -> None:
    older = replace(shipped, edit_severity="none")
    on = date(2026, 5, 5)
    for seed, facts, _ in flagged(older, first_seed=700_000, count=50):
        unedited = [finding.observed for finding in evaluate(facts, older, on)]
        assert not any("earlier_rules" in observed for observed in unedited), seed


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
    after = edited(registered_as_ended(ended_on), {"ended_on": date(2025, 12, 31)}, date(2026, 11, 2))
    assert evaluate(after, shipped, date(2026, 11, 2))
