"""The evaluator agrees with the oracle, an independent implementation of the contract."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from registry.freeze.evaluation import evaluate
from registry.freeze.facts import Facts
from registry.freeze.policy_file import load_policy
from registry.freeze.rules import fact_states
from tests.freeze.oracle import ALL_RULES, expected, states
from tests.freeze.random_projects import another_policy, project, registered_again

POLICY_FILE = Path(__file__).parents[2] / "config" / "freeze_policy.toml"
PROJECTS = 10_000
PROJECTS_PER_POLICY = 10


@pytest.fixture(scope="module")
def shipped() -> Any:
    return load_policy(POLICY_FILE)


def the_law_in(policy: Any) -> str:
    """A short description of the policy values that rules use."""
    rules = ", ".join(
        f"{name}={'' if rule.enabled else 'off/'}{rule.severity}" for name, rule in sorted(policy.rules.items())
    )
    return (
        f"cutoff={policy.cutoff} deadline={policy.migration_deadline} clock={policy.start_clock} "
        f"scope={sorted(policy.scope)} pilot={policy.pilot_limit_months} "
        f"percent={policy.modification_limit_percent} grace={policy.verification_grace_days} "
        f"attestation={policy.attestation_months} onboarding={policy.onboarding_limit_months} "
        f"before contract={policy.work_before_contract_days}\n  {rules}"
    )


def assert_same_answers(cases: Iterable[tuple[str, Facts, Any, date]]) -> None:
    disagreements: list[str] = []
    rules: Counter[str] = Counter()
    for seed, facts, policy, on in cases:
        findings = [(finding.rule, finding.severity) for finding in evaluate(facts, policy, on)]
        oracle = expected(facts, policy, on)
        known = {name: state.value for name, state in fact_states(facts, policy, on).items()}
        assert known == states(facts, policy, on)
        if set(findings) == oracle and len(findings) == len(oracle):
            continue
        rules.update(rule for rule, _ in set(findings) ^ oracle)
        disagreements.append(
            f"{seed}, on {on}\n  {facts}\n  policy: {the_law_in(policy)}\n"
            f"  evaluate: {sorted(findings)}\n  oracle:   {sorted(oracle)}"
        )
    assert not disagreements, (
        f"{len(disagreements)} projects are judged differently, by rule {dict(rules)}; the first of them:\n"
        + "\n".join(disagreements[:3])
    )


def test_evaluation_matches_the_oracle_for_the_shipped_policy(shipped: Any) -> None:
    def cases() -> Iterable[tuple[str, Facts, Any, date]]:
        for seed in range(PROJECTS):
            facts, on = project(seed, shipped)
            yield f"project seed {seed}, shipped policy", facts, shipped, on

    assert_same_answers(cases())


def test_evaluation_matches_the_oracle_for_random_policies(shipped: Any) -> None:
    def cases() -> Iterable[tuple[str, Facts, Any, date]]:
        policy = shipped
        for number in range(PROJECTS):
            policy_seed, remainder = divmod(number, PROJECTS_PER_POLICY)
            if remainder == 0:
                policy = another_policy(policy_seed, shipped)
            seed = PROJECTS + number
            facts, on = project(seed, policy)
            yield f"project seed {seed}, policy seed {policy_seed}", facts, policy, on

    assert_same_answers(cases())


def test_evaluation_matches_the_oracle_for_records_that_are_registered_again(shipped: Any) -> None:
    held: Counter[str] = Counter()

    def cases() -> Iterable[tuple[str, Facts, Any, date]]:
        for seed in range(3 * PROJECTS, 4 * PROJECTS):
            policy = shipped if seed % 2 else another_policy(seed, shipped)
            facts, on = project(seed, policy)
            again = registered_again(seed, facts, policy, on)
            held.update(
                {rule for rule, _ in expected(again, policy, on)} - {rule for rule, _ in expected(facts, policy, on)}
            )
            yield f"project seed {seed}, registered again", again, policy, on

    assert_same_answers(cases())
    assert held["integrity.rewritten"] > 50
    assert held["integrity.ended-unconfirmed"] > 5


def test_each_rule_holds_and_does_not_hold_for_at_least_fifty_random_projects(shipped: Any) -> None:
    hits: Counter[str] = Counter()
    all_on = replace(shipped, rules={name: replace(rule, enabled=True) for name, rule in shipped.rules.items()})
    for seed in range(PROJECTS):
        facts, on = project(seed, shipped)
        hits.update(rule for rule, _ in expected(facts, all_on, on))
    assert set(hits) <= set(ALL_RULES)
    assert {rule: hits[rule] for rule in ALL_RULES if not 50 <= hits[rule] <= PROJECTS - 50} == {}
