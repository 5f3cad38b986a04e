"""Findings on a placement that is claimed but not confirmed (docs/reference/rules.md).

Legal basis: the decree of 10 December 2025, clause 1, and the Digital Code, Art. 82(4).
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final, NamedTuple

from registry.freeze.dates import iso
from registry.freeze.facts import Facts
from registry.freeze.findings import Finding, Observed
from registry.freeze.policy import Policy
from registry.freeze.vocabulary import Placement, Severity

# Plain strings, which compare faster than members (see rules.py).
ON_PLATFORM: Final = Placement.ON_PLATFORM.value
AT_ONBOARDING: Final = Placement.ONBOARDING.value
UNVERIFIED: Final = "platform.unverified"
ONBOARDING: Final = "platform.onboarding"
OVERDUE: Final = "platform.onboarding-overdue"
UNCONFIRMED: Final = "platform.onboarding-unconfirmed"
# The order of findings.
PLACEMENT_RULES: Final = (UNVERIFIED, ONBOARDING, OVERDUE, UNCONFIRMED)


class PlacementFinding(NamedTuple):
    """A finding on the placement. If it is ``exclusive``, the other rules are not evaluated."""

    finding: Finding
    exclusive: bool


def on_platform(facts: Facts, on: date) -> bool:
    """True when the object is on the platform and this was verified on or before the day."""
    verified = facts.placement_verified_on
    return facts.placement == ON_PLATFORM and verified is not None and verified <= on


def placement_finding(facts: Facts, policy: Policy, on: date) -> PlacementFinding | None:
    """The finding on the placement; None for a project that claims neither placement nor onboarding.

    Must not be called for projects that are confirmed on the platform.
    """
    if facts.placement == ON_PLATFORM:
        return _unverified(facts, policy, on)
    if facts.placement == AT_ONBOARDING:
        return _onboarding(facts, policy, on)
    return None


def _unverified(facts: Facts, policy: Policy, on: date) -> PlacementFinding:
    earlier = next((past.placement for past in facts.past if past.placement != ON_PLATFORM), None)
    grace = earlier is None and _within_grace(facts, policy, on)
    severity = Severity.LOW.value if grace else policy.rules[UNVERIFIED].severity
    observed: Observed = {
        "placement": facts.placement,
        "registered_on": iso(facts.registered_on),
        "earlier_placement": earlier,
    }
    return PlacementFinding(Finding(UNVERIFIED, severity, observed), grace)


def _within_grace(facts: Facts, policy: Policy, on: date) -> bool:
    # An unregistered project that is only checked counts as registered on the day.
    registered = facts.registered_on or on
    return on <= registered + timedelta(days=policy.verification_grace_days)


def _onboarding(facts: Facts, policy: Policy, on: date) -> PlacementFinding:
    confirmed = facts.onboarding_confirmed_on is not None and facts.onboarding_confirmed_on <= on
    due = facts.onboarding_due_on
    if not confirmed:
        rule = UNCONFIRMED
    elif due is None or due < on:
        rule = OVERDUE
    else:
        rule = ONBOARDING
    observed: Observed = {"placement": facts.placement, "onboarding_due_on": iso(due)}
    return PlacementFinding(Finding(rule, policy.rules[rule].severity, observed), rule == ONBOARDING)
