"""Kinds, states and effects of approvals. The codes are published."""

from __future__ import annotations

from registry.core.translations import lazy_text
from registry.freeze.choices import Choices


class ApprovalKindCode(Choices):
    """What is proposed. Each has an ``ApprovalKind`` in the slice that it belongs to."""

    EXEMPTION = "exemption", lazy_text("Exemption by the Commission")
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
    REFUSED = "refused", lazy_text("Refused")
    CANCELLED = "cancelled", lazy_text("Cancelled")
    EXPIRED = "expired", lazy_text("Expired")
    OUTDATED = "outdated", lazy_text("Out of date")


class Effect(Choices):
    """What an approval would touch."""

    PROJECTS = "projects", lazy_text("Projects")
    OUT_OF_SCOPE = "out_of_scope", lazy_text("Projects that leave the scope of the moratorium")
    INTO_SCOPE = "into_scope", lazy_text("Projects that the moratorium applies to from then on")
    FLAGS = "flags", lazy_text("Active medium and high flags")
    CASES = "cases", lazy_text("Open cases")
    RESTRICTED = "restricted", lazy_text("Restricted projects")
    READERS = "readers", lazy_text("Accounts that can read restricted projects from then on")
    CONFIRMED = "confirmed", lazy_text("Placements that it confirms")
    LOST = "lost", lazy_text("Placements that lose their confirmation")
