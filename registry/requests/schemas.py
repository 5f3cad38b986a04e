"""Schemas that all kinds of requests share, and those of decisions."""

from __future__ import annotations

from typing import Any, Final

from registry.core.fields import DAY_SCHEMA, BaseSchema, ReadOnly, Text, Timestamp, nullable
from registry.core.translations import lazy_text
from registry.requests.models import MAX_TEXT_LENGTH, RequestState

TEXT: Final[dict[str, Any]] = {"type": "string"}
REASON_LABEL: Final = lazy_text("Reason")


class RequestShown(BaseSchema):
    """What every request shows."""

    id = ReadOnly("Its id.", {"type": "integer"})
    state = ReadOnly("Where it stands.", {"type": "string", "enum": list(RequestState.codes())})
    agency = ReadOnly("BIN of the agency that it is about, as it was when it was asked.", TEXT)
    project = ReadOnly("Number of the project that it is about; null for an agency.", nullable(TEXT))
    on = ReadOnly("The day from which it takes effect; null: with the confirmation.", nullable(dict(DAY_SCHEMA)))
    act = ReadOnly("The act that it rests on.", nullable(TEXT))
    reason = ReadOnly("Why it was asked.", TEXT)
    asked_by = ReadOnly("By whom.", TEXT)
    asked_at = Timestamp("When.")
    first_decided_by = ReadOnly("The first of two people who confirm it; null where one does.", nullable(TEXT))
    first_decided_at = Timestamp("When the first of two people confirmed it.", nullable=True)
    decided_by = ReadOnly("Who confirmed, refused or cancelled it.", nullable(TEXT))
    decided_at = Timestamp("When.", nullable=True)
    decision_reason = ReadOnly("Why it was decided so.", nullable(TEXT))
    carried_out_at = Timestamp("When it took effect.", nullable=True)
    failed_at = Timestamp(
        "When it first failed on the last day on which it could not take effect, though it is due; tried each minute.",
        nullable=True,
    )


class RequestRemark(BaseSchema):
    """A confirmation, or a cancellation."""

    reason = Text(MAX_TEXT_LENGTH, description="A remark.", label=lazy_text("Remark"))


class RefusedRequest(BaseSchema):
    """Why a request is refused."""

    reason = Text(MAX_TEXT_LENGTH, description="Why.", label=REASON_LABEL, required=True)


REMARK: Final = RequestRemark()
REFUSED: Final = RefusedRequest()
