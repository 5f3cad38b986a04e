"""Evaluation of one project against the policy on a day: the only entry point to the rules."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from registry.freeze.contract_differences import CONTRACT_RULES
from registry.freeze.dates import RecordingDate, iso
from registry.freeze.edits import FORMER_RULES, earlier_facts, edited, ended_findings, registered_again, table_findings
from registry.freeze.facts import Facts
from registry.freeze.findings import Finding
from registry.freeze.policy import Policy
from registry.freeze.rules import (
    AI_RULES,
    ENDED_UNCONFIRMED,
    LEGACY,
    REWRITTEN,
    UNATTESTED,
    WHEREVER_HOSTED,
    ending_confirmed,
    idle,
    judges_platform,
    legacy,
    on_platform,
    placement_finding,
    started_on,
    unattested,
)
from registry.freeze.vocabulary import FINAL_STAGES

__all__ = ["NextChange", "evaluate", "findings_from", "in_scope", "next_change", "on_platform"]


def in_scope(agency_kind: str, policy: Policy) -> bool:
    """Return True when the freeze binds agencies of this kind; projects of other agencies are counted separately."""
    return agency_kind in policy.scope


def evaluate(facts: Facts, policy: Policy, on: date) -> tuple[Finding, ...]:
    """Return the findings on the project on the day: placement first, then in the order of the rules table.

    Empty before the cutoff and for agencies out of scope; for projects confirmed on the platform only
    ``platform.idle`` and the rules that hold wherever an object is hosted. A disabled rule returns no finding, but a
    disabled placement rule still decides whether the other rules are evaluated.
    """
    if on < policy.cutoff or not in_scope(facts.agency_kind, policy):
        return ()
    if facts.confirmed:
        # Every confirmation counts from its own date on.
        facts = replace(facts, confirmed=tuple((name, day) for name, day in facts.confirmed if day <= on))
    if facts.stage in FINAL_STAGES:
        return () if on_platform(facts, on) else _ended(facts, policy, on)
    if on_platform(facts, on):
        unused = idle(facts, policy, on)
        return (*(() if unused is None else (unused,)), *_wherever_hosted(facts, policy, on))
    findings = []
    placement = placement_finding(facts, policy, on)
    if placement is not None:
        if policy.rules[placement.finding.rule].enabled:
            findings.append(placement.finding)
        if placement.exclusive:
            return (*findings, *_wherever_hosted(facts, policy, on))
    return (*findings, *_unfinished(facts, policy, on))


class NextChange(NamedTuple):
    """The first day on which other findings hold if no fact and no policy changes, and these findings."""

    on: date
    findings: tuple[Finding, ...]


def next_change(facts: Facts, policy: Policy, on: date) -> NextChange | None:
    """Return when the findings of a day change by the passing of time alone; None when they never do.

    A project that is only checked counts as registered on the day. The boundaries come from the
    rules: the date records the dates with which they compare it.
    """
    changes = findings_from(replace(facts, registered_on=facts.registered_on or on), policy, on)
    return next(islice(changes, 1, None), None)


def findings_from(facts: Facts, policy: Policy, on: date, until: date = date.max) -> Iterator[NextChange]:
    """Yield the findings of a day, and each later day up to ``until`` on which time alone has changed them."""
    known = None
    while True:
        day = RecordingDate.of(on)
        findings = evaluate(facts, policy, day)
        if findings != known:
            known = findings
            yield NextChange(on, findings)
        if not day.boundaries or (on := min(day.boundaries)) > until:
            return


def _wherever_hosted(facts: Facts, policy: Policy, on: date) -> tuple[Finding, ...]:
    """Return what the rules find that do not ask where an object is hosted, and the edits that end their findings."""
    if not judges_platform(policy):
        return ()
    of_any_hosting = _without_hosting(policy)
    findings = table_findings(facts, None, of_any_hosting, on)
    return (*findings, *(_of_edits(facts, of_any_hosting, on) if policy.rules[REWRITTEN].enabled else ()))


@lru_cache(maxsize=8)
def _without_hosting(policy: Policy) -> Policy:
    rules = {
        name: replace(rule, enabled=rule.enabled and name in WHEREVER_HOSTED) for name, rule in policy.rules.items()
    }
    return replace(policy, rules=rules)


def _of_edits(facts: Facts, policy: Policy, on: date) -> list[Finding]:
    """Return the finding of an edit, of a new record or of earlier facts."""
    observed = edited(facts, policy) or registered_again(facts, policy) or earlier_facts(facts, policy, on)
    return [] if observed is None else [Finding(REWRITTEN, policy.edit_severity, observed)]


def _ended(facts: Facts, policy: Policy, on: date) -> tuple[Finding, ...]:
    findings = ended_findings(facts, policy, on)
    rule = policy.rules[ENDED_UNCONFIRMED]
    is_found = any(finding.rule == ENDED_UNCONFIRMED for finding in findings)
    if facts.former and not is_found and rule.enabled and not ending_confirmed(facts, on):
        former = registered_again(facts, policy)
        if former is not None:
            ended = {"stage": facts.stage, "ended_on": iso(facts.ended_on)}
            findings.append(Finding(ENDED_UNCONFIRMED, rule.severity, {**ended, FORMER_RULES: former[FORMER_RULES]}))
    is_judged = facts.contracts and not ending_confirmed(facts, on)
    return (*findings, *(_of_contracts(facts, policy, on) if is_judged else ()))


def _unfinished(facts: Facts, policy: Policy, on: date) -> list[Finding]:
    started = started_on(facts, policy)
    findings = table_findings(facts, started, policy, on)
    if policy.rules[REWRITTEN].enabled and all(finding.rule != REWRITTEN for finding in findings):
        # The last of the table.
        findings += _of_edits(facts, policy, on)
    of_contracts = _of_contracts(facts, policy, on) if facts.contracts else []
    is_legacy = not of_contracts and all(finding.rule in AI_RULES for finding in findings)
    if policy.rules[LEGACY].enabled and is_legacy:
        findings.append(Finding(LEGACY, policy.rules[LEGACY].severity, legacy(facts, started)))
    if policy.rules[UNATTESTED].enabled and (observed := unattested(facts, policy, on)) is not None:
        findings.append(Finding(UNATTESTED, policy.rules[UNATTESTED].severity, observed))
    return findings + of_contracts


def _of_contracts(facts: Facts, policy: Policy, on: date) -> list[Finding]:
    return [
        Finding(name, policy.rules[name].severity, observed)
        for name, rule in CONTRACT_RULES.items()
        if policy.rules[name].enabled and (observed := rule(facts, policy, on)) is not None
    ]
