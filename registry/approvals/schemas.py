"""Schemas of approvals in responses, and of decisions."""

from typing import Any, ClassVar, Final

from registry.approvals.models import EFFECT_LABELS, MAX_REASON_LENGTH, ApprovalKindCode, ApprovalState
from registry.core.fields import BaseSchema, ReadOnly, Text, Timestamp, nullable, object_of
from registry.core.translations import lazy_text
from registry.signatures.fields import Signable

TEXT: Final[dict[str, Any]] = {"type": "string"}
CHANGE: Final = object_of(
    name={"type": "string", "description": "The field, as in the record."},
    before={"description": "Its value now, while the proposal waits; null: none, or decided."},
    after={"description": "Its value as proposed; null: none."},
)
COUNT: Final = {"type": "integer", "minimum": 0}
EFFECTS: Final[dict[str, Any]] = {"type": "object", "properties": dict.fromkeys(EFFECT_LABELS, COUNT)}


class ApprovalShown(BaseSchema):
    """An approval in responses."""

    SOMETIMES: ClassVar[frozenset[str]] = frozenset({"changes", "effects", "documents", "needs_supervisor"})

    id = ReadOnly("Its id.", {"type": "integer"})
    kind = ReadOnly("What is proposed.", {"type": "string", "enum": list(ApprovalKindCode.codes())})
    state = ReadOnly("Where it stands.", {"type": "string", "enum": list(ApprovalState.codes())})
    subject = ReadOnly("What it is about, as in the journal: `project:QT-2026-0000001-5`, `agency:050340004478`.", TEXT)
    project = ReadOnly("Number of the project that it is about.", nullable(TEXT))
    agency = ReadOnly("BIN of the agency that it is about.", nullable(TEXT))
    reason = ReadOnly("Why it was proposed.", TEXT)
    changes = ReadOnly("Not in lists: the values that it changes.", {"type": "array", "items": CHANGE})
    effects = ReadOnly("Not in lists: while it waits, how much it touches of what the caller may see.", EFFECTS)
    documents = ReadOnly(
        "Not in lists: ids of the project's documents that show it.", {"type": "array", "items": {"type": "integer"}}
    )
    needs_supervisor = ReadOnly("Not in lists: true when one of the two people is a supervisor.", {"type": "boolean"})
    proposed_by = ReadOnly("By whom.", TEXT)
    proposed_at = Timestamp("When.")
    expires_at = Timestamp("Until when it can be approved.")
    decided_by = ReadOnly("Who approved, rejected or cancelled it.", nullable(TEXT))
    decided_at = Timestamp("When.", nullable=True)
    decision_reason = ReadOnly("Why it was decided so.", nullable(TEXT))


class Remark(BaseSchema):
    """An approval, or a cancellation."""

    reason = Text(MAX_REASON_LENGTH, description="A remark.", label=lazy_text("Remark"))


class SignedRemark(Remark, Signable):
    """An approval, which can be signed."""


class Rejection(BaseSchema):
    """Why a proposal is rejected."""

    reason = Text(MAX_REASON_LENGTH, description="Why.", label=lazy_text("Reason"), required=True)


APPROVAL: Final = ApprovalShown()
REMARK: Final = Remark()
SIGNED_REMARK: Final = SignedRemark()
REJECTION: Final = Rejection()
EXAMPLE: Final[dict[str, Any]] = {
    "id": 12,
    "kind": "restriction",
    "state": "waiting",
    "subject": "project:QT-2026-0000001-5",
    "project": "QT-2026-0000001-5",
    "agency": "050340004478",
    "reason": "State secrets",
    "changes": [{"name": "is_restricted", "before": False, "after": True}],
    "effects": {"flags": 1},
    "documents": [],
    "needs_supervisor": True,
    "proposed_by": "dana.supervisor",
    "proposed_at": "2026-11-30T05:10:00Z",
    "expires_at": "2026-12-30T05:10:00Z",
    "decided_by": None,
    "decided_at": None,
    "decision_reason": None,
}
