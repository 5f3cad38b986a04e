"""Stops of the tour: versions of the policy. The draft changes thresholds and rules; another one is scheduled."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from registry.accounts.roles import Role
from registry.audits.policy_activation import activate_policy, impact_of
from registry.core.clock import today
from registry.freeze.policy import first_policy
from registry.policies.service import draft_policy
from tests.factories import an_actor
from tests.web.tour_stop import Stop

DRAFT: Final = "2026.2"
SCHEDULED: Final = "2027.1"
EXPECTED: Final = {
    "name": "A system that was created in 2026",
    "on": "2026-10-05",
    "facts": {
        "agency_kind": "central_body",
        "work_type": "creation",
        "stage": "creation",
        "placement": "off_platform",
        "contract_signed_on": "2026-01-20",
        "work_started_on": "2026-02-01",
        "budget_kzt": 120_000_000,
    },
    "expected": ["freeze.creation"],
}


def add_policy_draft() -> str:
    """Draft a version of the policy. Return its name."""
    settings = {
        "verification_grace_days": 0,
        "rules": {"freeze.legacy": {"enabled": False}, "migration.overdue": {"severity": "high"}},
    }
    draft_policy(an_actor(Role.SUPERVISOR), {"version": DRAFT, "verdict_cases": [EXPECTED], **settings})
    draft_policy(an_actor(Role.SUPERVISOR), {"version": SCHEDULED, "verdict_cases": [EXPECTED]})
    another = an_actor(Role.SUPERVISOR, name="another supervisor")
    activate_policy(another, SCHEDULED, impact_of(another, SCHEDULED).digest, today() + timedelta(days=60))
    return DRAFT


def stops_of_policies(known: Mapping[str, object]) -> list[Stop]:
    """Pages of policy versions."""
    draft = f"/policies/{known['policy_draft']}"
    return [
        Stop("policies", Role.SUPERVISOR, "/policies"),
        Stop("policies-auditor", Role.AUDITOR, "/policies"),
        Stop("policy-in-force", Role.REVIEWER, f"/policies/{first_policy().version}"),
        Stop("policy-draft", Role.SUPERVISOR, draft),
        Stop("policy-scheduled", Role.SUPERVISOR, f"/policies/{SCHEDULED}"),
        Stop("policy-comparison", Role.SUPERVISOR, f"{draft}/comparison"),
        Stop("policy-impact", Role.SUPERVISOR, f"{draft}/impact"),
        Stop("policy-activation", Role.SUPERVISOR, f"{draft}/activation"),
        Stop("policy-activation-error", Role.SUPERVISOR, f"{draft}/activation", {"on": "01.01.2020"}),
        Stop("policy-new", Role.SUPERVISOR, "/policies/new"),
        Stop("policy-new-error", Role.SUPERVISOR, "/policies/new", {"version": "two words"}),
        Stop("policy-edit", Role.SUPERVISOR, f"{draft}/edit"),
        Stop("policy-edit-error", Role.SUPERVISOR, f"{draft}/edit", {"pilot_limit_months": "0"}),
    ]
