"""Closed vocabularies of the law (docs/reference/fields.md): severities, stages, kinds of agencies, work, placements.

Pages, API, filters, imports, exports, reports and SQL ranks derive from them. Rules are named in ``rules.py``.
"""

from __future__ import annotations

from registry.freeze.choices import Choices, gettext_noop


class Severity(Choices):
    """Severities in ascending order."""

    LOW = "low", gettext_noop("Low"), gettext_noop("Flagged: low")
    MEDIUM = "medium", gettext_noop("Medium"), gettext_noop("Flagged: medium")
    HIGH = "high", gettext_noop("High"), gettext_noop("Flagged: high")

    @property
    def flagged_label(self) -> str:
        """The label of projects whose highest flag has this severity."""
        return self.labels[1]

    @property
    def rank(self) -> int:
        """The position, from 1 for the lowest."""
        return list(Severity).index(self) + 1

    @classmethod
    def worst_first(cls) -> tuple[Severity, ...]:
        """All severities in descending order."""
        return tuple(reversed(cls))

    def and_above(self) -> tuple[str, ...]:
        """The codes of this severity and of the higher ones."""
        return Severity.codes()[self.rank - 1 :]


class Stage(Choices):
    """Stages of a project."""

    PLANNING = "planning", gettext_noop("Planning")
    CREATION = "creation", gettext_noop("Being created")
    TESTING = "testing", gettext_noop("Testing")
    PILOT = "pilot", gettext_noop("Pilot operation")
    OPERATION = "operation", gettext_noop("In operation")
    TERMINATED = "terminated", gettext_noop("Terminated")
    ARCHIVED = "archived", gettext_noop("Archived")
    WRITTEN_OFF = "written_off", gettext_noop("Written off")


# Stages after which no work continues.
FINAL_STAGES = frozenset({Stage.TERMINATED.value, Stage.ARCHIVED.value, Stage.WRITTEN_OFF.value})


class AgencyKind(Choices):
    """Kinds of agencies. The policy lists those that the freeze binds."""

    CENTRAL_BODY = "central_body", gettext_noop("Central state body")
    LOCAL_EXECUTIVE = "local_executive", gettext_noop("Local executive body")
    STATE_LEGAL_ENTITY = "state_legal_entity", gettext_noop("State legal entity")
    QUASI_PUBLIC = "quasi_public", gettext_noop("Quasi-public sector")
    SUBSIDIARY = "subsidiary", gettext_noop("Subsidiary, half or more state-owned")
    OTHER_PERFORMER = "other_performer", gettext_noop("Other performer of state functions")
    NATIONAL_SECURITY = "national_security", gettext_noop("National security")
    PRIVATE = "private", gettext_noop("Private organisation")


class WorkType(Choices):
    """Kinds of work."""

    CREATION = "creation", gettext_noop("Creation")
    DEVELOPMENT = "development", gettext_noop("Development")
    MODIFICATION = "modification", gettext_noop("Modification")
    MAINTENANCE = "maintenance", gettext_noop("Maintenance")
    MIGRATION = "migration", gettext_noop("Migration")


class Placement(Choices):
    """Where the object is hosted."""

    ON_PLATFORM = "on_platform", gettext_noop("On QazTech")
    ONBOARDING = "onboarding", gettext_noop("Onboarding to QazTech")
    OFF_PLATFORM = "off_platform", gettext_noop("Outside QazTech")
    UNKNOWN = "unknown", gettext_noop("Not known yet")


LANGUAGES = ("kk", "ru", "en")

# Only fields that every revision stores can be in start_clock: integrity.rewritten reads them from earlier revisions.
CLOCK_FIELDS = ("contract_signed_on", "work_started_on")
