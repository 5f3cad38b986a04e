"""Boundaries of each rule: the last value that does not match and the first that does."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from registry.freeze.evaluation import evaluate
from tests.freeze.factories import AS_ENTERED, CUTOFF, facts, past

EVE = date(2025, 12, 31)
ON = date(2026, 5, 5)
TOMORROW = date(2026, 5, 6)
UNDATED: dict[str, Any] = {"contract_signed_on": None, "work_started_on": None}


def started(day: date | None, **changes: Any) -> dict[str, Any]:
    return {"contract_signed_on": day, "work_started_on": None} | changes


def rules(on: date = ON, **changes: Any) -> list[str]:
    return [finding.rule for finding in evaluate(facts(**changes), AS_ENTERED, on)]


@pytest.mark.parametrize(
    ("rule", "work"),
    [
        ("freeze.creation", {"work_type": "creation"}),
        ("freeze.development", {"work_type": "development"}),
        ("freeze.misclassified", {"work_type": "development", "object_commissioned_on": None}),
        ("freeze.misclassified", {"work_type": "modification", "object_commissioned_on": None}),
        ("freeze.modification-limit", {"work_type": "modification"}),
    ],
)
def test_work_is_frozen_from_the_cutoff_to_the_day_itself(rule: str, work: dict[str, Any]) -> None:
    assert rule not in rules(**started(EVE, **work))
    assert rule in rules(**started(CUTOFF, **work))
    assert rule in rules(**started(ON, **work))
    assert rule not in rules(**started(TOMORROW, **work))
    assert rule not in rules(**started(None, **work))
    assert rule not in rules(**started(CUTOFF, **(work | {"work_type": "migration"})))


def test_future_work_is_planned_unless_it_is_maintenance() -> None:
    assert "freeze.planned" in rules(**started(TOMORROW, work_type="migration"))
    assert "freeze.planned" not in rules(**started(ON, work_type="migration"))
    assert "freeze.planned" not in rules(**started(TOMORROW))
    assert "freeze.planned" in rules(work_type="migration", stage="planning", **UNDATED)
    assert "freeze.planned" not in rules(work_type="migration", stage="testing", **UNDATED)
    assert "freeze.planned" not in rules(work_type="migration", stage="planning")
    (planned,) = evaluate(facts(**started(TOMORROW, work_type="migration", stage="planning")), AS_ENTERED, ON)
    assert planned.observed["started_on"] == "2026-05-06"


def test_creation_from_before_is_transitional_until_it_was_in_operation_before() -> None:
    assert rules(work_type="creation") == ["freeze.transitional"]
    assert rules(work_type="creation", commissioned_on=CUTOFF) == ["freeze.transitional"]
    assert rules(work_type="creation", commissioned_on=EVE) == ["freeze.legacy"]
    assert "freeze.transitional" not in rules(**started(CUTOFF, work_type="creation"))
    assert "freeze.transitional" not in rules(**started(None, work_type="creation"))


def test_modification_limit_needs_both_amounts() -> None:
    work = started(CUTOFF, work_type="modification", consent_number="1")
    assert rules(**work, budget_kzt=21, object_original_cost_kzt=100) == ["freeze.modification-limit"]
    assert rules(**work, budget_kzt=20, object_original_cost_kzt=100) == ["freeze.legacy"]
    assert rules(**work, budget_kzt=21) == ["freeze.data-gap"]
    assert rules(**work, object_original_cost_kzt=0) == ["freeze.data-gap"]


def test_pilot_may_last_to_the_same_day_of_the_next_year() -> None:
    assert rules(stage="pilot", pilot_started_on=date(2025, 5, 5)) == ["freeze.legacy"]
    assert rules(stage="pilot", pilot_started_on=date(2025, 5, 4)) == ["freeze.pilot-limit"]
    assert rules(stage="operation", pilot_started_on=date(2025, 5, 4)) == ["freeze.legacy"]


def test_data_gap_covers_only_values_that_rules_need() -> None:
    assert rules(work_type="development", stage="planning", **UNDATED) == ["freeze.planned"]
    assert rules(work_type="development", stage="operation", **UNDATED) == ["freeze.data-gap"]
    assert rules(**UNDATED) == ["freeze.legacy"]
    assert rules(stage="pilot") == ["freeze.data-gap"]
    assert rules(object_commissioned_on=None) == ["freeze.data-gap"]
    assert rules(CUTOFF, work_type="migration", stage="creation", object_commissioned_on=None, **started(EVE)) == [
        "freeze.data-gap"
    ]
    assert rules(work_type="development", object_commissioned_on=None) == ["freeze.legacy"]
    assert rules(placement="unknown") == ["freeze.data-gap"]


def test_migration_is_overdue_after_the_deadline_for_what_was_in_operation_before_the_freeze() -> None:
    deadline, after = date(2026, 9, 30), date(2026, 10, 1)
    assert rules(deadline, object_commissioned_on=EVE, **UNDATED) == ["freeze.legacy"]
    assert rules(after, object_commissioned_on=EVE, **UNDATED) == ["migration.overdue"]
    assert rules(after, object_commissioned_on=CUTOFF, **UNDATED) == ["freeze.legacy"]
    assert rules(after, work_type="creation", object_commissioned_on=EVE) == ["freeze.transitional"]
    assert rules(after, work_type="creation", commissioned_on=EVE) == ["migration.overdue"]


def test_order_is_overdue_the_day_after_its_date() -> None:
    assert rules(order_migrate_by=ON) == ["freeze.legacy"]
    assert rules(TOMORROW, order_migrate_by=ON) == ["migration.order-overdue"]


def test_work_is_backdated_when_only_its_contract_is_under_the_freeze() -> None:
    assert rules(work_started_on=EVE, contract_signed_on=CUTOFF) == ["integrity.backdated"]
    assert rules(work_started_on=EVE, contract_signed_on=EVE) == ["freeze.legacy"]
    assert rules(work_started_on=CUTOFF, contract_signed_on=CUTOFF) == ["freeze.legacy"]
    assert rules(work_started_on=EVE, contract_signed_on=None) == ["freeze.legacy"]
    assert rules(work_started_on=None, contract_signed_on=CUTOFF) == ["freeze.legacy"]


def test_start_moved_to_before_the_freeze_is_rewritten() -> None:
    assert rules(**started(EVE), past=(past(**started(CUTOFF)),)) == ["integrity.rewritten"]
    assert rules(**started(EVE), past=(past(**started(EVE)), past(**UNDATED))) == ["freeze.legacy"]
    assert rules(**started(CUTOFF), past=(past(**started(CUTOFF)),)) == ["freeze.legacy"]
    assert rules(**UNDATED, past=(past(**started(CUTOFF)),)) == ["freeze.legacy"]


def test_creation_under_the_freeze_that_was_renamed_is_rewritten() -> None:
    creation = past(work_type="creation")
    assert rules(**started(CUTOFF), past=(past(), creation)) == ["integrity.rewritten"]
    assert rules(**started(CUTOFF), past=(past(), past(work_type="migration"))) == ["freeze.legacy"]
    assert rules(**started(EVE), past=(creation,)) == ["freeze.legacy"]
    assert rules(**started(None), past=(creation,)) == ["freeze.legacy"]
    assert rules(**started(CUTOFF, work_type="creation"), past=(creation,)) == ["freeze.creation"]
