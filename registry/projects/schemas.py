"""Schemas of projects in requests and responses."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from registry.agencies.schemas import BIN_TEXT
from registry.agencies.vocabulary import Region
from registry.core.field_types import Bin
from registry.core.schema_fields import DAY_SCHEMA, Accepted, Body, LenientBody, Moment, Shown, nullable
from registry.freeze.vocabulary import Placement, Severity, Stage, WorkType
from registry.projects.fields import FIELDS, READ_ONLY
from registry.projects.vocabulary import VERDICT_OUTCOMES, FreezeStatus, ObjectKind, Sector

DAY_OR_NULL: Final = nullable(DAY_SCHEMA)
TEXT_OR_NULL: Final = {"type": ["string", "null"]}
FREEZE_STATUS: Final = {"type": "string", "enum": list(FreezeStatus.codes())}
SEVERITY_OR_NULL: Final = {"type": ["string", "null"], "enum": [*Severity.codes(), None]}
CHANGED_AT_TEXT: Final = "When anything shown here last changed: by an edit, an audit or a decision."


def _field(name: str, description: str, *, required: bool = False, clearable: bool = True) -> Accepted:
    return Accepted(FIELDS[name], description, required=required, clearable=clearable)


class ProjectFields(Body):
    """The writable fields."""

    external_id = _field("external_id", "The agency's own reference, unique within it.")
    object_code = _field("object_code", "Projects of one agency with the same code work on the same object.")
    name_kk = _field("name_kk", "Name in Kazakh; this or `name_ru` is required.")
    name_ru = _field("name_ru", "Name in Russian; this or `name_kk` is required.")
    name_en = _field("name_en", "Name in English.")
    purpose = _field("purpose", "What it is for.")
    sector = _field("sector", "Division of COFOG: health is `07`, education `09`.")
    object_kind = _field("object_kind", "What is worked on.")
    work_type = _field("work_type", "What is done to it.")
    stage = _field("stage", "How far the work is; the last three are final.")
    placement = _field("placement", "Where the agency says that the object lives: a claim until it is confirmed.")
    platform_key = _field("platform_key", "The object's key on QazTech.")
    onboarding_due_on = _field("onboarding_due_on", "When the move to QazTech is to be done.")
    specification_approved_on = _field("specification_approved_on", "Approval of the technical specification.")
    contract_signed_on = _field("contract_signed_on", "Signing of the contract.")
    work_started_on = _field("work_started_on", "Real start of the work.")
    pilot_started_on = _field("pilot_started_on", "Start of the pilot.")
    commissioned_on = _field("commissioned_on", "Commissioning of this project's result.")
    object_commissioned_on = _field("object_commissioned_on", "Commissioning of the object, before this work.")
    planned_end_on = _field("planned_end_on", "Planned end.")
    ended_on = _field("ended_on", "Real end.")
    contract_number = _field("contract_number", "Number of the contract.")
    supplier_bin = _field("supplier_bin", "BIN of the supplier.")
    budget_kzt = _field("budget_kzt", "Budget in whole tenge.")
    object_original_cost_kzt = _field("object_original_cost_kzt", "What the object cost at first, in whole tenge.")
    consent_number = _field("consent_number", "Number of the authorised body's consent.")
    funding = _field("funding", "Where the money comes from.")
    region = _field("region", "First two digits of KATO.")
    url = _field("url", "The object's address.")
    object_class = _field("object_class", "Class of the object, 1 the highest.")
    is_ai = _field("is_ai", "Whether it uses artificial intelligence.")
    holds_personal_data = _field("holds_personal_data", "Whether it holds personal data.")
    responsible_name = _field("responsible_name", "Who answers for it.")
    responsible_position = _field("responsible_position", "That person's position.")
    responsible_email = _field("responsible_email", "That person's e-mail.")


class ProjectRegistration(LenientBody, ProjectFields):
    """A project to register or to check."""

    READ_ONLY: ClassVar[frozenset[str]] = frozenset({*READ_ONLY, "verdict"})

    agency = Accepted(Bin(), "BIN of the agency.", required=True)
    object_kind = _field("object_kind", "What is worked on.", required=True)
    work_type = _field("work_type", "What is done to it.", required=True)
    stage = _field("stage", "How far the work is; the last three are final.", required=True)
    placement = _field(
        "placement", "Where the agency says that the object lives: a claim until it is confirmed.", required=True
    )


class ProjectPatch(LenientBody, ProjectFields):
    """Changes of a project: null clears a field, an absent one stays."""

    READ_ONLY: ClassVar[frozenset[str]] = frozenset({*READ_ONLY, "agency", "verdict"})

    object_kind = _field("object_kind", "What is worked on.", clearable=False)
    work_type = _field("work_type", "What is done to it.", clearable=False)
    stage = _field("stage", "How far the work is; the last three are final.", clearable=False)
    placement = _field(
        "placement", "Where the agency says that the object lives: a claim until it is confirmed.", clearable=False
    )


class Project(ProjectFields):
    """A project in responses."""

    object_kind = _field("object_kind", "What is worked on.", required=True)
    work_type = _field("work_type", "What is done to it.", required=True)
    stage = _field("stage", "How far the work is; the last three are final.", required=True)
    placement = _field(
        "placement", "Where the agency says that the object lives: a claim until it is confirmed.", required=True
    )
    number = Shown(
        "`QT-<year>-<7 digits>-<check digit>`.", {"type": "string", "pattern": "^QT-[0-9]{4}-[0-9]{7}-[0-9]$"}
    )
    agency = Shown(BIN_TEXT, {"type": "string"})
    placement_verified_on = Shown("On QazTech since, as a reviewer or operator confirmed.", DAY_OR_NULL)
    onboarding_confirmed_on = Shown("When the move to QazTech was confirmed.", DAY_OR_NULL)
    ending_confirmed_on = Shown("When the ending was confirmed.", DAY_OR_NULL)
    is_restricted = Shown("Shown to supervisor, auditor and its own agency only.", {"type": "boolean"})
    started_on = Shown("The earliest date set among the policy's start clock.", DAY_OR_NULL)
    version = Shown("Rises with every change.", {"type": "integer"})
    registered_at = Moment("When it was registered.")
    updated_at = Moment("When it was last edited, or a fact of it confirmed.")
    changed_at = Moment(CHANGED_AT_TEXT)
    freeze_status = Shown("Where it stands after the last audit.", FREEZE_STATUS)
    severity = Shown("Of the highest standing flag.", SEVERITY_OR_NULL)


OBSERVED_SCHEMA: Final = {"type": "object", "additionalProperties": {"type": ["string", "integer", "null"]}}
FINDING_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["rule", "severity", "title", "observed", "required", "remedy", "clause"],
    "properties": {
        "rule": {"type": "string"},
        "severity": {"type": "string", "enum": list(Severity.codes())},
        "title": {"type": "string"},
        "observed": {**OBSERVED_SCHEMA, "description": "The project's own values that the rule looked at."},
        "required": {"type": "string", "description": "What would have to be true."},
        "remedy": {"type": "string", "description": "What to do next."},
        "clause": {"type": "string", "description": "The act and its wording, with the period it is in force."},
    },
}


class Verdict(Body):
    """The verdict on a project for a date."""

    project = Shown("The project's number, null for one that is only checked.", TEXT_OR_NULL)
    on = Shown("The date judged.", dict(DAY_SCHEMA))
    policy_version = Shown("The policy judged by.", {"type": "string"})
    outcome = Shown(
        "`exempt`: flagged, but an exemption is in force.",
        {"type": "string", "enum": list(VERDICT_OUTCOMES)},
    )
    findings = Shown("One a rule that holds.", {"type": "array", "items": FINDING_SCHEMA})


class JudgedProject(Project):
    """A newly registered project, with its verdict as of today."""

    verdict = Shown("As `GET …/verdict` tells it.", {"$ref": "#/components/schemas/Verdict"})


class ShortProject(Body):
    """A project in lists."""

    number = Shown("The project's number.", {"type": "string"})
    agency = Shown("BIN of the agency.", {"type": "string"})
    external_id = Shown("The agency's own reference.", TEXT_OR_NULL)
    name_kk = Shown("Name in Kazakh.", TEXT_OR_NULL)
    name_ru = Shown("Name in Russian.", TEXT_OR_NULL)
    name_en = Shown("Name in English.", TEXT_OR_NULL)
    object_kind = Shown("What is worked on.", {"type": "string", "enum": list(ObjectKind.codes())})
    work_type = Shown("What is done to it.", {"type": "string", "enum": list(WorkType.codes())})
    stage = Shown("How far the work is.", {"type": "string", "enum": list(Stage.codes())})
    placement = Shown("Where the object lives, as claimed.", {"type": "string", "enum": list(Placement.codes())})
    started_on = Shown("The earliest date of the start clock.", DAY_OR_NULL)
    budget_kzt = Shown("Whole tenge.", {"type": ["integer", "null"]})
    sector = Shown("Division of COFOG.", {"type": ["string", "null"], "enum": [*Sector.codes(), None]})
    region = Shown("KATO prefix.", {"type": ["string", "null"], "enum": [*Region.codes(), None]})
    freeze_status = Shown("After the last audit.", FREEZE_STATUS)
    severity = Shown("Of the highest standing flag.", SEVERITY_OR_NULL)
    updated_at = Moment("When it was last edited, or a fact of it confirmed.")
    changed_at = Moment(CHANGED_AT_TEXT)


class Revision(Body):
    """One change of a project."""

    at = Moment("When.")
    by = Shown("Whose token it was.", {"type": "string"})
    changes = Shown(
        "What changed.",
        {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "old", "new"],
                "properties": {"field": {"type": "string"}, "old": {}, "new": {}},
            },
        },
    )


PROJECT: Final = Project()
PROJECT_BODY: Final = ProjectRegistration()
PROJECT_PATCH: Final = ProjectPatch()
JUDGED_PROJECT: Final = JudgedProject()
SHORT_PROJECT: Final = ShortProject()
VERDICT: Final = Verdict()
REVISION: Final = Revision()
