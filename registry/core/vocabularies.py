"""The words that fields may hold (docs/reference/fields.md)."""

from __future__ import annotations

from typing import Final

AGENCY_KINDS: Final = (
    "central_body",
    "local_executive",
    "state_legal_entity",
    "quasi_public",
    "subsidiary",
    "other_performer",
    "national_security",
    "private",
)
OBJECT_KINDS: Final = ("system", "platform", "internet_resource", "data_resource", "infrastructure", "service")
WORK_TYPES: Final = ("creation", "development", "modification", "maintenance", "migration")
FINAL_STAGES: Final = ("terminated", "archived", "written_off")
STAGES: Final = ("planning", "creation", "testing", "pilot", "operation", *FINAL_STAGES)
PLACEMENTS: Final = ("on_platform", "onboarding", "off_platform", "unknown")
FUNDINGS: Final = ("republican_budget", "local_budget", "own_funds", "ppp", "service_model", "international")
SECTORS: Final = tuple(f"{number:02}" for number in range(1, 11))
SEVERITIES: Final = ("low", "medium", "high")
FREEZE_STATUSES: Final = ("out_of_scope", "unaudited", "clear", "flagged", "exempt", "accepted")
# The first two digits of KATO, the classifier of administrative and territorial objects.
REGIONS: Final = (
    "10", "11", "15", "19", "23", "27", "31", "33", "35", "39", "43", "47", "55", "59", "61", "62", "63", "71", "75",
    "79",
)  # fmt: skip
CASE_STATUSES: Final = (
    "new",
    "under_review",
    "awaiting_agency",
    "awaiting_approval",
    "with_commission",
    "remediation",
    "awaiting_confirmation",
    "closed",
)
