"""Factories of facts and policies: by default in scope, off the platform and complete."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from registry.freeze.facts import EarlierRevision, Facts
from registry.freeze.policy import Policy
from registry.freeze.policy_file import load_policy

POLICY_FILE = Path(__file__).resolve().parents[2] / "config" / "freeze_policy.toml"
POLICY = load_policy(POLICY_FILE)
# By which all facts count as entered.
AS_ENTERED = replace(POLICY, confirmed_facts=None)
CUTOFF = date(2026, 1, 1)


def facts(**changes: Any) -> Facts:
    """Maintenance of an object in operation, started long ago: only freeze.legacy holds before the deadline."""
    usual: dict[str, Any] = {
        "agency_kind": "central_body",
        "work_type": "maintenance",
        "stage": "operation",
        "placement": "off_platform",
        "registered_on": date(2026, 1, 10),
        "contract_signed_on": date(2025, 2, 1),
        "work_started_on": date(2025, 3, 1),
        "object_commissioned_on": date(2018, 5, 14),
    }
    return Facts(**(usual | changes))


def past(**changes: Any) -> EarlierRevision:
    """An earlier revision with the same values as ``facts()``."""
    usual: dict[str, Any] = {
        "work_type": "maintenance",
        "stage": "operation",
        "placement": "off_platform",
        "contract_signed_on": date(2025, 2, 1),
        "work_started_on": date(2025, 3, 1),
    }
    return EarlierRevision(**(usual | changes))


def with_rule(policy: Policy, name: str, **changes: Any) -> Policy:
    """The policy with one rule changed."""
    return replace(policy, rules={**policy.rules, name: replace(policy.rules[name], **changes)})
