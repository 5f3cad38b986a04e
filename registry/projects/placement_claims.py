"""Placement and ending as claimed by the agency; editing a claim withdraws its confirmation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PLACEMENT_CLAIMS = ("placement", "platform_key", "onboarding_due_on")
ENDING_CLAIMS = ("stage", "ended_on")


def withdraw_confirmations(before: Mapping[str, Any], after: dict[str, Any]) -> None:
    """Clear the confirmations in ``after`` that the edit withdraws (docs/reference/fields.md).

    Editing the placement, platform key or onboarding date withdraws the verification and the onboarding confirmation.
    Editing the stage or end date withdraws the ending confirmation, since nobody confirmed the new values.
    """
    if any(before[name] != after[name] for name in PLACEMENT_CLAIMS):
        after["placement_verified_on"] = None
        after["onboarding_confirmed_on"] = None
    if any(before[name] != after[name] for name in ENDING_CLAIMS):
        after["ending_confirmed_on"] = None
