"""A verified audit as it is shown."""

from __future__ import annotations

from typing import Any, Final

from registry.audits.restricted_counts import COUNTS
from registry.audits.verification import SEVERITY_COUNTS, Verification
from registry.core.base_schema import BaseSchema
from registry.core.json_schemas import shown_object
from registry.core.response_fields import ReadOnly

TEXT: Final = {"type": "string"}
TEXT_OR_NULL: Final = {"type": ["string", "null"]}
NUMBER: Final = {"type": "integer", "minimum": 0}


class VerificationOfAudit(BaseSchema):
    """What repeating an audit shows."""

    audit = ReadOnly("The audit's id.", {"type": "integer"})
    matches = ReadOnly("True when nothing differs, also on projects that the caller may not see.", {"type": "boolean"})
    input_digest = ReadOnly(
        "The digest of all that the audit read.", shown_object({"recorded": TEXT, "repeated": TEXT})
    )
    counts = ReadOnly(
        "All counts; empty for those who may not see restricted projects.",
        {
            "type": "array",
            "items": shown_object(
                {"name": {**TEXT, "enum": [*COUNTS, *SEVERITY_COUNTS]}, "recorded": NUMBER, "repeated": NUMBER}
            ),
        },
    )
    differences = ReadOnly(
        "What differs on projects that the caller may see: changes that the audit listed (`change`) and active flags "
        "after it (`flag`); null where there is none.",
        {
            "type": "array",
            "items": shown_object(
                {
                    "project": TEXT,
                    "rule": TEXT,
                    "what": {**TEXT, "enum": ["change", "flag"]},
                    "recorded": TEXT_OR_NULL,
                    "repeated": TEXT_OR_NULL,
                }
            ),
        },
    )


VERIFICATION: Final = VerificationOfAudit()


def verification_shown(verification: Verification) -> dict[str, Any]:
    """The verification as a mapping, JSON-serialisable."""
    return {
        "audit": verification.audit_id,
        "matches": verification.matches,
        "input_digest": {"recorded": verification.digest.recorded, "repeated": verification.digest.repeated},
        "counts": [each._asdict() for each in verification.counts],
        "differences": [each._asdict() for each in verification.differences],
    }
