"""The evaluation matches every case worked out by hand, and the cases are complete."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from registry.freeze.contradictions import LINES
from registry.freeze.evaluation import evaluate
from registry.freeze.policy_file import load_policy
from tests.freeze.cases import AI_SYSTEMS, CONFIRMED_FACTS, CONTRACTS, PLATFORM, SEVERITIES, Case, load
from tests.freeze.factories import with_rule
from tests.freeze.oracle import expected

CASES = [*load(), *load(AI_SYSTEMS), *load(PLATFORM), *load(CONTRACTS)]
WITH_CONFIRMED_FACTS = load(CONFIRMED_FACTS)
POLICY_FILE = Path(__file__).resolve().parents[2] / "config" / "freeze_policy.toml"


@pytest.fixture(scope="module")
def policy():
    shipped = load_policy(POLICY_FILE)
    on = {name: replace(rule, enabled=True) for name, rule in shipped.rules.items() if name.startswith("ai.")}
    return replace(shipped, rules={**shipped.rules, **on})


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_case(case: Case, policy) -> None:
    assert_found(case, replace(in_use(policy, case.rule), confirmed_facts=None))


@pytest.mark.parametrize("case", WITH_CONFIRMED_FACTS, ids=[case.id for case in WITH_CONFIRMED_FACTS])
def test_case_with_facts_to_confirm(case: Case, policy) -> None:
    assert_found(case, in_use(policy, case.rule))


def in_use(policy, rule: str):
    """The policy with the rule of a case, which may be off."""
    return with_rule(policy, rule, enabled=True)


def assert_found(case: Case, policy) -> None:
    actual = sorted((finding.rule, finding.severity) for finding in evaluate(case.facts, policy, case.on))
    assert actual == sorted(case.findings), case.reason
    assert expected(case.facts, policy, case.on) == case.findings


@pytest.mark.parametrize("rule", SEVERITIES)
def test_each_rule_fires_in_at_least_five_cases(rule: str) -> None:
    fires = [case for case in CASES if case.rule == rule and case.kind == "fires"]
    assert len(fires) >= 5
    assert [case.id for case in fires if rule not in dict(case.findings)] == []


@pytest.mark.parametrize("rule", SEVERITIES)
def test_each_rule_has_at_least_five_near_misses(rule: str) -> None:
    near = [case for case in CASES if case.rule == rule and case.kind == "near_miss"]
    assert len(near) >= 5
    assert [case.id for case in near if rule in dict(case.findings)] == []


@pytest.mark.parametrize("line", LINES)
def test_each_line_of_contradictions_has_five_cases_and_five_near_misses(line: str, policy) -> None:
    as_entered = replace(policy, confirmed_facts=None)
    for kind in ("fires", "near_miss"):
        cases = [case for case in CASES if case.id.startswith(f"contradiction-{line}") and case.kind == kind]
        assert len(cases) >= 5
        assert [case.id for case in cases if (line in lines_of(case, as_entered)) is not (kind == "fires")] == []


def lines_of(case: Case, policy) -> list[str]:
    observed = (finding.observed for finding in evaluate(case.facts, policy, case.on))
    return [line for each in observed for line in str(each.get("contradictions")).split(", ")]


def test_ids_are_unique() -> None:
    assert [id for id, count in Counter(case.id for case in (*CASES, *WITH_CONFIRMED_FACTS)).items() if count > 1] == []


def test_no_two_cases_have_equal_facts_and_different_findings() -> None:
    answers: dict[tuple, frozenset] = {}
    for case in CASES:
        # Off, but in its own cases.
        if case.rule == "security.untested":
            continue
        assert answers.setdefault((case.on, case.facts), case.findings) == case.findings, case.id


def test_each_case_has_a_reason() -> None:
    assert [
        case.id
        for case in (*CASES, *WITH_CONFIRMED_FACTS)
        if len(case.reason.split()) < 4 or not case.reason.endswith(".")
    ] == []
