"""Kinds, states and effects of approvals. The codes are published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from registry.core.translations import lazy_text
from registry.freeze.vocabulary import Choices


class ApprovalKindCode(Choices):
    """What is proposed. Each has an ``ApprovalKind`` in the slice that it belongs to."""

    COMMISSION_DECISION = "commission_decision", lazy_text("Decision of the Commission")
    AGENCY_CHANGE = "agency_change", lazy_text("Change of an agency")
    RESTRICTION = "restriction", lazy_text("Restriction of a project")
    RESTRICTED_READER = "restricted_reader", lazy_text("Access to restricted projects")
    PLACEMENT = "placement", lazy_text("Placement on QazTech")
    ONBOARDING = "onboarding", lazy_text("Move of the object to QazTech")
    ENDING = "ending", lazy_text("Ending of the work")
    INVENTORY = "inventory", lazy_text("Platform inventory")


class ApprovalState(Choices):
    """Where an approval stands. ``expired`` and ``outdated``: nobody decided in time, or its subject changed."""

    WAITING = "waiting", lazy_text("Waits for approval")
    APPROVED = "approved", lazy_text("Approved")
    REJECTED = "rejected", lazy_text("Rejected")
    CANCELLED = "cancelled", lazy_text("Cancelled")
    EXPIRED = "expired", lazy_text("Expired")
    OUTDATED = "outdated", lazy_text("Out of date")


# What an approval would touch, by the name of the count.
EFFECT_LABELS: Final[Mapping[str, str]] = {
    "projects": lazy_text("Projects"),
    "out_of_scope": lazy_text("Projects that leave the scope of the moratorium"),
    "into_scope": lazy_text("Projects that the moratorium applies to from then on"),
    "flags": lazy_text("Active medium and high flags"),
    "cases": lazy_text("Open cases"),
    "restricted": lazy_text("Restricted projects"),
    "readers": lazy_text("Accounts that can read restricted projects from then on"),
    "confirmed": lazy_text("Placements that it confirms"),
    "lost": lazy_text("Placements that lose their confirmation"),
}
