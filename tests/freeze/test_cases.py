"""The evaluation matches every case worked out by hand, and the cases are complete."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from registry.freeze.evaluation import evaluate
from registry.freeze.policy_file import load_policy
from tests.freeze.cases import CONFIRMED_FACTS, SEVERITIES, Case, load

CASES = load()
WITH_CONFIRMED_FACTS = load(CONFIRMED_FACTS)
POLICY_FILE = Path(__file__).resolve().parents[2] / "config" / "freeze_policy.toml"


@pytest.fixture(scope="module")
def policy():
    return load_policy(POLICY_FILE)


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_case(case: Case, policy) -> None:
    assert_found(case, replace(policy, confirmed_facts=None))


@pytest.mark.parametrize("case", WITH_CONFIRMED_FACTS, ids=[case.id for case in WITH_CONFIRMED_FACTS])
def test_case_with_facts_to_confirm(case: Case, policy) -> None:
    assert_found(case, policy)


def assert_found(case: Case, policy) -> None:
    actual = sorted((finding.rule, finding.severity) for finding in evaluate(case.facts, policy, case.on))
    assert actual == sorted(case.findings), case.reason


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


def test_ids_are_unique() -> None:
    assert [id for id, count in Counter(case.id for case in (*CASES, *WITH_CONFIRMED_FACTS)).items() if count > 1] == []


def test_no_two_cases_have_equal_facts_and_different_findings() -> None:
    answers: dict[tuple, frozenset] = {}
    for case in CASES:
        assert answers.setdefault((case.on, case.facts), case.findings) == case.findings, case.id


def test_each_case_has_a_reason() -> None:
    assert [
        case.id
        for case in (*CASES, *WITH_CONFIRMED_FACTS)
        if len(case.reason.split()) < 4 or not case.reason.endswith(".")
    ] == []
