"""The entry on an AI system is not walked around: neither by a lower degree of risk nor by taking ``is_ai`` back."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from registry.freeze.evaluation import evaluate, next_change
from registry.freeze.facts import AI_ENTRY, Facts
from registry.freeze.policy import Policy
from tests.freeze.factories import POLICY, facts, past, with_rule

ON = date(2026, 6, 30)
JUDGED = POLICY
for rule in ("ai.incomplete", "ai.contradiction", "ai.outdated"):
    JUDGED = with_rule(JUDGED, rule, enabled=True)
COMPLETE: dict[str, Any] = {
    **dict.fromkeys(AI_ENTRY, "x"),
    "is_ai": True,
    "ai_personal_data": False,
    "ai_risk_class": "minimal",
    "ai_reviewed_on": date(2026, 2, 1),
}


def an_ai_system(*, was: str | None = None, **values: Any) -> Facts:
    """A project with a complete entry of minimal risk; ``was``: the degree of risk before an edit of May 2026."""
    edits = () if was is None else (past(is_ai=True, ai_risk_class=was, replaced_on=date(2026, 5, 5)),)
    return facts(past=edits, **{**COMPLETE, **values})


def found(judged: Facts, policy: Policy = JUDGED) -> dict[str, Any]:
    return {finding.rule: finding.observed for finding in evaluate(judged, policy, ON) if finding.severity != "plan"}


def test_lowered_risk_counts_only_once_it_is_confirmed() -> None:
    lowered = an_ai_system(was="high", ai_overseer=None)
    observed = {"contradictions": "high-risk-without-overseer", "ai_risk_class": "minimal", "ai_overseer": None}
    assert found(lowered) == {"ai.contradiction": {**observed, "claimed": "ai_risk_class"}}
    assert found(replace(lowered, confirmed=(("ai_risk_class", ON),))) == {}


def test_changed_risk_is_judged_by_the_higher_of_the_two_alone() -> None:
    assert found(an_ai_system(was="medium", ai_overseer=None)) == {}
    assert list(found(an_ai_system(was="minimal", ai_risk_class="high", ai_overseer=None))) == ["ai.contradiction"]


def test_lowered_risk_that_needs_no_confirmation_leaves_a_finding() -> None:
    assert JUDGED.confirmed_facts is not None
    entered = replace(JUDGED, confirmed_facts=replace(JUDGED.confirmed_facts, from_kzt=()))
    observed = {"ai_risk_class": "minimal", "earlier_ai_risk_class": "high"}
    assert found(an_ai_system(was="high", ai_overseer=None), entered) == {"integrity.rewritten": observed}


def test_ai_that_is_taken_back_leaves_a_finding() -> None:
    taken_back = {**dict.fromkeys(COMPLETE), "is_ai": False}
    edited = an_ai_system(was="minimal", **taken_back)
    observed = {"is_ai": False, "earlier_is_ai": True, "ai_risk_class": None, "earlier_ai_risk_class": "minimal"}
    assert found(edited) == {"integrity.rewritten": observed}
    assert found(edited, POLICY) == {}
    # Nothing was missing of the entry, and that it was of high risk was stated only later.
    assert found(an_ai_system(was="minimal", is_ai=False)) == {}
    later = past(is_ai=False, ai_risk_class="high", replaced_on=date(2026, 5, 6))
    untrue = an_ai_system(was="minimal", is_ai=False, ai_overseer=None)
    assert found(replace(untrue, past=(*untrue.past, later))) == {}


def test_entry_is_judged_on_the_platform_too() -> None:
    hosted = an_ai_system(placement="on_platform", placement_verified_on=date(2026, 3, 1))
    assert found(hosted) == {}
    assert found(replace(hosted, ai_model=None)) == {"ai.incomplete": {"ai_model": None}}
    taken_back = replace(hosted, is_ai=False, ai_model=None, past=an_ai_system(was="minimal").past)
    assert list(found(taken_back)) == ["integrity.rewritten"]
    assert found(taken_back, with_rule(JUDGED, "integrity.rewritten", enabled=False)) == {}


def test_entry_is_clear_until_a_year_after_its_check() -> None:
    change = next_change(an_ai_system(), JUDGED, date(2026, 10, 1))
    assert change is not None and change.on == date(2027, 2, 2)
    assert [finding.rule for finding in change.findings] == ["migration.overdue", "ai.outdated"]
    assert change.findings[1].observed == {"ai_reviewed_on": "2026-02-01"}
