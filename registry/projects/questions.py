"""Conditional questions: which fields a project is asked for, by its kind of work, stage, hosting and funding.

A field that is not asked may have a value all the same: rules read what is stored, not what is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from registry.core.fields import AMOUNT, YearlyAmounts
from registry.core.values import InvalidValue
from registry.freeze.vocabulary import FINAL_STAGES, Placement, Stage, WorkType
from registry.projects.vocabulary import Funding


class Condition(NamedTuple):
    """A field is asked when ``field`` has one of the ``answers``, and as long as it has none."""

    field: str
    answers: frozenset[str]


def _when(field: str, *answers: str) -> Condition:
    return Condition(field, frozenset(map(str, answers)))


OF_EXISTING_OBJECTS: Final = _when(
    "work_type",
    WorkType.DEVELOPMENT.value,
    WorkType.MODIFICATION.value,
    WorkType.MAINTENANCE.value,
    WorkType.MIGRATION.value,
)
CONDITIONS: Final[Mapping[str, Condition]] = {
    "platform_key": _when("placement", Placement.ON_PLATFORM.value, Placement.ONBOARDING.value),
    "onboarding_due_on": _when("placement", Placement.ONBOARDING.value),
    "pilot_started_on": _when("stage", Stage.PILOT.value),
    "commissioned_on": _when("stage", Stage.OPERATION.value, *FINAL_STAGES),
    "ended_on": _when("stage", *FINAL_STAGES),
    "object_commissioned_on": OF_EXISTING_OBJECTS,
    "object_original_cost_kzt": _when("work_type", WorkType.MODIFICATION.value),
    "consent_number": _when("work_type", WorkType.MODIFICATION.value),
    "budget_programme": _when("funding", Funding.REPUBLICAN_BUDGET.value, Funding.LOCAL_BUDGET.value),
}


def is_asked(name: str, values: Mapping[str, Any]) -> bool:
    """Whether the field is asked with these values or texts."""
    condition = CONDITIONS.get(name)
    return condition is None or not (answer := values.get(condition.field)) or answer in condition.answers


def newly_asked(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The fields that a change makes necessary, and that have no value."""
    return [name for name in CONDITIONS if is_asked(name, after) and not is_asked(name, before) and not after.get(name)]


def asked_texts(texts: Mapping[str, str]) -> dict[str, str]:
    """The texts of a draft without those of questions that its answers do not ask any more."""
    return {name: text for name, text in texts.items() if is_asked(name, texts)}


def with_budget(texts: Mapping[str, str]) -> dict[str, str]:
    """The texts with the sum of the years as the budget, where only the years are given."""
    if texts.get("budget_kzt", "").strip() or not texts.get("cost_by_year", "").strip():
        return dict(texts)
    try:
        amounts = YearlyAmounts().from_text(texts["cost_by_year"])
    except InvalidValue:
        return dict(texts)
    if not isinstance(amounts, list) or not all(type(each[AMOUNT]) is int for each in amounts):
        return dict(texts)
    return {**texts, "budget_kzt": f"{sum(each[AMOUNT] for each in amounts):,}".replace(",", " ")}


def without_year(values: Mapping[str, Any]) -> int | None:
    """The part of the budget that no year has; None when there is none or the cost is not given by year."""
    amounts, budget = values.get("cost_by_year"), values.get("budget_kzt")
    if not amounts or budget is None:
        return None
    rest: int = budget - sum(each[AMOUNT] for each in amounts)
    return rest or None


def in_order(names: Iterable[str], order: Iterable[str]) -> list[str]:
    """The names in this order."""
    chosen = set(names)
    return [name for name in order if name in chosen]
