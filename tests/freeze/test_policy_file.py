"""Values of policy files: those of the contract, and wrong ones with file, line and key."""

from __future__ import annotations

import re
from datetime import date
from hashlib import sha256
from pathlib import Path

import pytest

from registry.freeze.evaluation import evaluate
from registry.freeze.policy import DeadlineDays
from registry.freeze.policy_file import load_policy, policy_document, policy_text, read_policy
from registry.freeze.rules import RULES
from tests.freeze.factories import POLICY, POLICY_FILE, facts
from tests.freeze.policy_texts import NEWLINE, SHIPPED, changed, line_of, problems


def test_shipped_policy_matches_the_contract() -> None:
    assert POLICY.version == "2026.12.1"
    assert (POLICY.in_force_from, POLICY.cutoff) == (date(2026, 1, 1), date(2026, 1, 1))
    assert POLICY.start_clock == ("contract_signed_on", "work_started_on")
    assert POLICY.scope == {
        "central_body",
        "local_executive",
        "state_legal_entity",
        "quasi_public",
        "subsidiary",
        "other_performer",
    }
    assert POLICY.migration_deadline == date(2026, 9, 30)
    assert (POLICY.pilot_limit_months, POLICY.modification_limit_percent) == (12, 20)
    assert (POLICY.verification_grace_days, POLICY.onboarding_limit_months) == (30, 6)
    assert POLICY.case_from_severity == "medium"
    assert (POLICY.change_threshold_percent, POLICY.change_threshold_minimum) == (25, 50)
    assert POLICY.document_quota_mib == 200
    assert POLICY.attestation_months == 6
    assert POLICY.deadlines == DeadlineDays(answer=10, review=20, appeal=15)
    assert POLICY.named_dates == (POLICY.cutoff, POLICY.migration_deadline)


def test_shipped_rules_have_the_contracts_severity_and_all_but_two_are_on() -> None:
    assert {name: rule.severity for name, rule in POLICY.rules.items()} == {
        "platform.unverified": "medium",
        "platform.onboarding": "plan",
        "platform.onboarding-overdue": "medium",
        "platform.onboarding-unconfirmed": "low",
        "platform.idle": "medium",
        "freeze.creation": "high",
        "freeze.planned": "medium",
        "freeze.transitional": "medium",
        "freeze.development": "medium",
        "freeze.misclassified": "high",
        "freeze.modification-limit": "high",
        "freeze.modification-sum": "medium",
        "freeze.pilot-limit": "high",
        "freeze.data-gap": "medium",
        "migration.overdue": "plan",
        "migration.order-overdue": "high",
        "order.overdue": "high",
        "security.untested": "medium",
        "integrity.backdated": "high",
        "integrity.rewritten": "high",
        "integrity.contradiction": "medium",
        "integrity.split-contract": "medium",
        "ai.incomplete": "medium",
        "ai.contradiction": "medium",
        "ai.outdated": "medium",
        "integrity.ended-unconfirmed": "medium",
        "freeze.legacy": "plan",
        "integrity.unattested": "low",
        "contract.signed-later": "high",
        "contract.sum-above-budget": "medium",
        "contract.raised-after-cutoff": "medium",
        "contract.split": "medium",
    }
    assert tuple(POLICY.rules) == RULES
    assert [name for name, rule in POLICY.rules.items() if not rule.enabled] == [
        "security.untested",
        "ai.incomplete",
        "ai.contradiction",
        "ai.outdated",
        "integrity.unattested",
    ]
    assert not any(rule.kk_reviewed for rule in POLICY.rules.values())


def test_digest_is_the_sha256_of_the_file(tmp_path: Path) -> None:
    copy = tmp_path / "copy.toml"
    copy.write_bytes(SHIPPED.replace("\n", "\r\n").encode())
    assert load_policy(copy).digest == sha256(copy.read_bytes()).hexdigest()
    assert load_policy(str(POLICY_FILE)).digest == sha256(POLICY_FILE.read_bytes()).hexdigest()


def test_same_file_read_twice_gives_equal_policies() -> None:
    assert load_policy(POLICY_FILE) == POLICY
    assert hash(load_policy(POLICY_FILE)) == hash(POLICY)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("version", "2026", "a text that is not blank"),
        ("version", '" "', "a text that is not blank"),
        ("version", '"new"', 'a text that is not blank and not "new"'),
        ("in_force_from", '"2026-01-01"', "a date such as 2026-01-01, without quotes or time"),
        ("cutoff", "2026-01-01T00:00:00", "a date such as 2026-01-01, without quotes or time"),
        ("migration_deadline", "20260930", "a date such as 2026-01-01, without quotes or time"),
        ("start_clock", "[]", "a list of one or more of contract_signed_on, work_started_on"),
        ("start_clock", '["specification_approved_on"]', "a list of one or more of contract_signed_on"),
        ("start_clock", '"contract_signed_on"', "a list of one or more of contract_signed_on"),
        ("start_clock", "[[]]", "a list of one or more of contract_signed_on"),
        ("pilot_limit_months", "0", "a whole number of months from 1 to 600"),
        ("pilot_limit_months", "601", "a whole number of months from 1 to 600"),
        ("pilot_limit_months", "true", "a whole number of months from 1 to 600"),
        ("onboarding_limit_months", "0", "a whole number of months from 1 to 600"),
        ("onboarding_limit_months", "601", "a whole number of months from 1 to 600"),
        ("modification_limit_percent", "-1", "a whole number of percent from 0 to 100"),
        ("modification_limit_percent", "101", "a whole number of percent from 0 to 100"),
        ("modification_limit_percent", "20.0", "a whole number of percent from 0 to 100"),
        ("change_threshold_percent", "-1", "a whole number of percent from 0 to 100"),
        ("change_threshold_percent", "101", "a whole number of percent from 0 to 100"),
        ("change_threshold_minimum", "-1", "a whole number of projects from 0 to 1000000000"),
        ("change_threshold_minimum", "1000000001", "a whole number of projects from 0 to 1000000000"),
        ("document_quota_mib", "0", "a whole number of MiB from 1 to 1000000"),
        ("document_quota_mib", "1000001", "a whole number of MiB from 1 to 1000000"),
        ("document_quota_mib", "1.5", "a whole number of MiB from 1 to 1000000"),
        ("verification_grace_days", "-1", "a whole number of days from 0 to 3650"),
        ("verification_grace_days", "3651", "a whole number of days from 0 to 3650"),
        ("case_from_severity", '"severe"', "one of low, medium, high"),
        ("case_from_severity", "[]", "one of low, medium, high"),
    ],
)
def test_wrong_value_is_rejected_by_line_and_key(key: str, value: str, expected: str) -> None:
    text = re.sub(rf"(?m)^{key} = .*$", f"{key} = {value}", SHIPPED, count=1)
    (problem,) = problems(text)
    assert problem.startswith(f"policy.toml:{line_of(f'{NEWLINE}{key} = ', text) + 1}: {key}: expected {expected}")
    assert ", found " in problem


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("pilot_limit_months", 1),
        ("pilot_limit_months", 600),
        ("onboarding_limit_months", 1),
        ("onboarding_limit_months", 600),
        ("modification_limit_percent", 0),
        ("modification_limit_percent", 100),
        ("change_threshold_percent", 0),
        ("change_threshold_percent", 100),
        ("change_threshold_minimum", 0),
        ("change_threshold_minimum", 1_000_000_000),
        ("document_quota_mib", 1),
        ("document_quota_mib", 1_000_000),
        ("verification_grace_days", 0),
        ("verification_grace_days", 3650),
    ],
)
def test_ends_of_every_range_are_accepted(key: str, value: int) -> None:
    text = re.sub(rf"(?m)^{key} = .*$", f"{key} = {value}", SHIPPED, count=1)
    assert getattr(read_policy(text, "policy.toml"), key) == value


@pytest.mark.parametrize("kind", ["ministry", "Central_body"])
def test_unknown_agency_kind_in_the_scope_is_rejected(kind: str) -> None:
    (problem,) = problems(changed('"quasi_public"', f'"{kind}"'))
    kinds = "central_body, local_executive, national_security, other_performer, private, quasi_public"
    expected = f"scope: expected a list of one or more of {kinds}, state_legal_entity, subsidiary, found "
    assert problem.startswith(f"policy.toml:{line_of('scope = [')}: {expected}")


@pytest.mark.parametrize(("name", "days"), [("answer", 10), ("review", 20), ("appeal", 15)])
def test_wrong_clock_is_rejected_by_line_and_key(name: str, days: int) -> None:
    line = line_of(f"{name} = {days}")
    for wrong in ("0", "true", "1.5", "3651"):
        (problem,) = problems(changed(f"{name} = {days}", f"{name} = {wrong}"))
        assert problem.startswith(
            f"policy.toml:{line}: deadlines.{name}: expected a whole number of working days from 1 to 3650, found "
        )
    for right in (1, 3650):
        policy = read_policy(changed(f"{name} = {days}", f"{name} = {right}"), "policy.toml")
        assert getattr(policy.deadlines, name) == right


def test_policy_file_without_document_quota_means_200_mib() -> None:
    text = re.sub(r"(?m)^document_quota_mib = .*$", "", SHIPPED, count=1)
    assert read_policy(text, "policy.toml").document_quota_mib == 200


def test_older_policy_file_without_attestation_loads_with_six_months_and_the_rule_off(tmp_path: Path) -> None:
    older = tmp_path / "older.toml"
    start = SHIPPED.index("# Off until oversight asks for it: a record")
    end = SHIPPED.index("# Holds where no other rule")
    older.write_text((SHIPPED[:start] + SHIPPED[end:]).replace("attestation_months = 6\n", ""), encoding="utf-8")
    policy = load_policy(older)
    assert policy.attestation_months == 6
    rule = policy.rules["integrity.unattested"]
    assert (rule.enabled, rule.severity, rule.title["en"]) == (False, "low", "Record not confirmed as still true")
    assert tuple(policy.rules) == RULES


def test_older_policy_file_without_contradictions_does_not_judge_them() -> None:
    start = SHIPPED.index('[rules."integrity.contradiction"]')
    end = SHIPPED.index('[rules."integrity.ended-unconfirmed"]')
    older = read_policy(SHIPPED[:start] + SHIPPED[end:].replace("work_before_contract_days = 30\n", ""), "policy.toml")
    assert older.work_before_contract_days == 30
    assert older.rules["integrity.contradiction"].enabled is False
    begun_early = facts(work_type="development", contract_signed_on=date(2025, 7, 1))
    rules = [[finding.rule for finding in evaluate(begun_early, each, date(2026, 5, 5))] for each in (older, POLICY)]
    assert rules == [["freeze.legacy"], ["integrity.contradiction"]]


def test_appeal_suspends_the_order_unless_the_policy_file_says_no() -> None:
    assert read_policy(SHIPPED, "policy.toml").appeal_suspends is True
    binding = read_policy(SHIPPED.replace("[deadlines]", "appeal_suspends = false\n\n[deadlines]", 1), "policy.toml")
    assert binding.appeal_suspends is False
    assert read_policy(policy_text(policy_document(binding)), "again").appeal_suspends is False


OF_RELEASE_0_2 = SHIPPED.replace("change_threshold", "safety_belt").replace("[deadlines]", "[clocks]")


def test_policy_with_the_key_names_of_release_0_2_is_the_same_policy_with_its_own_digest() -> None:
    former = read_policy(OF_RELEASE_0_2, "policy.toml")
    assert policy_document(former) == policy_document(POLICY)
    assert former.digest == sha256(OF_RELEASE_0_2.encode()).hexdigest() != POLICY.digest


def test_wrong_value_under_a_former_name_is_rejected_at_its_line() -> None:
    text = OF_RELEASE_0_2.replace("answer = 10", "answer = 0").replace("belt_percent = 25", "belt_percent = -1")
    of_threshold, of_deadline = problems(text)
    assert of_threshold.startswith(f"policy.toml:{line_of('safety_belt_percent', text)}: change_threshold_percent: ")
    assert of_deadline.startswith(f"policy.toml:{line_of('answer = 0', text)}: deadlines.answer: ")


def test_key_under_both_its_names_is_rejected() -> None:
    text = changed("change_threshold_percent = 25", "change_threshold_percent = 25\nsafety_belt_percent = 30")
    (problem,) = problems(text)
    line = line_of("safety_belt_percent", text)
    assert problem.startswith(f"policy.toml:{line}: safety_belt_percent: unknown, expected only ")


def test_targets_are_percentages_by_date_in_order() -> None:
    table = '[targets]\n2026-12-31 = 80\n"2026-06-30" = 40\n\n[deadlines]'
    policy = read_policy(SHIPPED.replace("[deadlines]", table), "policy.toml")
    assert policy.targets == ((date(2026, 6, 30), 40), (date(2026, 12, 31), 80))
    assert POLICY.targets == ((date(2026, 9, 30), 100),)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("soon = 80", "targets.soon: expected a date such as 2026-09-30"),
        ("2026-02-30 = 80", "targets.2026-02-30: expected a date such as 2026-09-30"),
        ("2026-09-30 = 101", "targets.2026-09-30: expected a whole number of percent from 0 to 100, found 101"),
        ("2026-09-30 = 80.5", "targets.2026-09-30: expected a whole number of percent from 0 to 100, found 80.5"),
    ],
)
def test_wrong_target_is_rejected(line: str, complaint: str) -> None:
    text = SHIPPED.replace("[deadlines]", f"[targets]\n{line}\n\n[deadlines]")
    (problem,) = problems(text)
    assert problem.endswith(complaint)
