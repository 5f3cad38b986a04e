"""The closed lists of words that the law knows (docs/reference/fields.md, rules.md)."""

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

# From the mildest to the gravest, so that a position compares two severities.
SEVERITIES = ("low", "medium", "high")

LANGUAGES = ("kk", "ru", "en")

# Only fields that every revision keeps can start the clock: integrity.rewritten reads them from the past too.
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

# The order in which findings are told.
RULES = PLACEMENT_RULES + TABLE_RULES
