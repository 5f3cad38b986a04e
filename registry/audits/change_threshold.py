"""Change threshold: an audit that would change too many projects at once is held for confirmation."""

from __future__ import annotations

from datetime import date

from registry.audits.reconciliation import Plan
from registry.flags.audit_runs import AuditRun
from registry.freeze.policy import Policy


def held_because(plan: Plan, policy: Policy, on: date, last: AuditRun | None) -> dict[str, int] | None:
    """Return why the audit must be held, or None.

    Counts projects that the last successful audit judged: newly flagged, newly clear, and those whose highest severity
    rises or falls while they keep a flag. A count reaches the
    threshold when it is at least the policy's minimum and more than its percentage of all in-scope projects of that
    audit. The threshold does not apply to the first audit, nor when a date named in the policy lies between the two
    audits, both dates included.
    """
    if last is None or any(last.on <= named <= on for named in policy.named_dates):
        return None
    turns = plan.turns()
    for count in turns.values():
        if count >= policy.safety_belt_minimum and count * 100 > policy.safety_belt_percent * last.projects_judged:
            return {**turns, "judged_by_last_audit": last.projects_judged}
    return None
