"""Closed vocabularies of the law (docs/reference/fields.md), such as stages and placements, and languages of its texts.

Pages, API, filters, imports, exports, reports and SQL ranks derive from them. Rules are named in ``rules.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final, Self

# Texts of the law: which languages they must have, and the mark of those that the catalogues translate.

# The acts are published in these; notices to agencies and decisions are written in them.
OFFICIAL_LANGUAGES = ("kk", "ru")
# Stands in for a text that a language lacks.
DEFAULT_LANGUAGE = "en"
# Every text of a policy file has these. Texts in further languages are optional, so that stored versions stay valid.
REQUIRED_LANGUAGES = (*OFFICIAL_LANGUAGES, DEFAULT_LANGUAGE)

Translate = Callable[[str], str]


def lazy_text(text: str) -> str:
    """Mark a text for the catalogues; it is translated when it is displayed."""
    return text


def in_language(texts: Mapping[str, str], language: str) -> str:
    """Return the text in ``language``, in English when it has none."""
    return texts.get(language) or texts[DEFAULT_LANGUAGE]


# Closed vocabularies as enumerations: each member is a code with its English label (as Django's TextChoices).

# By the fields, filters and columns that have their codes, for labels on pages.
OF_FIELDS: Final[dict[str, type[Choices]]] = {}


class Choices(StrEnum):
    """Base of all closed vocabularies: ``LOW = "low", lazy_text("Low")``. The order of the members is kept.

    A member with several labels has a property for each further one. ``field``: the name of the field that has the
    codes.
    """

    labels: tuple[str, ...]

    def __init_subclass__(cls, *, field: str = "") -> None:
        super().__init_subclass__()
        if field:
            OF_FIELDS[field] = cls

    def __new__(cls, code: str, *labels: str) -> Self:
        member = str.__new__(cls, code)
        member._value_ = code
        member.labels = labels
        return member

    @property
    def label(self) -> str:
        """The English label."""
        return self.labels[0]

    @classmethod
    def codes(cls) -> tuple[str, ...]:
        """Return all codes as plain strings, in the order of the members."""
        return tuple(member.value for member in cls)


class Severity(Choices):
    """Severities in ascending order. ``PLAN``: a stage of the plan for the whole country, which flags nobody."""

    PLAN = "plan", lazy_text("To migrate"), lazy_text("To migrate")
    LOW = "low", lazy_text("Low"), lazy_text("Flagged: low")
    MEDIUM = "medium", lazy_text("Medium"), lazy_text("Flagged: medium")
    HIGH = "high", lazy_text("High"), lazy_text("Flagged: high")

    @property
    def flagged_label(self) -> str:
        """The label of projects whose highest flag has this severity."""
        return self.labels[1]

    @property
    def rank(self) -> int:
        """The position, from 1 for the lowest that flags a project; 0 for the plan."""
        return list(Severity).index(self)

    @classmethod
    def worst_first(cls) -> tuple[Severity, ...]:
        """Return the severities that flag a project, in descending order."""
        return tuple(severity for severity in reversed(cls) if severity is not cls.PLAN)

    def and_above(self) -> tuple[str, ...]:
        """Return the codes of this severity and of the higher ones."""
        return Severity.codes()[self.rank :]


class Stage(Choices, field="stage"):
    """Stages of a project."""

    PLANNING = "planning", lazy_text("Planning")
    CREATION = "creation", lazy_text("Being created")
    TESTING = "testing", lazy_text("Testing")
    PILOT = "pilot", lazy_text("Pilot operation")
    OPERATION = "operation", lazy_text("In operation")
    TERMINATED = "terminated", lazy_text("Terminated")
    ARCHIVED = "archived", lazy_text("Archived")
    WRITTEN_OFF = "written_off", lazy_text("Written off")


# Stages after which no work continues.
FINAL_STAGES = frozenset({Stage.TERMINATED.value, Stage.ARCHIVED.value, Stage.WRITTEN_OFF.value})


class AgencyKind(Choices, field="kind"):
    """Kinds of agencies. The policy lists those that the freeze binds."""

    CENTRAL_BODY = "central_body", lazy_text("Central state body")
    LOCAL_EXECUTIVE = "local_executive", lazy_text("Local executive body")
    STATE_LEGAL_ENTITY = "state_legal_entity", lazy_text("State legal entity")
    QUASI_PUBLIC = "quasi_public", lazy_text("Quasi-public sector")
    SUBSIDIARY = "subsidiary", lazy_text("Subsidiary, half or more state-owned")
    OTHER_PERFORMER = "other_performer", lazy_text("Other performer of state functions")
    NATIONAL_SECURITY = "national_security", lazy_text("National security")
    PRIVATE = "private", lazy_text("Private organisation")


class AiRisk(Choices, field="ai_risk_class"):
    """Degrees of risk of AI systems in ascending order (Law on Artificial Intelligence of 17 November 2025)."""

    MINIMAL = "minimal", lazy_text("Minimal")
    MEDIUM = "medium", lazy_text("Medium")
    HIGH = "high", lazy_text("High")


class WorkType(Choices, field="work_type"):
    """Kinds of work."""

    CREATION = "creation", lazy_text("Creation")
    DEVELOPMENT = "development", lazy_text("Development")
    MODIFICATION = "modification", lazy_text("Modification")
    MAINTENANCE = "maintenance", lazy_text("Maintenance")
    MIGRATION = "migration", lazy_text("Migration")


class Placement(Choices, field="placement"):
    """Where the object is hosted."""

    ON_PLATFORM = "on_platform", lazy_text("On QazTech")
    ONBOARDING = "onboarding", lazy_text("Onboarding to QazTech")
    OFF_PLATFORM = "off_platform", lazy_text("Outside QazTech")
    UNKNOWN = "unknown", lazy_text("Not known yet")


# Only fields that every revision stores can be in start_clock: integrity.rewritten reads them from earlier revisions.
CLOCK_FIELDS = ("contract_signed_on", "work_started_on")
