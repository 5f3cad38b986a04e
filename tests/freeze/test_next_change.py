"""Until when findings hold if no fact changes: shown day by day for random projects and policies."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from registry.freeze.evaluation import evaluate, findings_from, next_change
from registry.freeze.facts import Facts
from tests.freeze.factories import POLICY, facts
from tests.freeze.random_projects import another_policy, project, registered_again

A_DAY = timedelta(days=1)
HORIZON = 800


def first_other_day(judged: Facts, policy: Any, on: date) -> date | None:
    """The first day within the horizon with other findings, found by judging every day."""
    findings = evaluate(judged, policy, on)
    days = (on + A_DAY * number for number in range(1, HORIZON + 1))
    return next((day for day in days if evaluate(judged, policy, day) != findings), None)


def test_next_change_is_the_first_day_with_other_findings(nightly: bool) -> None:
    changes = 0
    for seed in range(10_000 if nightly else 200):
        policy = another_policy(seed, POLICY) if seed % 2 else POLICY
        judged, on = project(seed, policy)
        if seed % 5 == 0:
            judged = registered_again(seed, judged, policy, on)
        change = next_change(judged, policy, on)
        # What is only checked counts as registered on the day.
        judged = replace(judged, registered_on=judged.registered_on or on)
        expected = first_other_day(judged, policy, on)
        known = None if change is None or change.on > on + A_DAY * HORIZON else change
        assert (known and known.on) == expected, (seed, on, judged)
        if known is not None:
            changes += 1
            assert known.findings == evaluate(judged, policy, known.on)
    assert changes > 50


def test_pilot_is_clear_until_twelve_months_have_passed() -> None:
    work = {"object_commissioned_on": date(2026, 1, 5), "work_started_on": date(2026, 2, 1)}
    # Nor does a confirmation that changes nothing.
    confirmed = (("consent_number", date(2027, 3, 10)),)
    pilot = facts(
        stage="pilot", pilot_started_on=date(2026, 3, 14), contract_signed_on=None, confirmed=confirmed, **work
    )
    change = next_change(pilot, POLICY, date(2027, 3, 1))
    assert change.on == date(2027, 3, 15)
    assert [finding.rule for finding in change.findings] == ["freeze.pilot-limit"]
    days = [
        [each.on for each in findings_from(pilot, POLICY, change.on - A_DAY, change.on - n * A_DAY)] for n in (0, 1)
    ]
    assert days == [[change.on - A_DAY, change.on], [change.on - A_DAY]]


def test_project_that_is_only_checked_counts_as_registered_on_the_day() -> None:
    change = next_change(facts(placement="on_platform", registered_on=None), POLICY, date(2026, 3, 1))
    assert change is not None and change.on == date(2026, 4, 1)


@pytest.mark.parametrize(("reported", "idle_on"), [(True, date(2026, 6, 1)), (None, None)])
def test_object_becomes_idle_on_the_day_after_the_time_without_a_deployment(
    reported: bool | None, idle_on: date | None
) -> None:
    confirmed = facts(placement="on_platform", placement_verified_on=date(2026, 1, 20))
    deployed = replace(confirmed, deployments_reported=reported, last_deployed_on=date(2026, 3, 2))
    change = next_change(deployed, POLICY, date(2026, 3, 3))
    assert (change and change.on) == idle_on
    assert change is None or [finding.rule for finding in change.findings] == ["platform.idle"]


def test_placement_that_is_confirmed_never_changes_by_time() -> None:
    confirmed = facts(placement="on_platform", placement_verified_on=date(2026, 2, 1))
    assert next_change(confirmed, POLICY, date(2026, 3, 1)) is None
