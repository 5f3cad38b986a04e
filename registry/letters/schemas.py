"""Letters in answers of the API, with an example."""

from __future__ import annotations

from typing import Any, Final

from registry.cases.decisions import TEXTS
from registry.cases.vocabulary import AppealOutcome, DecisionKind
from registry.core.fields import DAY_SCHEMA, BaseSchema, ReadOnly, Timestamp, nullable, shown_object
from registry.core.translations import OFFICIAL_LANGUAGES
from registry.letters.models import LetterEnd, LetterKind

TEXT: Final[dict[str, Any]] = {"type": "string"}
OPTIONAL: Final[dict[str, Any]] = nullable(TEXT)
DAY: Final[dict[str, Any]] = dict(DAY_SCHEMA)
DECISION: Final = nullable({**TEXT, "enum": list(DecisionKind.codes())})
NAMES: Final = shown_object(dict.fromkeys(("name_kk", "name_ru", "name_en"), OPTIONAL))
CONTENT: Final = shown_object(
    {
        "title": TEXT,
        "facts": {"type": "array", "items": {"type": "array", "items": TEXT, "minItems": 2, "maxItems": 2}},
        "sections": {
            "type": "array",
            "items": shown_object(
                {"heading": TEXT, "paragraphs": {"type": "array", "items": TEXT}, "steps": {"type": "boolean"}}
            ),
        },
        "check": TEXT,
        "issuer": {"type": "array", "items": TEXT, "description": "The lines of the letterhead."},
        "number": TEXT,
        "addressee": TEXT,
        "signature": {"type": "array", "items": TEXT, "description": "Post, name, and who prepared it."},
    },
    # Those of earlier versions have no head and no signature.
    sometimes=("issuer", "number", "addressee", "signature"),
)
DATA: Final = shown_object(
    {
        "code": TEXT,
        "proposed_by": OPTIONAL,
        "approved_by": OPTIONAL,
        "issued_by": TEXT,
        "appeal_outcome": nullable({**TEXT, "enum": list(AppealOutcome.codes())}),
        **dict.fromkeys((*TEXTS, *(f"text_{each}" for each in OFFICIAL_LANGUAGES)), OPTIONAL),
        "texts": shown_object(dict.fromkeys(OFFICIAL_LANGUAGES, CONTENT)),
    },
    sometimes=("appeal_outcome",),
)


class LetterSummary(BaseSchema):
    """A letter as lists show it."""

    number = ReadOnly("Its number, without gaps in each year.", TEXT)
    kind = ReadOnly("What it says.", {"type": "string", "enum": list(LetterKind.codes())})
    issued_on = ReadOnly("Its date.", DAY)
    issued_at = Timestamp("When it was issued.")
    case = ReadOnly("The case.", {"type": "integer"})
    project = ReadOnly("The project's number.", TEXT)
    agency = ReadOnly("BIN of the agency when it was issued.", TEXT)
    agency_names = ReadOnly("Names of the agency when it was issued.", NAMES)
    decision = ReadOnly("The decision of an order or a closing.", DECISION)
    due_on = ReadOnly("By when an order must be carried out.", nullable(DAY))
    answer_by = ReadOnly("By when a question must be answered.", nullable(DAY))
    appeal_until = ReadOnly("Until when it can be appealed.", nullable(DAY))
    stands = ReadOnly("False when it was appealed, withdrawn, replaced, or its case opened again.", {"type": "boolean"})
    ended_because = ReadOnly("Why it no longer stands.", nullable({**TEXT, "enum": list(LetterEnd.codes())}))
    sha256 = ReadOnly("SHA-256 of all that it says, as canonical JSON.", TEXT)


class IssuedLetter(LetterSummary):
    """A letter with all that it says."""

    data = ReadOnly("What it says, frozen when it was issued: facts, and the texts in both languages.", DATA)


SUMMARY: Final = LetterSummary()
LETTER: Final = IssuedLetter()
