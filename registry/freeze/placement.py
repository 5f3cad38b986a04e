"""What is found on a placement that is claimed but not confirmed on the platform (docs/reference/rules.md).

Legal basis: the decree of 10 December 2025, clause 1, and the Digital Code, Art. 82(4).
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

from registry.freeze.dates import iso
from registry.freeze.facts import Facts
from registry.freeze.findings import Finding, Observed
from registry.freeze.policy import Policy


class Claim(NamedTuple):
    """A placement's finding, and whether it stands alone: the other rules are then not judged."""

    finding: Finding
    alone: bool


def on_platform(facts: Facts, on: date) -> bool:
    """The object is confirmed on the platform: placed there, and verified on the day or before."""
    verified = facts.placement_verified_on
    return facts.placement == "on_platform" and verified is not None and verified <= on


def claim(facts: Facts, policy: Policy, on: date) -> Claim | None:
    """What the placement itself gives cause for; None for a project that claims nothing.

    Asked only of projects that are not confirmed on the platform.
    """
    if facts.placement == "on_platform":
        return _unverified(facts, policy, on)
    if facts.placement == "onboarding":
        return _onboarding(facts, policy, on)
    return None


def _unverified(facts: Facts, policy: Policy, on: date) -> Claim:
    earlier = next((past.placement for past in facts.past if past.placement != "on_platform"), None)
    grace = earlier is None and _within_grace(facts, policy, on)
    severity = "low" if grace else policy.rules["platform.unverified"].severity
    observed: Observed = {
        "placement": facts.placement,
        "registered_on": iso(facts.registered_on),
        "earlier_placement": earlier,
    }
    return Claim(Finding("platform.unverified", severity, observed), grace)


def _within_grace(facts: Facts, policy: Policy, on: date) -> bool:
    # A project that is only being checked counts as registered on the day.
    registered = facts.registered_on or on
    return on <= registered + timedelta(days=policy.verification_grace_days)


def _onboarding(facts: Facts, policy: Policy, on: date) -> Claim:
    confirmed = facts.onboarding_confirmed_on is not None and facts.onboarding_confirmed_on <= on
    due = facts.onboarding_due_on
    if not confirmed:
        rule = "platform.onboarding-unconfirmed"
    elif due is None or due < on:
        rule = "platform.onboarding-overdue"
    else:
        rule = "platform.onboarding"
    observed: Observed = {"placement": facts.placement, "onboarding_due_on": iso(due)}
    return Claim(Finding(rule, policy.rules[rule].severity, observed), rule == "platform.onboarding")
