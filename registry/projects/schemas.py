"""Schemas of projects in requests and responses."""

from typing import Any, ClassVar, Final

from registry.agencies.fields import BIN_TEXT
from registry.agencies.models import Region
from registry.core import fields
from registry.core.search import NAMES
from registry.core.translations import lazy_text
from registry.freeze.facts import CONFIRMABLE
from registry.freeze.rules import FactState
from registry.freeze.vocabulary import Placement, Severity, Stage, WorkType
from registry.projects.fields import READ_ONLY, ProjectFields
from registry.projects.similarity import REASONS
from registry.projects.vocabulary import VERDICT_OUTCOMES, FreezeStatus, LinkKind, ObjectKind, Sector
from registry.signatures.fields import Signable

MAX_BATCH_ITEMS: Final = 1000
BATCH_MODES: Final = ("register", "upsert")
BATCH_OUTCOMES: Final = ("created", "updated", "unchanged", "rejected")
# Records that items of lists have beside them on request.
AGENCY_RECORD: Final = "agency_record"
ACTIVE_FLAGS: Final = "active_flags"
PROJECT_RECORD: Final = "project_record"
DAY_OR_NULL: Final = fields.nullable(fields.DAY_SCHEMA)
TEXT_OR_NULL: Final = {"type": ["string", "null"]}
SEVERITY_OR_NULL: Final = {"type": ["string", "null"], "enum": [*Severity.codes(), None]}
CHANGED_AT_TEXT: Final = "When the project itself was last written: by an edit, an audit or a decision."


REASON_LENGTH: Final = 1000


class ProjectRow(fields.LenientSchema, ProjectFields):
    """A project in a row of a table."""

    READ_ONLY: ClassVar[frozenset[str]] = frozenset({*READ_ONLY, "verdict", "known_at"})

    agency = fields.Bin(
        label=lazy_text("Agency"),
        hint=lazy_text("Whose project it is."),
        description="BIN of the agency.",
        required=True,
    )


class ProjectRegistration(ProjectRow):
    """A project to register or to check."""

    change_reason = fields.Text(
        REASON_LENGTH,
        label=lazy_text("Why it is registered again"),
        hint=lazy_text("What happened to the former record, and why this one differs. The history shows it."),
        description=(
            "Why a project is registered again, for the history; required where a withdrawn project, or one that has "
            "ended and once had a medium or high finding, is the same work."
        ),
    )


class SignedRegistration(ProjectRegistration, Signable):
    """A project to register, which can be signed."""


class ProjectPatch(fields.LenientSchema, ProjectFields):
    """Changes of a project: null clears a field, an absent one stays. ``change_reason`` is of the change."""

    READ_ONLY: ClassVar[frozenset[str]] = frozenset({*READ_ONLY, "agency", "verdict", "known_at"})

    change_reason = fields.Text(
        REASON_LENGTH,
        label=lazy_text("Reason for the change"),
        hint=lazy_text("For example the act or the agreement, with its number and date. The history shows it."),
        description=(
            "Why, for the history: pages require it where a date, the kind of work or the stage changes that a rule "
            "reads."
        ),
    )


class ProjectReplacement(ProjectPatch):
    """All fields of a project but its agency and external id, which the path names; an absent one is cleared."""

    READ_ONLY: ClassVar[frozenset[str]] = ProjectPatch.READ_ONLY | {"external_id"}

    class Meta(fields.BaseSchema.Meta):
        """The path names it."""

        exclude = ("external_id",)


class Project(ProjectFields):
    """A project in responses."""

    SOMETIMES: ClassVar[frozenset[str]] = frozenset({"known_at"})

    number = fields.ReadOnly(
        "`QT-<year>-<7 digits>-<check digit>`.",
        {"type": "string", "pattern": "^QT-[0-9]{4}-[0-9]{7}-[0-9]$"},
        label=lazy_text("Number"),
    )
    agency = fields.ReadOnly(BIN_TEXT, {"type": "string"})
    placement_verified_on = fields.ReadOnly(
        "On QazTech since, as a reviewer or operator confirmed.",
        DAY_OR_NULL,
        label=lazy_text("Placement on QazTech confirmed on"),
    )
    onboarding_confirmed_on = fields.ReadOnly(
        "When the move to QazTech was confirmed.", DAY_OR_NULL, label=lazy_text("Onboarding confirmed on")
    )
    ending_confirmed_on = fields.ReadOnly(
        "When the ending was confirmed.", DAY_OR_NULL, label=lazy_text("Ending confirmed on")
    )
    confirmed_facts = fields.ReadOnly(
        "Facts that were confirmed with a document, each with the day: `commissioned_on 2026-11-05`; null without any. "
        "Editing a fact ends its confirmation. The verdict says which facts are only claimed.",
        fields.nullable({"type": "array", "items": {"type": "string"}}),
        label=lazy_text("Confirmed facts"),
    )
    attested_on = fields.ReadOnly(
        "When the agency last confirmed that the record is true; null since its registration.",
        DAY_OR_NULL,
        label=lazy_text("Confirmed as true on"),
    )
    is_restricted = fields.ReadOnly(
        "Shown to supervisor, auditor and its own agency only.", {"type": "boolean"}, label=lazy_text("Restricted")
    )
    withdrawn_at = fields.Timestamp(
        "When it was withdrawn because it was registered in error; read-only since then.",
        nullable=True,
        label=lazy_text("Withdrawn on"),
    )
    started_on = fields.ReadOnly(
        "The earliest date set among the policy's start clock.", DAY_OR_NULL, label=lazy_text("Started on")
    )
    version = fields.ReadOnly("Rises with every change.", {"type": "integer"}, label=lazy_text("Version of the record"))
    registered_at = fields.Timestamp("When it was registered.", label=lazy_text("Registered"))
    updated_at = fields.Timestamp(
        "When it was last edited, or a fact of it confirmed.", label=lazy_text("Last changed")
    )
    changed_at = fields.Timestamp(CHANGED_AT_TEXT, label=lazy_text("Last change, audits included"))
    freeze_status = fields.ReadOnly(
        "Where it stands after the last audit.",
        {"type": "string", "enum": list(FreezeStatus.codes())},
        label=lazy_text("Freeze status"),
    )
    severity = fields.ReadOnly("Of the highest active flag.", SEVERITY_OR_NULL, label=lazy_text("Severity"))
    known_at = fields.Timestamp("Only with the parameter `known_at`: the moment whose record this is.")


CHANGES_SCHEMA: Final[dict[str, Any]] = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["field", "old", "new"],
        "properties": {"field": {"type": "string"}, "old": {}, "new": {}},
    },
}
TEXTS: Final[dict[str, Any]] = {"type": "array", "items": {"type": "string"}}


class ProjectBatchItem(ProjectRegistration):
    """A project of a batch. To register one, all that `POST /projects` requires; to change one, what changes."""

    change_reason = fields.Text(
        REASON_LENGTH,
        description="Why, for the history of a project that changes; of one that is registered as in `POST /projects`.",
    )


class ProjectBatch(fields.BaseSchema):
    """Projects to register, or to change by their external id."""

    items = fields.Objects(
        MAX_BATCH_ITEMS,
        ProjectBatchItem.__name__,
        description=f"The projects, at most {MAX_BATCH_ITEMS}.",
        required=True,
    )
    mode = fields.Choice(
        BATCH_MODES,
        nullable=False,
        description="`register`, the default: an external id that a project has is an error. `upsert`: it changes that "
        "project, in the fields that the item has; `null` clears one.",
    )
    atomic = fields.Boolean(
        description="Whether nothing is written unless all can be; by default, each is independent."
    )
    dry_run = fields.Boolean(
        nullable=False, description="True writes nothing: the answer is the plan, of each item for itself."
    )


class ProjectBatchResult(fields.BaseSchema):
    """What became of each project."""

    items = fields.ReadOnly(
        "In the order of the request.",
        {
            "type": "array",
            "items": fields.shown_object(
                {
                    "status": {"type": "integer", "description": "201, 200, or as the item alone would be answered."},
                    "outcome": {"type": "string", "enum": list(BATCH_OUTCOMES)},
                    "number": {"type": "string", "description": "The number of the project; none yet in a plan."},
                    "changes": {**CHANGES_SCHEMA, "description": "Of a registered project: what changed, or would."},
                    "opened": {**TEXTS, "description": "Of a dry run: rules that would flag it and do not now."},
                    "ended": {**TEXTS, "description": "Of a dry run: rules that flag it now and would not."},
                    "problem": {"$ref": "#/components/schemas/Problem"},
                },
                sometimes=("number", "changes", "opened", "ended", "problem"),
            ),
        },
    )


def expanded_project() -> fields.ReadOnly:
    """Return the field of items that have their project beside them on request."""
    schema = {"$ref": "#/components/schemas/ShortProject"}
    return fields.ReadOnly("Only with `expand=project`: the project, as lists show it.", schema)


OBSERVED_SCHEMA: Final = {"type": "object", "additionalProperties": {"type": ["string", "integer", "null"]}}
REASON_TEXT: Final = (
    "Why in numbers as of the day: what the rule read, and its limit. Empty for a rule without numbers."
)
FINDING_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["rule", "severity", "title", "reason", "observed", "required", "remedy", "clause"],
    "properties": {
        "rule": {"type": "string"},
        "severity": {"type": "string", "enum": list(Severity.codes())},
        "title": {"type": "string"},
        "reason": {"type": "string", "description": REASON_TEXT},
        "observed": {**OBSERVED_SCHEMA, "description": "The project's own values that the rule looked at."},
        "required": {"type": "string", "description": "What would have to be true."},
        "remedy": {"type": "string", "description": "What to do next."},
        "clause": {"type": "string", "description": "The act and its wording, with the period it is in force."},
    },
}


FACT_STATE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["fact", "state"],
    "properties": {
        "fact": {"type": "string", "enum": list(CONFIRMABLE)},
        "state": {"type": "string", "enum": list(FactState.codes())},
    },
}


class Verdict(fields.BaseSchema):
    """The verdict on a project for a date."""

    project = fields.ReadOnly("The project's number, null for one that is only checked.", TEXT_OR_NULL)
    on = fields.ReadOnly("The date judged.", dict(fields.DAY_SCHEMA))
    policy_version = fields.ReadOnly("The policy judged by.", {"type": "string"})
    outcome = fields.ReadOnly(
        "`exempt`: flagged, but an exemption is in force.", {"type": "string", "enum": list(VERDICT_OUTCOMES)}
    )
    findings = fields.ReadOnly("One a rule that holds.", {"type": "array", "items": FINDING_SCHEMA})
    valid_until = fields.ReadOnly(
        "The first day on which other findings hold if no fact, decision and policy changes; null without one.",
        DAY_OR_NULL,
    )
    facts = fields.ReadOnly(
        "The facts that count only when confirmed, each `claimed` (it does not count), `taken_over` or `confirmed`.",
        {"type": "array", "items": FACT_STATE},
    )
    next_findings = fields.ReadOnly(
        "The findings of that day; empty when none holds then, or without it.",
        {"type": "array", "items": FINDING_SCHEMA},
    )


class JudgedProject(Project):
    """A newly registered project, with its verdict as of today."""

    verdict = fields.ReadOnly("As `GET …/verdict` tells it.", {"$ref": "#/components/schemas/Verdict"})


class ShortProject(fields.BaseSchema):
    """A project in lists."""

    SOMETIMES: ClassVar[frozenset[str]] = frozenset({AGENCY_RECORD, ACTIVE_FLAGS})

    number = fields.ReadOnly("The project's number.", {"type": "string"})
    agency = fields.ReadOnly("BIN of the agency.", {"type": "string"})
    external_id = fields.ReadOnly("The agency's own reference.", TEXT_OR_NULL)
    name_kk = fields.ReadOnly("Name in Kazakh.", TEXT_OR_NULL)
    name_ru = fields.ReadOnly("Name in Russian.", TEXT_OR_NULL)
    name_en = fields.ReadOnly("Name in English.", TEXT_OR_NULL)
    object_kind = fields.ReadOnly("What is worked on.", {"type": "string", "enum": list(ObjectKind.codes())})
    work_type = fields.ReadOnly("What is done to it.", {"type": "string", "enum": list(WorkType.codes())})
    stage = fields.ReadOnly("How far the work is.", {"type": "string", "enum": list(Stage.codes())})
    placement = fields.ReadOnly(
        "Where the object lives, as claimed.", {"type": "string", "enum": list(Placement.codes())}
    )
    started_on = fields.ReadOnly("The earliest date of the start clock.", DAY_OR_NULL)
    budget_kzt = fields.ReadOnly("Whole tenge.", {"type": ["integer", "null"]})
    sector = fields.ReadOnly("Division of COFOG.", {"type": ["string", "null"], "enum": [*Sector.codes(), None]})
    region = fields.ReadOnly("KATO prefix.", {"type": ["string", "null"], "enum": [*Region.codes(), None]})
    freeze_status = fields.ReadOnly("After the last audit.", {"type": "string", "enum": list(FreezeStatus.codes())})
    severity = fields.ReadOnly("Of the highest active flag.", SEVERITY_OR_NULL)
    updated_at = fields.Timestamp("When it was last edited, or a fact of it confirmed.")
    changed_at = fields.Timestamp(CHANGED_AT_TEXT)
    agency_record = fields.ReadOnly("Only with `expand=agency`: its agency.", {"$ref": "#/components/schemas/Agency"})
    active_flags = fields.ReadOnly(
        "Only with `expand=flags`: its active flags, the worst first.",
        {"type": "array", "items": {"$ref": "#/components/schemas/Flag"}},
    )


class Revision(fields.BaseSchema):
    """One change of a project."""

    at = fields.Timestamp("When.")
    by = fields.ReadOnly("Whose token it was.", {"type": "string"})
    changes = fields.ReadOnly("What changed.", CHANGES_SCHEMA)
    reason = fields.ReadOnly("Why, if the person who made the change said so.", TEXT_OR_NULL)


class ProjectRevision(Revision):
    """A change of a project, in exports."""

    project = fields.ReadOnly("The project's number.", {"type": "string"})
    version = fields.ReadOnly("The version that it made; 1 is the registration.", {"type": "integer"})


class AttestationBody(fields.BaseSchema):
    """The record that a person confirms."""

    read_version = fields.WholeNumber(1, description="The version that was read; with another one the answer is 409.")


def without_restricted_field() -> fields.ReadOnly:
    """Return the property of figures that says when restricted projects are left out."""
    return fields.ReadOnly(
        "True when restricted projects are left out of the figures, as the caller may not see them; also when none is.",
        {"type": "boolean"},
    )


PROJECT: Final = Project()
PROJECT_BODY: Final = ProjectRegistration()
SIGNED_REGISTRATION: Final = SignedRegistration()
# Partial: a field that is required of a project may be absent, but not null.
PROJECT_PATCH: Final = ProjectPatch(partial=True)
PROJECT_BATCH_ITEM: Final = ProjectBatchItem(partial=[name for name in ProjectBatchItem().fields if name != "agency"])
SHORT_PROJECT: Final = ShortProject()
VERDICT: Final = Verdict()
PROJECT_REVISION: Final = ProjectRevision()


# Schemas of likely duplicates and of links between projects.

MAX_NOTE: Final = 500
SIMILAR_ITEMS: Final[dict[str, Any]] = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["number", "agency", "name", "score", "reasons"],
        "properties": {
            "number": {"type": "string"},
            "agency": {"type": "string", "description": "BIN of the agency."},
            "name": {"type": "string", "description": "In the language of the request, if it has one."},
            "score": {"type": "integer", "minimum": 65, "maximum": 100},
            "reasons": {
                "type": "array",
                "items": {"type": "string", "enum": list(REASONS)},
                "description": "What is the same or similar.",
            },
        },
    },
}
KZT: Final[dict[str, Any]] = {"type": "integer", "minimum": 0}
PROJECT_OF_OBJECT: Final[dict[str, Any]] = {
    "number": {"type": "string"},
    "agency": {"type": "string", "description": "BIN of the agency."},
    **{name: fields.nullable({"type": "string"}) for name in (*NAMES, "object_code", "platform_key")},
    "work_type": {"type": "string", "enum": list(WorkType.codes())},
    "stage": {"type": "string", "enum": list(Stage.codes())},
    "placement": {"type": "string", "enum": list(Placement.codes())},
    **{name: fields.nullable(dict(fields.DAY_SCHEMA)) for name in ("contract_signed_on", "work_started_on")},
    **{name: fields.nullable(dict(KZT)) for name in ("budget_kzt", "object_original_cost_kzt")},
    "freeze_status": {"type": "string", "enum": list(FreezeStatus.codes())},
    "severity": fields.nullable({"type": "string", "enum": list(Severity.codes())}),
}
OF_OBJECT: Final[dict[str, Any]] = {
    "type": "array",
    "items": {"type": "object", "required": list(PROJECT_OF_OBJECT), "properties": PROJECT_OF_OBJECT},
}


class DigitalObject(fields.BaseSchema):
    """One object: the projects on it that the caller may read, where it is hosted, what it costs."""

    object_codes = fields.ReadOnly("The codes that agencies gave it.", dict(TEXTS))
    platform_keys = fields.ReadOnly("Its keys on QazTech, as stated.", dict(TEXTS))
    placements = fields.ReadOnly(
        "Where it is hosted, as stated.",
        {"type": "array", "items": {"type": "string", "enum": list(Placement.codes())}},
    )
    projects = fields.ReadOnly("The projects on it, in the order of their registration, 200 at most.", OF_OBJECT)
    budget_kzt = fields.ReadOnly("All budgets together.", dict(KZT))
    least_cost_kzt = fields.ReadOnly("The least original cost that a project states.", fields.nullable(dict(KZT)))
    modifications_kzt = fields.ReadOnly("The modifications that began under the freeze, together.", dict(KZT))
    exchanges_data_with = fields.ReadOnly("Systems and projects that it exchanges data with.", dict(TEXTS))
    platform_products = fields.ReadOnly(
        "Codes of the products of the platform in use that could replace it.", dict(TEXTS)
    )


SIMILAR_TEXT: Final = "Likely duplicates that the caller may read, the most similar first, ten at most."


class SimilarProjects(fields.BaseSchema):
    """The likely duplicates of a project."""

    similar = fields.ReadOnly(SIMILAR_TEXT, SIMILAR_ITEMS)


class CheckedProject(Verdict):
    """The verdict on a project that is only checked, and its likely duplicates."""

    former_records = fields.ReadOnly(
        "Numbers of the withdrawn and ended projects of the same work that the caller may see.",
        {"type": "array", "items": {"type": "string"}},
    )
    is_reason_required = fields.ReadOnly(
        "True when a registration needs a `change_reason`, because it registers a former record again.",
        {"type": "boolean"},
    )
    similar = fields.ReadOnly(SIMILAR_TEXT, SIMILAR_ITEMS)


class CheckedChange(Verdict):
    """The verdict on a project as an edit would leave it, and what the edit changes."""

    changes = fields.ReadOnly("What would change, as the history will show it.", CHANGES_SCHEMA)
    opened = fields.ReadOnly("Those of the findings that the edit opens.", {"type": "array", "items": FINDING_SCHEMA})
    ended = fields.ReadOnly("The findings of today that the edit ends.", {"type": "array", "items": FINDING_SCHEMA})
    is_reason_required = fields.ReadOnly(
        "True when pages ask for a reason, because a date, the kind of work or the stage changes that rules read.",
        {"type": "boolean"},
    )


class LinkToAdd(fields.BaseSchema):
    """A link to add."""

    READ_ONLY: ClassVar[frozenset[str]] = frozenset({"id", "project", "added_at", "added_by"})

    kind = fields.Choice(
        LinkKind.codes(),
        required=True,
        label=lazy_text("Kind of link"),
        description="What the project is to the target. `exchanges_data_with` has no direction.",
    )
    target = fields.Text(
        required=True,
        label=lazy_text("Number of the other project"),
        hint=lazy_text("For example QT-2026-0000001-5."),
        description="The other project's number.",
    )
    note = fields.Text(
        MAX_NOTE, label=lazy_text("Note"), hint=lazy_text("Why, in up to 500 characters."), description="Why."
    )


class ProjectLink(fields.BaseSchema):
    """A link between two projects."""

    id = fields.ReadOnly("Its id.", {"type": "integer"})
    kind = fields.ReadOnly("What `project` is to `target`.", {"type": "string", "enum": list(LinkKind.codes())})
    project = fields.ReadOnly("The number of the project that the link leads from.", {"type": "string"})
    target = fields.ReadOnly("The number of the project that it leads to.", {"type": "string"})
    note = fields.ReadOnly("Why.", TEXT_OR_NULL)
    added_at = fields.Timestamp("When it was added.")
    added_by = fields.ReadOnly("By whom.", {"type": "string"})


LINK_BODY: Final = LinkToAdd()
