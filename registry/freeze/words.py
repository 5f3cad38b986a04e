"""Closed vocabularies of the rules (docs/reference/fields.md, rules.md)."""

from __future__ import annotations

AGENCY_KINDS = frozenset(
    {
        "central_body",
        "local_executive",
        "state_legal_entity",
        "quasi_public",
        "subsidiary",
        "other_performer",
        "national_security",
        "private",
    }
)

FINAL_STAGES = frozenset({"terminated", "archived", "written_off"})

# In ascending order, so that the position compares two severities.
SEVERITIES = ("low", "medium", "high")

# Only fields that every revision stores can be in start_clock: integrity.rewritten reads them from earlier revisions.
CLOCK_FIELDS = ("contract_signed_on", "work_started_on")

PLACEMENT_RULES = (
    "platform.unverified",
    "platform.onboarding",
    "platform.onboarding-overdue",
    "platform.onboarding-unconfirmed",
)

TABLE_RULES = (
    "freeze.creation",
    "freeze.planned",
    "freeze.transitional",
    "freeze.development",
    "freeze.misclassified",
    "freeze.modification-limit",
    "freeze.pilot-limit",
    "freeze.data-gap",
    "migration.overdue",
    "migration.order-overdue",
    "integrity.backdated",
    "integrity.rewritten",
    "integrity.ended-unconfirmed",
    "freeze.legacy",
)

# The order of findings.
RULES = PLACEMENT_RULES + TABLE_RULES
