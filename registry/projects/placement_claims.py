"""What an agency claims of its placement and of an ending, and which claims end a confirmation when they are edited."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PLACEMENT_CLAIMS = ("placement", "platform_key", "onboarding_due_on")
ENDING_CLAIMS = ("stage", "ended_on")


def end_confirmations(before: Mapping[str, Any], wanted: dict[str, Any]) -> None:
    """Take out of ``wanted`` the confirmations that the edit ends (docs/reference/fields.md).

    Placement, platform key or onboarding date edited: verification and onboarding end. Stage or day of the end edited:
    the ending does, as another day is one that nobody confirmed.
    """
    if any(before[name] != wanted[name] for name in PLACEMENT_CLAIMS):
        wanted["placement_verified_on"] = None
        wanted["onboarding_confirmed_on"] = None
    if any(before[name] != wanted[name] for name in ENDING_CLAIMS):
        wanted["ending_confirmed_on"] = None
