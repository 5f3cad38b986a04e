"""Properties of the evaluation for all facts."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date, timedelta

from hypothesis import example, given, settings, strategies as st

from registry.freeze.contract_differences import CONTRACT_RULES
from registry.freeze.evaluation import evaluate, in_scope
from registry.freeze.facts import ContractTerms, EarlierRevision, Facts
from registry.freeze.policy import Policy
from registry.freeze.rules import PLACEMENT_RULES, RULES
from registry.freeze.vocabulary import FINAL_STAGES, AgencyKind, Severity
from tests.freeze.factories import CUTOFF, POLICY, facts, past, with_rule

ONE_DAY = timedelta(days=1)
EDGES = [CUTOFF - ONE_DAY, CUTOFF, date(2024, 2, 29), POLICY.migration_deadline, POLICY.migration_deadline + ONE_DAY]
DATES = st.sampled_from(EDGES) | st.dates(date(2024, 1, 1), date(2028, 12, 31))
MAYBE = st.none() | DATES
MONEY = st.none() | st.integers(0, 10**15) | st.integers(0, 12)
WORK = st.sampled_from(["creation", "development", "modification", "maintenance", "migration"])
UNFINISHED = ["planning", "creation", "testing", "pilot", "operation"]
STAGES = st.sampled_from(UNFINISHED + sorted(FINAL_STAGES))
PLACEMENTS = st.sampled_from(["on_platform", "onboarding", "off_platform", "unknown"])

PASTS = st.builds(
    EarlierRevision,
    WORK,
    STAGES,
    PLACEMENTS,
    contract_signed_on=MAYBE,
    work_started_on=MAYBE,
    pilot_started_on=MAYBE,
    commissioned_on=MAYBE,
    object_commissioned_on=MAYBE,
    ended_on=MAYBE,
    consent_number=st.none() | st.just("12-3"),
    replaced_on=MAYBE,
)
FACTS = st.builds(
    Facts,
    agency_kind=st.sampled_from(sorted(AgencyKind.codes())),
    work_type=WORK,
    stage=STAGES,
    placement=PLACEMENTS,
    registered_on=MAYBE,
    onboarding_due_on=MAYBE,
    contract_signed_on=MAYBE,
    work_started_on=MAYBE,
    pilot_started_on=MAYBE,
    commissioned_on=MAYBE,
    object_commissioned_on=MAYBE,
    ended_on=MAYBE,
    budget_kzt=MONEY,
    object_original_cost_kzt=MONEY,
    consent_number=st.none() | st.just("12-3"),
    security_conclusion_number=st.none() | st.just("12-3"),
    security_conclusion_on=MAYBE,
    placement_verified_on=MAYBE,
    onboarding_confirmed_on=MAYBE,
    ending_confirmed_on=MAYBE,
    order_migrate_by=MAYBE,
    order_end_by=MAYBE,
    past=st.lists(PASTS, max_size=3).map(tuple),
    former=st.just(()) | st.lists(st.lists(PASTS, min_size=1, max_size=2).map(tuple), max_size=2).map(tuple),
)
ON = st.sampled_from(EDGES) | st.dates(date(2025, 6, 1), date(2028, 12, 31))


def without(policy: Policy, *rules: str) -> Policy:
    for rule in rules:
        policy = with_rule(policy, rule, enabled=False)
    return policy


def rules_of(project: Facts, policy: Policy, on: date) -> list[str]:
    return [finding.rule for finding in evaluate(project, policy, on)]


@settings(max_examples=5 * settings.default.max_examples)
@given(FACTS, ON)
def test_unfinished_project_is_unflagged_only_if_it_is_confirmed_on_the_platform(project: Facts, on: date) -> None:
    judged = on >= CUTOFF and in_scope(project.agency_kind, POLICY) and project.stage not in FINAL_STAGES
    if judged and not evaluate(project, POLICY, on):
        assert project.placement == "on_platform"
        assert project.placement_verified_on is not None
        assert project.placement_verified_on <= on


@given(FACTS, ON)
def test_nothing_is_flagged_before_the_cutoff_out_of_scope_or_on_the_platform(project: Facts, on: date) -> None:
    assert evaluate(project, POLICY, min(on, CUTOFF - ONE_DAY)) == ()
    assert evaluate(replace(project, agency_kind="national_security"), POLICY, on) == ()
    assert evaluate(replace(project, placement="on_platform", placement_verified_on=on), POLICY, on) == ()


@given(FACTS, ON)
def test_same_facts_on_the_same_day_give_the_same_findings(project: Facts, on: date) -> None:
    assert evaluate(project, POLICY, on) == evaluate(replace(project), replace(POLICY), on)


@settings(max_examples=5 * settings.default.max_examples)
@given(FACTS, ON, ON)
def test_fingerprint_stays_the_same_from_day_to_day(project: Facts, one: date, other: date) -> None:
    # What contradicts may become more with time; each pair is then a finding like a new one.
    first, second = (
        {(finding.rule, finding.observed.get("contradictions")): finding.fingerprint for finding in findings}
        for findings in (evaluate(project, POLICY, one), evaluate(project, POLICY, other))
    )
    assert all(first[rule] == second[rule] for rule in first.keys() & second.keys())


@given(FACTS, ON)
def test_each_rule_is_found_once_and_in_the_order_of_the_table(project: Facts, on: date) -> None:
    rules = rules_of(project, POLICY, on)
    assert rules == [rule for rule in RULES if rule in rules]
    assert sum(rule in PLACEMENT_RULES for rule in rules) <= 1


@settings(max_examples=5 * settings.default.max_examples)
@given(FACTS, ON, st.sampled_from(RULES))
def test_disabling_a_rule_changes_only_its_finding_legacy_and_what_an_edit_left(
    project: Facts, on: date, rule: str
) -> None:
    before, after = set(rules_of(project, POLICY, on)), set(rules_of(project, without(POLICY, rule), on))
    # An edit cannot have ended a finding of a rule that is off, nor is such a finding in the place of another one.
    assert before - after <= {rule, "integrity.rewritten"}
    assert after - before <= {"freeze.legacy", "integrity.rewritten"}
    assert rule not in after


@given(FACTS, ON)
def test_no_findings_with_all_rules_disabled(project: Facts, on: date) -> None:
    assert evaluate(project, without(POLICY, *RULES), on) == ()


@settings(max_examples=5 * settings.default.max_examples)
@given(FACTS, ON)
def test_legacy_is_found_exactly_where_no_other_rule_of_the_table_is(project: Facts, on: date) -> None:
    rules = [finding.rule for finding in evaluate(project, POLICY, on) if finding.rule not in PLACEMENT_RULES]
    assert "freeze.legacy" not in rules or rules == ["freeze.legacy"]


@settings(max_examples=5 * settings.default.max_examples)
@given(FACTS, ON)
@example(facts(work_type="creation", contract_signed_on=CUTOFF, work_started_on=None), CUTOFF)
def test_placement_claim_adds_a_finding_and_removes_none_after_the_grace_period(project: Facts, on: date) -> None:
    # A revision elsewhere ends the grace.
    plain = replace(project, placement="off_platform", past=(*project.past, past()))
    onboarding = replace(plain, placement="onboarding", onboarding_confirmed_on=None)
    hosted = replace(plain, placement="on_platform", placement_verified_on=None)
    findings = evaluate(plain, POLICY, on)
    if findings and plain.stage not in FINAL_STAGES:
        for claimed, rule in [(onboarding, "platform.onboarding-unconfirmed"), (hosted, "platform.unverified")]:
            assert rules_of(claimed, POLICY, on) == [rule, *(finding.rule for finding in findings)]


@given(FACTS, ON, st.sampled_from(sorted(FINAL_STAGES)))
def test_final_stage_has_only_the_rules_on_endings_and_orders(project: Facts, on: date, stage: str) -> None:
    rules = {"migration.order-overdue", "order.overdue", "integrity.ended-unconfirmed", "integrity.contradiction"}
    assert set(rules_of(replace(project, stage=stage), POLICY, on)) <= rules


def is_of_first_row(project: Facts, policy: Policy, on: date) -> bool:
    """``integrity.rewritten`` holds whether edits are judged or not."""
    return "integrity.rewritten" in rules_of(project, replace(policy, edit_severity="none"), on)


@given(FACTS, ON, st.sampled_from(RULES), st.sampled_from(Severity.codes()))
def test_severity_is_the_policys_except_within_the_grace_period_and_after_an_edit(
    project: Facts, on: date, rule: str, severity: str
) -> None:
    policy = with_rule(POLICY, rule, severity=severity)
    for finding in evaluate(project, policy, on):
        expected = policy.rules[finding.rule].severity
        if finding.rule == "integrity.rewritten" and not is_of_first_row(project, policy, on):
            expected = policy.edit_severity
        lone_claim = finding.rule == "platform.unverified" and len(evaluate(project, policy, on)) == 1
        assert finding.severity == ("low" if lone_claim else expected)


CONTRACTS = st.builds(
    ContractTerms,
    signed_on=MAYBE,
    sum_kzt=MONEY,
    amendments=st.lists(st.tuples(DATES, MONEY), max_size=2).map(tuple),
    number=st.sampled_from("123"),
    supplier_bin=st.sampled_from("ab"),
    is_named=st.booleans(),
    is_confirmed=st.booleans(),
)


@given(FACTS, st.lists(CONTRACTS, min_size=1, max_size=3, unique_by=lambda each: each.number), PASTS, ON)
def test_no_edit_after_a_contract_ends_what_it_contradicts(
    project: Facts, contracts: list[ContractTerms], edit: EarlierRevision, on: date
) -> None:
    before = replace(project, contracts=tuple(contracts), placement="off_platform", ending_confirmed_on=None)
    names = [field.name for field in fields(EarlierRevision) if field.name not in ("replaced_on", "confirmed")]
    values = {name: getattr(before, name) for name in names}
    revision = EarlierRevision(**values, replaced_on=on + ONE_DAY)
    edited = {name: getattr(edit, name) for name in names if name != "placement"}
    after = replace(before, **edited, past=(*before.past, revision))
    contradicted = {rule for rule in rules_of(before, POLICY, on) if rule in CONTRACT_RULES}
    assert contradicted <= set(rules_of(after, POLICY, on + ONE_DAY))
