"""Attestation: until when a record counts as confirmed by its agency."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from registry.freeze.dates import add_months
from registry.freeze.policy import Policy

A_DAY: Final = timedelta(days=1)
MIN_DAYS_OF_MONTH: Final = 28


def attestation_due(attested_on: date, policy: Policy) -> date | None:
    """The last day on which the next attestation is in time; None when the policy asks for none."""
    return add_months(attested_on, policy.attestation_months) if policy.attestation_months else None


def attested_before(due_before: date, policy: Policy) -> date | None:
    """The latest attestation whose next one is due before the day; None when the policy asks for none.

    For comparisons in a database, which cannot add calendar months alike.
    """
    if not policy.attestation_months:
        return None
    day = due_before - MIN_DAYS_OF_MONTH * policy.attestation_months * A_DAY
    while add_months(day, policy.attestation_months) >= due_before:
        day -= A_DAY
    return day
