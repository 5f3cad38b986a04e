"""Schemas of exemptions in requests and responses."""

from typing import ClassVar, Final

from registry.core.fields import BaseSchema, Day, Ids, ReadOnly, Text, Timestamp
from registry.core.translations import lazy_text

MAX_TEXT_LENGTH: Final = 5000
MAX_DOCUMENTS: Final = 20
STATUSES: Final = ("revoked", "future", "in_force", "expired")
TEXT_OR_NULL: Final = {"type": ["string", "null"]}


class ExemptionRecord(BaseSchema):
    """A decision to record."""

    READ_ONLY: ClassVar[frozenset[str]] = frozenset(
        {"id", "status", "recorded_at", "recorded_by", "revoked_at", "revoked_by", "revocation_reason"}
    )

    project = Text(description="The project's number.", required=True)
    decision_number = Text(
        description="Number of the Commission's decision.", required=True, label=lazy_text("Number of the decision")
    )
    decided_on = Day(
        description="When the Commission decided; today at the latest.", required=True, label=lazy_text("Decided on")
    )
    valid_from = Day(description="The first day.", required=True, label=lazy_text("Valid from"))
    valid_to = Day(description="The last day.", required=True, label=lazy_text("Valid to"))
    scope = Text(MAX_TEXT_LENGTH, description="What it covers.", label=lazy_text("What it covers"))
    conditions = Text(MAX_TEXT_LENGTH, description="On which conditions.", label=lazy_text("Conditions"))


class ExemptionProposal(ExemptionRecord):
    """A decision to record, with its documents."""

    documents = Ids(
        MAX_DOCUMENTS,
        description="Ids of documents of the project that are the decision, each a PDF or an image.",
        required=True,
    )
    reason = Text(MAX_TEXT_LENGTH, description="A remark for who approves it.", label=lazy_text("Remark"))


class Exemption(ExemptionRecord):
    """A recorded decision."""

    id = ReadOnly("Its id.", {"type": "integer"})
    status = ReadOnly("Where it stands today.", {"type": "string", "enum": list(STATUSES)})
    recorded_at = Timestamp("When it was recorded.")
    recorded_by = ReadOnly("By whom.", {"type": "string"})
    revoked_at = Timestamp("When it was revoked.", nullable=True)
    revoked_by = ReadOnly("By whom it was revoked.", TEXT_OR_NULL)
    revocation_reason = ReadOnly("Why it was revoked.", TEXT_OR_NULL)


class Revocation(BaseSchema):
    """Why an exemption ends."""

    reason = Text(MAX_TEXT_LENGTH, description="Why; the decision that revokes it.")


EXEMPTION: Final = Exemption()
EXEMPTION_BODY: Final = ExemptionRecord()
