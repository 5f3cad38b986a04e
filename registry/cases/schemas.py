"""A case as it is shown, and what its actions take."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from marshmallow import fields

from registry.cases.vocabulary import DecisionKind, ReasonCode, Status
from registry.cases.workflow import ACTIONS
from registry.core.field_types import Choice, Day, Ids, Text, YesNo
from registry.core.schema_fields import DAY_SCHEMA, Accepted, Body, Moment, Shown, nullable, shown_object
from registry.flags.schemas import FLAG
from registry.freeze.vocabulary import Severity

LONGEST_TEXT: Final = 5000
COMMENT_TEXT: Final = "A note for the timeline."
TEXT_SCHEMA: Final[dict[str, Any]] = {"type": "string"}
DECISION_PROPERTIES: Final[dict[str, Any]] = {
    "id": {"type": "integer"},
    "decision": {"type": "string", "enum": list(DecisionKind.codes())},
    "reason_code": nullable({"type": "string", "enum": list(ReasonCode.codes())}),
    "reason": TEXT_SCHEMA,
    "legal_basis": TEXT_SCHEMA,
    "due_on": nullable(dict(DAY_SCHEMA)),
    "comment": nullable(TEXT_SCHEMA),
    "proposed_by": TEXT_SCHEMA,
    "proposed_at": {"type": "string", "format": "date-time"},
    "outcome": nullable({"type": "string", "enum": ["approved"]}),
    "decided_by": nullable(TEXT_SCHEMA),
    "decided_at": nullable({"type": "string", "format": "date-time"}),
    "appeal_until": nullable(dict(DAY_SCHEMA)),
    "ended_because": nullable({"type": "string", "enum": ["appealed", "withdrawn", "replaced"]}),
}
DECISION_SCHEMA: Final = shown_object(DECISION_PROPERTIES)
EVENT_PROPERTIES: Final[dict[str, Any]] = {
    "at": {"type": "string", "format": "date-time"},
    "action": {"type": "string"},
    "by": {"type": "string"},
    "from": nullable({"type": "string", "enum": list(Status.codes())}),
    "to": {"type": "string", "enum": list(Status.codes())},
    "comment": nullable(TEXT_SCHEMA),
    "details": {"type": "object"},
    "for_agency": {"type": "boolean", "description": "Whether the agency reads the comment; to oversight only."},
}
EVENT_SCHEMA: Final = shown_object(EVENT_PROPERTIES, sometimes=("for_agency",))


class CaseOpening(Body):
    """A project to open a case for."""

    project = Accepted(Text(), "The project's number.", required=True)


class CaseComment(Body):
    """What any action takes."""

    comment = Accepted(Text(LONGEST_TEXT), COMMENT_TEXT)


class CaseRemark(Body):
    """A comment."""

    comment = Accepted(Text(LONGEST_TEXT), COMMENT_TEXT, required=True)
    for_agency = Accepted(YesNo(), "Whether the agency reads it; a reviewer's comment is internal otherwise.")


class CaseAssignment(CaseComment):
    """Who is to hold the case."""

    assignee = Accepted(Text(), "The name of a principal who reviews.", required=True)


class CaseProposal(CaseComment):
    """A decision to propose."""

    decision = Accepted(Choice(DecisionKind.codes()), "What is proposed.", required=True)
    reason_code = Accepted(Choice(ReasonCode.codes()), "Why there is no breach; with `no_breach` alone.")
    reason = Accepted(Text(LONGEST_TEXT), "The reason.", required=True)
    legal_basis = Accepted(Text(LONGEST_TEXT), "The clause that it rests on.", required=True)
    due_on = Accepted(Day(), "By when; required with `migrate_by` and `stop`, today or later.")


class ManyCases(CaseComment):
    """Cases to confirm at once."""

    cases = Accepted(Ids(500), "Ids of cases that await confirmation, at most 500.", required=True)


class CaseSummary(Body):
    """A case as lists show it."""

    READ_ONLY: ClassVar[frozenset[str]] = frozenset()

    id = Shown("The case.", {"type": "integer"})
    project = Shown("The project's number.", TEXT_SCHEMA)
    agency = Shown("The agency's BIN.", TEXT_SCHEMA)
    status = Shown("Where it stands.", {"type": "string", "enum": list(Status.codes())})
    severity = Shown("Of its gravest standing flag.", {"type": "string", "enum": list(Severity.codes())})
    assignee = Shown("Who holds it.", nullable(TEXT_SCHEMA))
    flags = fields.List(fields.Nested(FLAG), dump_only=True, metadata={"description": "What it covers."})
    proposal = Shown("What awaits approval; never to the agency.", nullable(DECISION_SCHEMA))
    decisions = Shown("What was approved, oldest first.", {"type": "array", "items": DECISION_SCHEMA})
    due_on = Shown("When whoever holds the ball must have acted.", nullable(dict(DAY_SCHEMA)))
    is_overdue = Shown("Whether that day is over.", {"type": "boolean"})
    opened_at = Moment("When it was opened.")
    closed_at = Moment("When it was closed.", nullable=True)
    outcome = Shown("How it closed.", nullable(TEXT_SCHEMA))
    changed_at = Moment("When anything shown here last changed, but for what the calendar alone changes.")


class Case(CaseSummary):
    """A case with its timeline."""

    events = Shown("What happened, oldest first.", {"type": "array", "items": EVENT_SCHEMA})
    actions = Shown(
        "What the caller may do now.", {"type": "array", "items": {"type": "string", "enum": list(ACTIONS)}}
    )


class ManyConfirmed(Body):
    """What became of each of several cases."""

    confirmed = Shown("Ids of the cases that closed.", {"type": "array", "items": {"type": "integer"}})
    refused = Shown(
        "The others, with the code and the words of the refusal.",
        {
            "type": "array",
            "items": shown_object({"id": {"type": "integer"}, "code": TEXT_SCHEMA, "message": TEXT_SCHEMA}),
        },
    )


CASE: Final = Case()
MANY_CASES: Final = ManyCases()
MANY_CONFIRMED: Final = ManyConfirmed()
CASE_SUMMARY: Final = CaseSummary()
CASE_OPENING: Final = CaseOpening()
CASE_COMMENT: Final = CaseComment()
CASE_REMARK: Final = CaseRemark()
CASE_ASSIGNMENT: Final = CaseAssignment()
CASE_PROPOSAL: Final = CaseProposal()
PROPOSAL_EXAMPLE: Final = {
    "decision": "migrate_by",
    "reason": "The contract was signed after the cutoff.",
    "legal_basis": "Decree of 10 December 2025, clause 1",
    "due_on": "2027-03-31",
}
