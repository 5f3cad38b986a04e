"""The safety belt, both ways: an audit that would suddenly flag or clear very many projects waits for a person."""

from __future__ import annotations

from datetime import date

from registry.audits.reconciliation import Plan
from registry.flags.audit_runs import AuditRun
from registry.freeze.policy import Policy


def held_because(plan: Plan, policy: Policy, on: date, last: AuditRun | None) -> dict[str, int] | None:
    """Why the audit must be held, None when it need not be.

    Of the projects that the last good audit judged: newly flagged or newly clear, at least the policy's minimum and
    more than its percentage of all in-scope projects that it judged. Off when a date that the policy names lies between
    the two audits, both dates included, and before the first audit.
    """
    if last is None or any(last.on <= named <= on for named in policy.named_dates):
        return None
    told = {
        "newly_flagged": plan.newly_flagged,
        "newly_clear": plan.newly_clear,
        "judged_by_last_audit": last.projects_judged,
    }
    for count in (plan.newly_flagged, plan.newly_clear):
        if count >= policy.safety_belt_minimum and count * 100 > policy.safety_belt_percent * last.projects_judged:
            return told
    return None
