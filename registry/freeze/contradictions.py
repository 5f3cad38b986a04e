"""What cannot be true together: one line for each pair of statements of a record (docs/reference/rules.md)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from registry.freeze.dates import add_months, iso
from registry.freeze.facts import Facts
from registry.freeze.policy import Policy
from registry.freeze.vocabulary import FINAL_STAGES, AiRisk, Stage, WorkType, lazy_text

if TYPE_CHECKING:
    from registry.freeze.findings import Observed

CONTRADICTIONS: Final = "contradictions"
# Stages in which the result is not in operation yet; work on an object in operation has none of the last two.
NOT_IN_OPERATION: Final = frozenset(
    {Stage.PLANNING.value, Stage.PILOT.value, Stage.CREATION.value, Stage.TESTING.value}
)
BEING_MADE: Final = frozenset({Stage.CREATION.value, Stage.TESTING.value})
ON_EXISTING: Final = frozenset({WorkType.MAINTENANCE.value, WorkType.MODIFICATION.value})
MAINTENANCE: Final = WorkType.MAINTENANCE.value
MIGRATION: Final = WorkType.MIGRATION.value
OPERATION: Final = Stage.OPERATION.value
IN_USE: Final = frozenset({Stage.PILOT.value, OPERATION})
HIGH_RISK: Final = AiRisk.HIGH.value


class Contradiction(NamedTuple):
    """A pair of statements. ``text`` names both, with the values of these names and limits of the policy."""

    values: tuple[str, ...]
    holds: Callable[[Facts, Policy, date], bool]
    text: str


def _before(first: date | None, second: date | None) -> bool:
    return first is not None and second is not None and first < second


def _begun(facts: Facts) -> date | None:
    return facts.work_started_on or facts.contract_signed_on


def _not_existing(facts: Facts, _policy: Policy, on: date) -> bool:
    return (
        facts.work_type in ON_EXISTING
        and facts.object_commissioned_on is not None
        and facts.object_commissioned_on > on
    )


def _existing_later(facts: Facts, _policy: Policy, on: date) -> bool:
    commissioned = facts.object_commissioned_on
    return (
        facts.work_type in ON_EXISTING
        and _before(_begun(facts), commissioned)
        and not _not_existing(facts, _policy, on)
    )


def _stays_outside(facts: Facts, policy: Policy, on: date) -> bool:
    # Whatever placement is claimed: what is confirmed on the platform, or moving there in time, is not judged.
    if facts.work_type != MIGRATION:
        return False
    begun = _begun(facts)
    lasting = begun is not None and on > add_months(begun, policy.onboarding_limit_months)
    return facts.stage == OPERATION or lasting


def _long_before_contract(facts: Facts, policy: Policy, _on: date) -> bool:
    started, contract = facts.work_started_on, facts.contract_signed_on
    if started is None or contract is None:
        return False
    return contract - started > timedelta(days=policy.work_before_contract_days)


def _dearer(facts: Facts, _policy: Policy, _on: date) -> bool:
    budget, cost = facts.budget_kzt, facts.object_original_cost_kzt
    return facts.work_type == MAINTENANCE and budget is not None and cost is not None and budget > cost


# Of projects whose stage is not final.
OF_WORK: Final[Mapping[str, Contradiction]] = {
    "object-of-the-future": Contradiction(
        ("work_type", "object_commissioned_on"),
        _not_existing,
        lazy_text("The object goes into operation on {object_commissioned_on} and is maintained or modified already."),
    ),
    "work-before-object": Contradiction(
        ("work_type", "object_commissioned_on", "work_started_on", "contract_signed_on"),
        _existing_later,
        lazy_text("The object is in operation since {object_commissioned_on}, later than this work on it began."),
    ),
    "maintenance-before-operation": Contradiction(
        ("work_type", "stage"),
        lambda facts, _policy, _on: facts.work_type == MAINTENANCE and facts.stage in BEING_MADE,
        lazy_text("Maintenance is stated of an object that is still being made."),
    ),
    "migration-stays-outside": Contradiction(
        ("work_type", "stage", "work_started_on", "contract_signed_on"),
        _stays_outside,
        lazy_text("A migration is stated, and the object is not on QazTech; longest onboarding, in months: {months}."),
    ),
    "commissioned-before-operation": Contradiction(
        ("stage", "commissioned_on"),
        lambda facts, _policy, on: (
            facts.stage in NOT_IN_OPERATION and facts.commissioned_on is not None and facts.commissioned_on <= on
        ),
        lazy_text("In operation since {commissioned_on}, and the stage is an earlier one."),
    ),
    "work-before-contract": Contradiction(
        ("work_started_on", "contract_signed_on"),
        _long_before_contract,
        lazy_text("Work began on {work_started_on}, the contract is of {contract_signed_on}; days allowed: {days}."),
    ),
    "maintenance-above-cost": Contradiction(
        ("work_type", "budget_kzt", "object_original_cost_kzt"),
        _dearer,
        lazy_text("The maintenance costs more than the object: {percent}% of its original cost."),
    ),
}
# Of final stages, until the ending is confirmed.
OF_ENDINGS: Final[Mapping[str, Contradiction]] = {
    "ended-before-contract": Contradiction(
        ("ended_on", "contract_signed_on"),
        lambda facts, _policy, _on: _before(facts.ended_on, facts.contract_signed_on),
        lazy_text("Ended on {ended_on}, the contract is of {contract_signed_on}."),
    ),
    "ended-before-operation": Contradiction(
        ("ended_on", "commissioned_on"),
        lambda facts, _policy, _on: _before(facts.ended_on, facts.commissioned_on),
        lazy_text("Ended on {ended_on}, in operation only since {commissioned_on}."),
    ),
    "ended-before-object": Contradiction(
        ("ended_on", "object_commissioned_on"),
        lambda facts, _policy, _on: _before(facts.ended_on, facts.object_commissioned_on),
        lazy_text("Ended on {ended_on}, the object is in operation only since {object_commissioned_on}."),
    ),
    "registered-as-ended": Contradiction(
        ("stage", "ended_on"),
        # Of other dates ``integrity.ended-unconfirmed`` speaks.
        lambda facts, policy, _on: (
            (facts.past[0] if facts.past else facts).stage in FINAL_STAGES and _before(facts.ended_on, policy.cutoff)
        ),
        lazy_text("Ended on {ended_on}, and registered when it had ended already."),
    ),
}
# Of the entry on an AI system, of projects whose stage is not final.
OF_AI: Final[Mapping[str, Contradiction]] = {
    "high-risk-without-overseer": Contradiction(
        ("ai_risk_class", "ai_overseer"),
        lambda facts, _policy, _on: facts.ai_risk_class == HIGH_RISK and facts.ai_overseer is None,
        lazy_text("The degree of risk is high, and nobody oversees the AI system and may stop it."),
    ),
    "high-risk-untested": Contradiction(
        ("ai_risk_class", "stage", "ai_tests"),
        lambda facts, _policy, _on: (
            facts.ai_risk_class == HIGH_RISK and facts.stage in IN_USE and facts.ai_tests is None
        ),
        lazy_text("The degree of risk is high, and the AI system is in use without tests."),
    ),
    "personal-data-without-objection": Contradiction(
        ("ai_personal_data", "ai_objection"),
        lambda facts, _policy, _on: facts.ai_personal_data is True and facts.ai_objection is None,
        lazy_text("The AI system uses personal data, and people cannot object."),
    ),
    "personal-data-differ": Contradiction(
        ("ai_personal_data", "holds_personal_data"),
        lambda facts, _policy, _on: {facts.ai_personal_data, facts.holds_personal_data} == {True, False},
        lazy_text("The project and its AI system state differently whether there are personal data."),
    ),
    "reviewed-in-the-future": Contradiction(
        ("ai_reviewed_on",),
        lambda facts, _policy, on: facts.ai_reviewed_on is not None and facts.ai_reviewed_on > on,
        lazy_text("The entry is stated to have been checked on {ai_reviewed_on}, which is in the future."),
    ),
}
LINES: Final[Mapping[str, Contradiction]] = {**OF_WORK, **OF_ENDINGS, **OF_AI}


def contradiction(facts: Facts, _started: date | None, policy: Policy, on: date) -> Observed | None:
    """Return the values of an unfinished project that cannot be true together; None without any."""
    return _observed(OF_WORK, facts, policy, on)


def ai_contradiction(facts: Facts, _started: date | None, policy: Policy, on: date) -> Observed | None:
    """Return the values of the entry on an AI system that cannot be true together; None without any or without AI."""
    return _observed(OF_AI, facts, policy, on) if facts.is_ai else None


def ending_contradiction(facts: Facts, policy: Policy, on: date) -> Observed | None:
    """Return the values of an ended project that cannot be true together. The caller has checked its stage."""
    return _observed(OF_ENDINGS, facts, policy, on)


def _observed(lines: Mapping[str, Contradiction], facts: Facts, policy: Policy, on: date) -> Observed | None:
    holding = [code for code, line in lines.items() if line.holds(facts, policy, on)]
    if not holding:
        return None
    observed: Observed = {CONTRADICTIONS: ", ".join(holding)}
    for name in (name for code in holding for name in lines[code].values):
        value: str | int | date | None = getattr(facts, name)
        observed[name] = iso(value) if isinstance(value, date) else value
    return observed
