"""A case as it is shown, and what its actions take."""

from typing import Any, ClassVar, Final

from marshmallow import fields

from registry.cases import vocabulary
from registry.cases.decisions import TEXTS
from registry.cases.workflow import ACTIONS, ORDERING
from registry.core.fields import (
    DAY_SCHEMA,
    BaseSchema,
    Boolean,
    Choice,
    Day,
    Ids,
    InputField,
    ProjectNumbers,
    ReadOnly,
    Text,
    Timestamp,
    nullable,
    shown_object,
)
from registry.core.translations import OFFICIAL_LANGUAGES, lazy_text
from registry.core.values import InvalidValue
from registry.flags.schemas import FLAG
from registry.freeze.rules import RULES
from registry.freeze.vocabulary import Severity
from registry.projects.schemas import PROJECT_RECORD, expanded_project
from registry.projects.vocabulary import DocumentKind
from registry.signatures.fields import Signable

MAX_TEXT_LENGTH: Final = 5000
COMMENT_TEXT: Final = "A note for the timeline."
ATOMIC_TEXT: Final = "Whether nothing is done unless everything can be; by default, each is independent."
TEXT_SCHEMA: Final[dict[str, Any]] = {"type": "string"}
DECISION_PROPERTIES: Final[dict[str, Any]] = {
    "id": {"type": "integer"},
    "decision": {"type": "string", "enum": list(vocabulary.DecisionKind.codes())},
    "reason_code": nullable({"type": "string", "enum": list(vocabulary.ReasonCode.codes())}),
    "reason": TEXT_SCHEMA,
    "legal_basis": TEXT_SCHEMA,
    **{name: nullable(TEXT_SCHEMA) for name in TEXTS},
    "missing_texts": {
        "type": "array",
        "items": {"type": "string", "enum": list(TEXTS)},
        "description": "The texts that it lacks in one of the two languages: a warning.",
    },
    "due_on": nullable(dict(DAY_SCHEMA)),
    "comment": nullable(TEXT_SCHEMA),
    "proposed_by": TEXT_SCHEMA,
    "proposed_at": {"type": "string", "format": "date-time"},
    "outcome": nullable({"type": "string", "enum": ["approved"]}),
    "decided_by": nullable(TEXT_SCHEMA),
    "decided_at": nullable({"type": "string", "format": "date-time"}),
    "appeal_until": nullable(dict(DAY_SCHEMA)),
    "ended_because": nullable({"type": "string", "enum": list(vocabulary.DecisionEnd.codes())}),
}
DECISION_SCHEMA: Final = shown_object(DECISION_PROPERTIES)
DOCUMENT_PROPERTIES: Final[dict[str, Any]] = {
    "id": {"type": "integer"},
    "kind": {"type": "string", "enum": list(DocumentKind.codes())},
    "description": nullable(TEXT_SCHEMA),
    "name": TEXT_SCHEMA,
    "size": {"type": "integer"},
    "outgoing_number": nullable(TEXT_SCHEMA),
    "incoming_number": nullable(TEXT_SCHEMA),
}
EVENT_PROPERTIES: Final[dict[str, Any]] = {
    "id": {"type": "integer", "description": "To add documents to the entry."},
    "at": {"type": "string", "format": "date-time"},
    "action": {"type": "string"},
    "by": {"type": "string"},
    "from": nullable({"type": "string", "enum": list(vocabulary.Status.codes())}),
    "to": {"type": "string", "enum": list(vocabulary.Status.codes())},
    "comment": nullable(TEXT_SCHEMA),
    "details": {"type": "object", "additionalProperties": True},
    "documents": {"type": "array", "items": shown_object(DOCUMENT_PROPERTIES)},
    "for_agency": {"type": "boolean", "description": "Whether the agency reads the comment; to oversight only."},
}
EVENT_SCHEMA: Final = shown_object(EVENT_PROPERTIES, sometimes=("for_agency",))


RULING: Final = nullable({"type": "string", "enum": list(vocabulary.RULINGS)})
APPEAL_PROPERTIES: Final[dict[str, Any]] = {
    "id": {"type": "integer"},
    "decision_id": {"type": "integer", "description": "The appealed decision, of `decisions`."},
    "appealed_at": {"type": "string", "format": "date-time"},
    "appealed_by": TEXT_SCHEMA,
    "suspends": {"type": "boolean", "description": "Whether the decision has no effect until the appeal is decided."},
    "outcome": nullable({"type": "string", "enum": list(vocabulary.AppealOutcome.codes())}),
    "decided_at": nullable({"type": "string", "format": "date-time"}),
    "new_decision_id": nullable({"type": "integer", "description": "The decision on the appeal."}),
    "in_court_on": nullable(dict(DAY_SCHEMA)),
    "settled_on": nullable(dict(DAY_SCHEMA)),
    "court_outcome": RULING,
    "missing": {
        "type": "array",
        "items": {"type": "string", "enum": ["supervisor", "reviewer"]},
        "description": "Roles that nobody has who may decide on the open appeal; empty for agencies.",
    },
    "is_barred": {
        "type": "boolean",
        "description": "Whether the caller proposed or approved the appealed decision, and so decides nothing here.",
    },
}
APPEAL_SCHEMA: Final = shown_object(APPEAL_PROPERTIES)


class CaseOpening(BaseSchema):
    """A project to open a case for."""

    project = Text(description="The project's number.", required=True)


class CaseComment(BaseSchema):
    """What any action takes."""

    comment = Text(MAX_TEXT_LENGTH, description=COMMENT_TEXT)


class SignedComment(CaseComment, Signable):
    """What an action takes that can be signed."""


class CaseLetter(BaseSchema):
    """A text that goes out in a letter, and a note that does not."""

    comment = Text(MAX_TEXT_LENGTH, description="The text of the letter, which its addressee reads.")
    note = Text(
        MAX_TEXT_LENGTH,
        description="A note that only oversight reads, an entry of its own.",
        label=lazy_text("Note that stays inside (optional)"),
    )


class CaseRemark(BaseSchema):
    """A comment."""

    comment = Text(MAX_TEXT_LENGTH, description=COMMENT_TEXT, required=True)
    for_agency = Boolean(description="Whether the agency reads it; a reviewer's comment is internal otherwise.")


class CaseAssignment(CaseComment):
    """Who is to hold the case."""

    assignee = Text(description="The name of a principal who reviews.", required=True)


class CaseProposal(CaseComment):
    """A decision to propose."""

    decision = Choice(vocabulary.DecisionKind.codes(), description="What is proposed.", required=True)
    reason_code = Choice(vocabulary.ReasonCode.codes(), description="Why there is no breach; with `no_breach` alone.")
    reason = Text(MAX_TEXT_LENGTH, description="The reason, in one language; required without the two below.")
    reason_kk = Text(MAX_TEXT_LENGTH, description="The reason in Kazakh.", label=lazy_text("Reason in Kazakh"))
    reason_ru = Text(MAX_TEXT_LENGTH, description="The reason in Russian.", label=lazy_text("Reason in Russian"))
    legal_basis = Text(
        MAX_TEXT_LENGTH, description="The clause that it rests on, in one language; required without the two below."
    )
    legal_basis_kk = Text(
        MAX_TEXT_LENGTH, description="The clause in Kazakh.", label=lazy_text("Legal basis in Kazakh")
    )
    legal_basis_ru = Text(
        MAX_TEXT_LENGTH, description="The clause in Russian.", label=lazy_text("Legal basis in Russian")
    )
    language = Choice(
        OFFICIAL_LANGUAGES,
        description="The language of `reason` and `legal_basis`; without it each is recognised by its letters.",
    )
    due_on = Day(description="By when; required with `migrate_by` and `stop`, today or later.")


class CommissionDecision(CaseComment):
    """The Commission's decision on a referred case."""

    outcome = Choice(
        vocabulary.CommissionOutcome.codes(),
        description="Whether the exemption is granted.",
        required=True,
        label=lazy_text("What the Commission decided"),
    )
    decision_number = Text(
        description="Number of the Commission's decision.", required=True, label=lazy_text("Number of the decision")
    )
    decided_on = Day(description="When it decided; today at the latest.", required=True, label=lazy_text("Decided on"))
    valid_from = Day(
        description="The first day of the exemption; without it the day of the decision.", label=lazy_text("Valid from")
    )
    valid_to = Day(description="Its last day; required when it is granted.", label=lazy_text("Valid to"))
    scope = Text(MAX_TEXT_LENGTH, description="What it covers.", label=lazy_text("What it covers"))
    conditions = Text(MAX_TEXT_LENGTH, description="On which conditions.", label=lazy_text("Conditions"))


class CourtRecord(CaseComment):
    """That the agency went to court after the decision on its appeal, or how the court ruled."""

    on = Day(description="The date of the lawsuit, or of the ruling.", required=True, label=lazy_text("Date"))
    court_outcome = Choice(
        vocabulary.RULINGS,
        description="What the ruling makes of the decision; only when the case is in court.",
        label=lazy_text("Ruling of the court"),
    )


class SignedProposal(CaseProposal, Signable):
    """A decision to propose, which can be signed."""


class ManyCases(CaseComment):
    """Cases to act on at once."""

    cases = Ids(500, description="Ids of cases, at most 500.", required=True)
    atomic = Boolean(description=ATOMIC_TEXT)


class ManyAssigned(ManyCases):
    """Cases to give to a reviewer."""

    assignee = Text(description="The name of a principal who reviews.", required=True)


class ManyProposed(CaseProposal, ManyCases):
    """One decision to propose on several cases; `{project}`, `{number}`, `{agency}` and `{deadline}` are filled in."""


class SeenCases(InputField):
    """A list of 1 to 500 cases, each with the entity tag with which it was read."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> dict[int, str]:  # noqa: ARG002 - marshmallow's
        if not isinstance(value, list) or not all(_is_seen(each) for each in value):
            raise InvalidValue("expected-objects")
        if not 0 < len(value) <= MAX_SEEN:
            raise InvalidValue("number-of-items", largest=MAX_SEEN)
        return {each["case"]: each["etag"] for each in value}

    @property
    def json_schema(self) -> dict[str, Any]:
        """An array of objects."""
        case = {"type": "integer", "minimum": 1, "maximum": 2**31 - 1}
        return {
            "type": "array",
            "items": shown_object({"case": case, "etag": TEXT_SCHEMA}),
            "minItems": 1,
            "maxItems": MAX_SEEN,
        }


MAX_SEEN: Final = 500


def _is_seen(value: object) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"case", "etag"}
        and type(value["case"]) is int
        and 0 < value["case"] < 2**31
        and isinstance(value["etag"], str)
    )


class ManyApproved(CaseComment):
    """Proposals to approve at once, each as it was read."""

    cases = SeenCases(
        description="Cases, at most 500, each with the `ETag` of `GET /cases/{id}`: one that changed since is refused.",
        required=True,
    )
    atomic = Boolean(description=ATOMIC_TEXT)


class ManyOpened(BaseSchema):
    """Projects to open cases for."""

    projects = ProjectNumbers(500, description="Numbers of projects on the watch list, at most 500.", required=True)
    atomic = Boolean(description=ATOMIC_TEXT)


class CaseSummary(BaseSchema):
    """A case as lists show it."""

    READ_ONLY: ClassVar[frozenset[str]] = frozenset()
    SOMETIMES: ClassVar[frozenset[str]] = frozenset({PROJECT_RECORD})

    id = ReadOnly("The case.", {"type": "integer"})
    project = ReadOnly("The project's number.", TEXT_SCHEMA)
    agency = ReadOnly("The agency's BIN.", TEXT_SCHEMA)
    status = ReadOnly("Where it stands.", {"type": "string", "enum": list(vocabulary.Status.codes())})
    severity = ReadOnly("Of its most severe active flag.", {"type": "string", "enum": list(Severity.codes())})
    assignee = ReadOnly("Who holds it.", nullable(TEXT_SCHEMA))
    flags = fields.List(fields.Nested(FLAG), dump_only=True, metadata={"description": "What it covers."})
    proposal = ReadOnly("What awaits approval; never to the agency.", nullable(DECISION_SCHEMA))
    decisions = ReadOnly("What was approved, oldest first.", {"type": "array", "items": DECISION_SCHEMA})
    due_on = ReadOnly("The deadline of the next action.", nullable(dict(DAY_SCHEMA)))
    is_overdue = ReadOnly("Whether that day is over.", {"type": "boolean"})
    opened_at = Timestamp("When it was opened.")
    closed_at = Timestamp("When it was closed.", nullable=True)
    exempt_since = ReadOnly(
        "Since when an exemption is in force: a case `with_commission` then waits for its end, not for a decision.",
        nullable(dict(DAY_SCHEMA)),
    )
    outcome = ReadOnly("How it closed.", nullable(TEXT_SCHEMA))
    changed_at = Timestamp("When the case itself was last written: by an action or an audit.")
    project_record = expanded_project()


class Case(CaseSummary):
    """A case with its timeline."""

    events = ReadOnly("What happened, oldest first.", {"type": "array", "items": EVENT_SCHEMA})
    appeal = ReadOnly("The last appeal.", nullable(APPEAL_SCHEMA))
    actions = ReadOnly(
        "What the caller may do now.", {"type": "array", "items": {"type": "string", "enum": list(ACTIONS)}}
    )


class TimelineEntry(BaseSchema):
    """An entry of a timeline, in exports."""

    case = ReadOnly("The case.", {"type": "integer"})
    project = ReadOnly("The project's number.", TEXT_SCHEMA)
    event = ReadOnly("As the case has it.", EVENT_SCHEMA)


def _refused(**subject: dict[str, Any]) -> ReadOnly:
    items = shown_object({**subject, "code": TEXT_SCHEMA, "message": TEXT_SCHEMA})
    return ReadOnly("The others, with the error code and message.", {"type": "array", "items": items})


class ManyDone(BaseSchema):
    """What became of each of several cases."""

    done = ReadOnly("Ids of the cases on which the action was done.", {"type": "array", "items": {"type": "integer"}})
    refused = _refused(case={"type": "integer"})


class ManyConfirmed(ManyDone):
    """What became of each of several cases; ``confirmed`` and ``id`` are the former names of ``done`` and ``case``."""

    confirmed = ReadOnly("The same as `done`.", {"type": "array", "items": {"type": "integer"}})
    refused = _refused(case={"type": "integer"}, id={"type": "integer"})


class ManyOpenedDone(BaseSchema):
    """What became of each of several projects."""

    done = ReadOnly("Ids of the new cases.", {"type": "array", "items": {"type": "integer"}})
    refused = _refused(project=TEXT_SCHEMA)


TIMELINE_ENTRY: Final = TimelineEntry()
MANY_CASES: Final = ManyCases()
MANY_ASSIGNED: Final = ManyAssigned()
MANY_PROPOSED: Final = ManyProposed()
MANY_APPROVED: Final = ManyApproved()
MANY_DONE: Final = ManyDone()
MANY_CONFIRMED: Final = ManyConfirmed()
CASE_SUMMARY: Final = CaseSummary()
CASE_COMMENT: Final = CaseComment()
SIGNED_COMMENT: Final = SignedComment()
CASE_LETTER: Final = CaseLetter()
CASE_REMARK: Final = CaseRemark()
CASE_ASSIGNMENT: Final = CaseAssignment()
COMMISSION_DECISION: Final = CommissionDecision()
COURT_RECORD: Final = CourtRecord()
CASE_PROPOSAL: Final = CaseProposal()
SIGNED_PROPOSAL: Final = SignedProposal()
PROPOSAL_EXAMPLE: Final = {
    "decision": "migrate_by",
    "reason_kk": "Шартқа мораторий басталғаннан кейін қол қойылған.",
    "reason_ru": "Договор подписан после начала моратория.",
    "legal_basis_kk": "2025 жылғы 10 желтоқсандағы Жарлықтың 1-тармағы",
    "legal_basis_ru": "пункт 1 Указа от 10 декабря 2025 года",
    "due_on": "2027-03-31",
}


# Schemas of templates in requests and responses.


class TemplateBody(BaseSchema):
    """A template to add."""

    READ_ONLY: ClassVar[frozenset[str]] = frozenset({"id", "version", "changed_at", "changed_by"})

    kind = Choice(
        vocabulary.TemplateKind.codes(), description="What it is for.", required=True, label=lazy_text("Used for")
    )
    rule = Choice(RULES, description="The rule that it is for; null for any.")
    language = Choice(OFFICIAL_LANGUAGES, description="Its language.", required=True, label=lazy_text("Language"))
    title = Text(200, description="By which it is chosen.", required=True, label=lazy_text("Title"))
    text = Text(
        MAX_TEXT_LENGTH,
        description="The text; `{project}`, `{number}`, `{agency}` and `{deadline}` are filled in.",
        required=True,
        label=lazy_text("Text"),
    )


class TemplatePatch(TemplateBody):
    """Changes of a template."""


class Template(TemplateBody):
    """A template in responses."""

    id = ReadOnly("Its id.", {"type": "integer"})
    version = ReadOnly("Rises with every change.", {"type": "integer"})
    changed_at = Timestamp("When it was last changed.")
    changed_by = ReadOnly("By whom; null for one that came with the service.", nullable(TEXT_SCHEMA))


TEMPLATE_BODY: Final = TemplateBody()
# Partial: what is required of a template may be absent, but not null.
TEMPLATE_PATCH: Final = TemplatePatch(partial=True)


class Order(BaseSchema):
    """What an agency was ordered to do."""

    id = ReadOnly("Its id.", {"type": "integer"})
    project = ReadOnly("The project's number.", TEXT_SCHEMA)
    agency = ReadOnly("BIN of the project's agency.", TEXT_SCHEMA)
    case = ReadOnly("The case in which it was decided; null for leaders.", {"type": ["integer", "null"]})
    decision = ReadOnly("What it orders.", {"type": "string", "enum": [each.value for each in ORDERING]})
    due_on = ReadOnly("The last day for it.", nullable(dict(DAY_SCHEMA)))
    days_left = ReadOnly("Until that day, negative after it; null when none run.", {"type": ["integer", "null"]})
    state = ReadOnly(
        "`to_confirm`: an audit cleared its flags, and a person has to confirm that.",
        {"type": "string", "enum": list(vocabulary.OrderState.codes())},
    )
    fulfilment_claimed = ReadOnly(
        "Whether the record says that it is carried out, which nobody has confirmed.", {"type": "boolean"}
    )
    approved_at = Timestamp("When it was approved.")
    ended_at = Timestamp("When it was suspended, replaced or withdrawn.", nullable=True)


ORDER: Final = Order()


class Appeal(BaseSchema):
    """An appeal of a decision."""

    id = ReadOnly("Its id.", {"type": "integer"})
    project = ReadOnly("The project's number.", TEXT_SCHEMA)
    agency = ReadOnly("BIN of the project's agency.", TEXT_SCHEMA)
    case = ReadOnly("The case in which it was decided; null for leaders.", {"type": ["integer", "null"]})
    decision = ReadOnly("What is appealed.", {"type": "string", "enum": list(vocabulary.DecisionKind.codes())})
    state = ReadOnly("How far it is.", {"type": "string", "enum": list(vocabulary.AppealState.codes())})
    suspends = ReadOnly("Whether the decision has no effect until the appeal is decided.", {"type": "boolean"})
    due_on = ReadOnly("By when to decide on it; null once it is decided.", nullable(dict(DAY_SCHEMA)))
    outcome = ReadOnly(
        "`discontinued`: the case closed without a decision on the appeal.",
        nullable({"type": "string", "enum": list(vocabulary.AppealOutcome.codes())}),
    )
    appealed_at = Timestamp("When the agency appealed.")
    decided_at = Timestamp("When it was decided.", nullable=True)
    in_court_on = ReadOnly("The date of the lawsuit.", nullable(dict(DAY_SCHEMA)))
    settled_on = ReadOnly("The date of the court's ruling.", nullable(dict(DAY_SCHEMA)))
    court_outcome = ReadOnly("How the court ruled.", RULING)


APPEAL: Final = Appeal()
