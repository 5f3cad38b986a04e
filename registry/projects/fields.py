"""The fields of a project that agencies write: the one list for API, forms, imports, exports and labels."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from registry.agencies.fields import NAME_EN, NAME_KK, NAME_RU
from registry.agencies.models import REGIONS, Region
from registry.core import fields
from registry.core.errors import Problem
from registry.core.translations import lazy_text
from registry.core.values import ChoiceLabels, InvalidValue
from registry.freeze.facts import AI_ENTRY
from registry.freeze.vocabulary import FINAL_STAGES, AiRisk, Placement, Stage, WorkType
from registry.projects.models import NUMBER_PATTERN, is_project_number
from registry.projects.vocabulary import (
    FUNDINGS,
    OBJECT_CLASSES,
    OBJECT_KINDS,
    PLACEMENTS,
    STAGES,
    WORK_TYPES,
    Funding,
    ObjectClass,
    ObjectKind,
    Sector,
)

# The field of integrations: numbers of projects and names of systems that an object exchanges data with.


class Integrations(fields.Entries):
    """A list of project numbers and names of systems. A number must have its check digit right."""

    def check_entry(self, entry: str) -> None:
        """Raise InvalidValue also for the number of a project with a wrong check digit."""
        super().check_entry(entry)
        if NUMBER_PATTERN.fullmatch(entry) and not is_project_number(entry):
            raise InvalidValue("project-number-invalid", number=entry)


class ProjectFields(fields.BaseSchema):
    """The writable fields. A field that is added here also needs a column in ``models.py`` and a migration."""

    external_id = fields.Text(
        label=lazy_text("Your own reference"),
        hint=lazy_text("The number of the project in your own accounts. It must be unique within the agency."),
        description="The agency's own reference, unique within it.",
    )
    object_code = fields.Text(
        label=lazy_text("Code of the object"),
        hint=lazy_text("The same for all projects on one system, so that they are seen together."),
        description="Projects of one agency with the same code work on the same object.",
    )
    name_kk, name_ru, name_en = NAME_KK, NAME_RU, NAME_EN
    purpose = fields.Text(
        5000,
        label=lazy_text("Purpose"),
        hint=lazy_text("What it is for, in a few sentences."),
        description="What it is for.",
    )
    sector = fields.Choice(
        Sector, label=lazy_text("Sector"), description="Division of COFOG: health is `07`, education `09`."
    )
    object_kind = fields.Choice(
        ObjectKind, OBJECT_KINDS, label=lazy_text("Kind of object"), description="What is worked on.", required=True
    )
    work_type = fields.Choice(
        WorkType, WORK_TYPES, label=lazy_text("Kind of work"), description="What is done to it.", required=True
    )
    stage = fields.Choice(
        Stage,
        STAGES,
        label=lazy_text("Stage"),
        description="How far the work is; the last three are final.",
        required=True,
    )
    placement = fields.Choice(
        Placement,
        PLACEMENTS,
        label=lazy_text("Hosting"),
        description="Where the agency says that the object lives: a claim until it is confirmed.",
        required=True,
    )
    platform_key = fields.Text(
        label=lazy_text("Key on QazTech"),
        hint=lazy_text("If the object is on QazTech: the key that QazTech gave it."),
        description="The object's key on QazTech.",
    )
    onboarding_due_on = fields.Day(
        label=lazy_text("Onboarding due date"),
        hint=lazy_text("If the object is being onboarded to QazTech: the date by which it will be finished."),
        description="When the move to QazTech is to be done.",
    )
    specification_approved_on = fields.Day(
        label=lazy_text("Specification approved on"), description="Approval of the technical specification."
    )
    contract_signed_on = fields.Day(
        label=lazy_text("Contract signed on"),
        hint=lazy_text("The earlier of this date and the next one counts as the beginning."),
        description="Signing of the contract.",
    )
    work_started_on = fields.Day(label=lazy_text("Work started on"), description="Real start of the work.")
    pilot_started_on = fields.Day(
        label=lazy_text("Pilot started on"),
        hint=lazy_text("A pilot lasts twelve months at most."),
        description="Start of the pilot.",
    )
    commissioned_on = fields.Day(
        label=lazy_text("Result commissioned on"),
        hint=lazy_text("When the result of this project went into operation."),
        description="Commissioning of this project's result.",
    )
    object_commissioned_on = fields.Day(
        label=lazy_text("Object in operation since"),
        hint=lazy_text("For work on something that existed before: when that went into operation."),
        description="Commissioning of the object, before this work.",
    )
    planned_end_on = fields.Day(fields.MAX_PLANNED_END, label=lazy_text("Planned end"), description="Planned end.")
    ended_on = fields.Day(
        label=lazy_text("Ended on"),
        hint=lazy_text("Only for a project that is finished or stopped."),
        description="Real end.",
    )
    contract_number = fields.Reference(label=lazy_text("Contract number"), description="Number of the contract.")
    supplier_bin = fields.Bin(
        label=lazy_text("Supplier’s BIN"), hint=lazy_text("Twelve digits."), description="BIN of the supplier."
    )
    supplier_name = fields.Text(
        500,
        label=lazy_text("Supplier’s name"),
        hint=lazy_text("As in the contract."),
        description="Name of the supplier.",
    )
    budget_kzt = fields.WholeNumber(
        label=lazy_text("Budget"),
        hint=lazy_text("Whole tenge, without tiyn. Left empty, it becomes the sum of the years."),
        description="Budget in whole tenge.",
    )
    budget_programme = fields.Text(
        label=lazy_text("Budget programme"),
        hint=lazy_text("Its code, such as 047 or 047-100; a name may follow."),
        description="Code of the budget programme, and its name.",
    )
    cost_by_year = fields.YearlyAmounts(
        label=lazy_text("Cost by year"),
        hint=lazy_text("The part of the budget for each year, in whole tenge. The years together must not exceed it."),
        description="The budget by year, in whole tenge; together not more than `budget_kzt`.",
    )
    object_original_cost_kzt = fields.WholeNumber(
        label=lazy_text("Original cost of the object"),
        hint=lazy_text("What the object cost when it was made. For a modification it sets the limit."),
        description="What the object cost at first, in whole tenge.",
    )
    consent_number = fields.Reference(
        label=lazy_text("Number of the authorised body’s consent"),
        hint=lazy_text("The number of the letter. A modification needs it."),
        description="Number of the authorised body's consent.",
    )
    funding = fields.Choice(Funding, FUNDINGS, label=lazy_text("Funding"), description="Where the money comes from.")
    region = fields.Choice(Region, REGIONS, label=lazy_text("Region"), description="First two digits of KATO.")
    url = fields.Url(
        label=lazy_text("Web address"), hint=lazy_text("Begins with https://"), description="The object's address."
    )
    source_repository_url = fields.Url(
        label=lazy_text("Source code repository"),
        hint=lazy_text("Begins with https://"),
        description="The address of the repository of the source code.",
    )
    integrations = Integrations(
        label=lazy_text("Integrations"),
        hint=lazy_text(
            "What the object exchanges data with. One a line: the number of a project in the register, or the name of "
            "a system."
        ),
        description="Numbers of projects and names of systems with which the object exchanges data.",
    )
    security_conclusion_number = fields.Reference(
        label=lazy_text("Number of the security test conclusion"),
        hint=lazy_text("Only of a positive conclusion. Operation needs one."),
        description="Number of the positive conclusion of the information security test.",
    )
    security_conclusion_on = fields.Day(
        label=lazy_text("Date of the security test conclusion"),
        description="Date of the positive conclusion of the information security test.",
    )
    object_class = fields.WholeNumber(
        1,
        3,
        ChoiceLabels(ObjectClass, OBJECT_CLASSES),
        label=lazy_text("Class of the object"),
        description="Class of the object, 1 the highest.",
    )
    is_ai = fields.Boolean(
        label=lazy_text("Uses artificial intelligence"),
        hint=lazy_text("Learns from data or decides by itself."),
        description="Whether it uses artificial intelligence.",
    )
    holds_personal_data = fields.Boolean(
        label=lazy_text("Holds personal data"), description="Whether it holds personal data."
    )
    ai_purpose = fields.Text(
        2000,
        label=lazy_text("Purpose of the AI system"),
        hint=lazy_text("What it decides, suggests or generates, and for whom. It is public."),
        description="What the AI system decides, suggests or generates, and for whom.",
    )
    ai_model = fields.Text(
        500,
        label=lazy_text("Model of the AI system"),
        hint=lazy_text("Name and version."),
        description="Model, with its version.",
    )
    ai_supplier = fields.Text(
        500,
        label=lazy_text("Supplier of the model"),
        hint=lazy_text("The organisation, or that it is your own development. It is public."),
        description="Who supplies the model.",
    )
    ai_data = fields.Text(
        2000,
        label=lazy_text("Data used by the AI system"),
        hint=lazy_text("What it learns from and what it works on."),
        description="Data that the AI system learns from and works on.",
    )
    ai_personal_data = fields.Boolean(
        label=lazy_text("The AI system uses personal data"), description="Whether the AI system uses personal data."
    )
    ai_risk_class = fields.Choice(
        AiRisk,
        label=lazy_text("Degree of risk of the AI system"),
        hint=lazy_text("What its failure would do to people, society and the state. It is public."),
        description="Degree of risk of the AI system.",
    )
    ai_overseer = fields.Text(
        500,
        label=lazy_text("Who oversees the AI system and may stop it"),
        hint=lazy_text("The post, and how it is stopped."),
        description="Who oversees the AI system and may stop it.",
    )
    ai_tests = fields.Text(
        2000,
        label=lazy_text("Tests of the AI system"),
        hint=lazy_text("What was tested, when, and with which result."),
        description="Tests of the AI system and their results.",
    )
    ai_notice = fields.Text(
        2000,
        label=lazy_text("How people are informed that AI is used"),
        hint=lazy_text("Where and in which words. It is public."),
        description="How people are informed that AI is used.",
    )
    ai_objection = fields.Text(
        2000,
        label=lazy_text("How people can object"),
        hint=lazy_text("To whom, in what way, and when they have an answer. It is public."),
        description="How people can object to what the AI system decides.",
    )
    ai_office = fields.Text(
        500,
        label=lazy_text("Unit responsible for the AI system"),
        hint=lazy_text("The unit of your organisation, without names of persons. It is public."),
        description="The unit that answers for the AI system, without names of persons.",
    )
    ai_reviewed_on = fields.Day(
        label=lazy_text("AI entry reviewed on"),
        hint=lazy_text("When somebody last checked that all of this is true. Once a year."),
        description="When the entry on the AI system was last checked.",
    )
    responsible_name = fields.Text(label=lazy_text("Responsible person"), description="Who answers for it.")
    responsible_position = fields.Text(label=lazy_text("Position"), description="That person's position.")
    responsible_phone = fields.Telephone(
        label=lazy_text("Telephone"),
        hint=lazy_text("For example +7 7172 74 00 00"),
        description="That person's telephone number.",
    )
    responsible_email = fields.Email(label=lazy_text("E-mail"), description="That person's e-mail.")


FIELDS: Final[Mapping[str, fields.InputField]] = ProjectFields().inputs
REQUIRED: Final = tuple(name for name, field in FIELDS.items() if field.required)
READ_ONLY: Final = (
    "number",
    "placement_verified_on",
    "onboarding_confirmed_on",
    "ending_confirmed_on",
    "confirmed_facts",
    "attested_on",
    "is_restricted",
    "withdrawn_at",
    "started_on",
    "version",
    "registered_at",
    "updated_at",
    "changed_at",
    "freeze_status",
    "severity",
)
# The sections of a project's page, which are the steps of its registration: at most 12 questions in each.
SECTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "what": ("name_kk", "name_ru", "name_en", "purpose", "sector", "region", "external_id"),
    "work": ("object_kind", "work_type", "stage", "placement"),
    "object": (
        "platform_key",
        "onboarding_due_on",
        "object_code",
        "url",
        "source_repository_url",
        "integrations",
        "object_class",
        "is_ai",
        "holds_personal_data",
        "security_conclusion_number",
        "security_conclusion_on",
    ),
    "ai": AI_ENTRY,
    "dates": (
        "object_commissioned_on",
        "specification_approved_on",
        "contract_signed_on",
        "work_started_on",
        "pilot_started_on",
        "commissioned_on",
        "planned_end_on",
        "ended_on",
    ),
    "money": (
        "contract_number",
        "supplier_bin",
        "supplier_name",
        "funding",
        "budget_programme",
        "cost_by_year",
        "budget_kzt",
        "object_original_cost_kzt",
        "consent_number",
    ),
    "people": ("responsible_name", "responsible_position", "responsible_phone", "responsible_email"),
}
# Filled in for a new draft.
PREFILLED: Final = ("region",)
# A field that no section names is asked with the object.
PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    **SECTIONS,
    "object": (*SECTIONS["object"], *(name for name in FIELDS if not any(name in each for each in SECTIONS.values()))),
}

# Filters of lists follow the kinds of fields: choices, yes or no, ranges of dates and amounts; of texts only these.
FILTERED_TEXTS: Final = (
    "external_id",
    "object_code",
    "platform_key",
    "contract_number",
    "supplier_bin",
    "consent_number",
    "security_conclusion_number",
)
# The columns of the open data of projects, behind those of their agencies. Every other field is private.
PUBLIC: Final = (
    *("name_kk", "name_ru", "name_en", "purpose", "object_kind", "work_type", "stage", "placement", "sector", "region"),
    *("funding", "budget_kzt", "started_on", "planned_end_on", "ended_on", "freeze_status", "placement_verified_on"),
    *("is_ai", "ai_purpose", "ai_supplier", "ai_risk_class", "ai_notice", "ai_objection", "ai_office"),
)
# Pairs (earlier, later): the later date must not be before the earlier one; otherwise both fields have an error.
DATE_ORDER: Final = (
    ("work_started_on", "pilot_started_on"),
    ("work_started_on", "commissioned_on"),
    ("work_started_on", "ended_on"),
)


NAME_POINTERS: Final = frozenset({"/name_kk", "/name_ru"})


def cross_field_problems(values: Mapping[str, Any]) -> list[Problem]:
    """Return the problems across the fields of a project: missing values, no name, dates in the wrong order, years too
    dear.

    Not a ``@validates_schema``: a change is judged together with the stored values, which the schema does not have.
    """
    problems = [Problem(f"/{name}", "required") for name in REQUIRED if values.get(name) is None]
    if values.get("name_kk") is None and values.get("name_ru") is None:
        problems += [Problem("/name_kk", "name-required"), Problem("/name_ru", "name-required")]
    for earlier, later in DATE_ORDER:
        first, second = values.get(earlier), values.get(later)
        if first is not None and second is not None and second < first:
            problems += [
                Problem(f"/{later}", "date-before", {"other": earlier}),
                Problem(f"/{earlier}", "date-after", {"other": later}),
            ]
    years, budget = total_of_years(values), values.get("budget_kzt")
    if years is not None and budget is not None and years > budget:
        problems += [
            Problem(f"/{name}", "years-above-budget", {"total": years}) for name in ("budget_kzt", "cost_by_year")
        ]
    if not values.get("is_ai"):
        problems += [Problem(f"/{name}", "only-of-ai") for name in AI_ENTRY if values.get(name) is not None]
    return problems


def with_changes(before: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values after a change; of a project that does not use AI any more, without the entry on it."""
    after = {**before, **changes}
    return after if after["is_ai"] else {**after, **dict.fromkeys(AI_ENTRY), **changes}


def total_of_years(values: Mapping[str, Any]) -> int | None:
    """Return the cost of all years together; None when it is not given by year."""
    amounts = values.get("cost_by_year")
    return sum(each[fields.AMOUNT] for each in amounts) if amounts else None


def merge_problems(known: Sequence[Problem], further: Sequence[Problem]) -> list[Problem]:
    """Both lists, without further problems of fields with a known one: an invalid value is not also missing."""
    pointers = {problem.pointer for problem in known}
    if not pointers.isdisjoint(NAME_POINTERS):
        # One name is sufficient: the invalid one needs correcting, and the other need not be added.
        pointers |= NAME_POINTERS
    if "/is_ai" in pointers:
        # Whether the entry on an AI system is asked for is not known.
        pointers |= {f"/{name}" for name in AI_ENTRY}
    return [*known, *(problem for problem in further if problem.pointer not in pointers)]


# Conditional questions: which fields a project is asked for, by its kind of work, stage, hosting and funding.
#
# A field that is not asked may have a value all the same: rules read what is stored, not what is asked.


class Condition(NamedTuple):
    """A field is asked when ``field`` has one of the ``answers``, and unless ``is_strict`` as long as it has none."""

    field: str
    answers: frozenset[str]
    is_strict: bool = False


def _when(field: str, *answers: str) -> Condition:
    return Condition(field, frozenset(map(str, answers)))


OF_EXISTING_OBJECTS: Final = _when(
    "work_type",
    WorkType.DEVELOPMENT.value,
    WorkType.MODIFICATION.value,
    WorkType.MAINTENANCE.value,
    WorkType.MIGRATION.value,
)
CONDITIONS: Final[Mapping[str, Condition]] = {
    "platform_key": _when("placement", Placement.ON_PLATFORM.value, Placement.ONBOARDING.value),
    "onboarding_due_on": _when("placement", Placement.ONBOARDING.value),
    "pilot_started_on": _when("stage", Stage.PILOT.value),
    "commissioned_on": _when("stage", Stage.OPERATION.value, *FINAL_STAGES),
    "ended_on": _when("stage", *FINAL_STAGES),
    "object_commissioned_on": OF_EXISTING_OBJECTS,
    "object_original_cost_kzt": _when("work_type", WorkType.MODIFICATION.value),
    "consent_number": _when("work_type", WorkType.MODIFICATION.value),
    "budget_programme": _when("funding", Funding.REPUBLICAN_BUDGET.value, Funding.LOCAL_BUDGET.value),
    # Forms and drafts have the answer as a text.
    **dict.fromkeys(AI_ENTRY, Condition("is_ai", frozenset({"yes"}), is_strict=True)),
}


def is_asked(name: str, values: Mapping[str, Any]) -> bool:
    """Return whether the field is asked with these values or texts."""
    condition = CONDITIONS.get(name)
    if condition is None:
        return True
    answer = values.get(condition.field)
    if condition.is_strict:
        return answer is True or answer in condition.answers
    return not answer or answer in condition.answers


def newly_asked(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return the fields that a change makes necessary, and that have no value."""
    return [name for name in CONDITIONS if is_asked(name, after) and not is_asked(name, before) and not after.get(name)]
