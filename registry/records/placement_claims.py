"""What an agency claims of its placement, and which claims end a confirmation when they are edited."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PLACEMENT_CLAIMS = ("placement", "platform_key", "onboarding_due_on")


def end_confirmations(before: Mapping[str, Any], wanted: dict[str, Any]) -> None:
    """Take out of ``wanted`` the confirmations that the edit ends (docs/contract.md §2).

    Placement, platform key or onboarding date edited: verification and onboarding end. Stage edited: the ending does.
    """
    if any(before[name] != wanted[name] for name in PLACEMENT_CLAIMS):
        wanted["placement_verified_on"] = None
        wanted["onboarding_confirmed_on"] = None
    if before["stage"] != wanted["stage"]:
        wanted["ending_confirmed_on"] = None
