"""Judges one project by the policy on a day: the only place where the rules come together."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import NamedTuple

from registry.freeze.facts import Facts
from registry.freeze.findings import Finding
from registry.freeze.placement import claim, on_platform
from registry.freeze.policy import Policy
from registry.freeze.rules import UNFINISHED, Rule, ended_unconfirmed, legacy
from registry.freeze.started import started_on
from registry.freeze.words import FINAL_STAGES

__all__ = ["evaluate", "in_scope", "on_platform"]


class _Judge(NamedTuple):
    name: str
    severity: str
    rule: Rule


def in_scope(agency_kind: str, policy: Policy) -> bool:
    """Whether the freeze binds agencies of this kind; the others' projects are counted apart."""
    return agency_kind in policy.scope


def evaluate(facts: Facts, policy: Policy, on: date) -> tuple[Finding, ...]:
    """Everything found on the project on the day, placement first, then in the order of the rules' table.

    Empty before the cutoff, out of scope, and for what is confirmed on the platform. A rule that is off finds
    nothing, but the placement still decides whether the other rules are judged.
    """
    if on < policy.cutoff or facts.agency_kind not in policy.scope or on_platform(facts, on):
        return ()
    if facts.stage in FINAL_STAGES:
        return _ended(facts, policy, on)
    found = []
    claimed = claim(facts, policy, on)
    if claimed is not None:
        if policy.rules[claimed.finding.rule].enabled:
            found.append(claimed.finding)
        if claimed.alone:
            return tuple(found)
    return (*found, *_unfinished(facts, policy, on))


def _ended(facts: Facts, policy: Policy, on: date) -> tuple[Finding, ...]:
    rule = policy.rules["integrity.ended-unconfirmed"]
    observed = ended_unconfirmed(facts, policy, on) if rule.enabled else None
    return () if observed is None else (Finding("integrity.ended-unconfirmed", rule.severity, observed),)


def _unfinished(facts: Facts, policy: Policy, on: date) -> list[Finding]:
    started = started_on(facts, policy)
    found = []
    for name, severity, rule in _judges(policy):
        observed = rule(facts, started, policy, on)
        if observed is not None:
            found.append(Finding(name, severity, observed))
    if not found and policy.rules["freeze.legacy"].enabled:
        found.append(Finding("freeze.legacy", policy.rules["freeze.legacy"].severity, legacy(facts, started)))
    return found


@lru_cache(maxsize=8)
def _judges(policy: Policy) -> tuple[_Judge, ...]:
    # Worked out once a policy and not once a project: an audit asks a million times.
    return tuple(
        _Judge(name, policy.rules[name].severity, rule)
        for name, rule in UNFINISHED.items()
        if policy.rules[name].enabled
    )
