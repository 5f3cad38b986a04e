"""Schemas of exemptions in requests and responses."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from registry.core.field_types import Day, Text
from registry.core.schema_fields import Accepted, Body, Moment, Shown

MAX_TEXT_LENGTH: Final = 5000
STATUSES: Final = ("revoked", "future", "in_force", "expired")
TEXT_OR_NULL: Final = {"type": ["string", "null"]}


class ExemptionRecord(Body):
    """A decision to record."""

    READ_ONLY: ClassVar[frozenset[str]] = frozenset(
        {"id", "status", "recorded_at", "recorded_by", "revoked_at", "revoked_by", "revocation_reason"}
    )

    project = Accepted(Text(), "The project's number.", required=True)
    decision_number = Accepted(Text(), "Number of the Commission's decision.", required=True)
    decided_on = Accepted(Day(), "When the Commission decided; today at the latest.", required=True)
    valid_from = Accepted(Day(), "The first day.", required=True)
    valid_to = Accepted(Day(), "The last day.", required=True)
    scope = Accepted(Text(MAX_TEXT_LENGTH), "What it covers.")
    conditions = Accepted(Text(MAX_TEXT_LENGTH), "On which conditions.")


class Exemption(ExemptionRecord):
    """A recorded decision."""

    id = Shown("Its id.", {"type": "integer"})
    status = Shown("Where it stands today.", {"type": "string", "enum": list(STATUSES)})
    recorded_at = Moment("When it was recorded.")
    recorded_by = Shown("By whom.", {"type": "string"})
    revoked_at = Moment("When it was revoked.", nullable=True)
    revoked_by = Shown("By whom it was revoked.", TEXT_OR_NULL)
    revocation_reason = Shown("Why it was revoked.", TEXT_OR_NULL)


class Revocation(Body):
    """Why an exemption ends."""

    reason = Accepted(Text(MAX_TEXT_LENGTH), "Why; the decision that revokes it.")


EXEMPTION: Final = Exemption()
EXEMPTION_BODY: Final = ExemptionRecord()
REVOCATION: Final = Revocation()
SENT: Final[dict[str, Any]] = {
    "project": "QT-2026-0000001-5",
    "decision_number": "5-1",
    "decided_on": "2026-03-10",
    "valid_from": "2026-03-10",
    "valid_to": "2026-12-31",
    "scope": "The electronic queue",
    "conditions": "Move to QazTech by the end of the year",
}
EXAMPLE: Final[dict[str, Any]] = {
    **SENT,
    "id": 1,
    "status": "in_force",
    "recorded_at": "2026-03-11T06:00:00.000000Z",
    "recorded_by": "b.akhmetov",
    "revoked_at": None,
    "revoked_by": None,
    "revocation_reason": None,
}
