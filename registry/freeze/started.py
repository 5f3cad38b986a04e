"""When work on a project began, by the policy's start clock (docs/reference/rules.md)."""

from __future__ import annotations

from datetime import date

from registry.freeze.facts import Facts, Past
from registry.freeze.policy import Policy


def started_on(values: Facts | Past, policy: Policy) -> date | None:
    """The earliest date set among the policy's ``start_clock``, or None when none is set."""
    earliest: date | None = None
    for field in policy.start_clock:
        day: date | None = getattr(values, field)
        if day is not None and (earliest is None or day < earliest):
            earliest = day
    return earliest
