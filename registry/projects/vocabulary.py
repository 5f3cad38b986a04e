"""Closed vocabularies of projects, except those that the law uses (``freeze/vocabulary.py``)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from registry.core.translations import lazy_text
from registry.freeze.vocabulary import Choices, Severity


class ObjectKind(Choices):
    """Kinds of objects."""

    SYSTEM = "system", lazy_text("Digital system")
    PLATFORM = "platform", lazy_text("Platform")
    INTERNET_RESOURCE = "internet_resource", lazy_text("Internet resource")
    DATA_RESOURCE = "data_resource", lazy_text("Data resource")
    INFRASTRUCTURE = "infrastructure", lazy_text("Infrastructure")
    SERVICE = "service", lazy_text("Service")


class ObjectClass(Choices):
    """Classes of objects; stored as numbers."""

    FIRST = "1", lazy_text("First")
    SECOND = "2", lazy_text("Second")
    THIRD = "3", lazy_text("Third")


class Funding(Choices):
    """Sources of money."""

    REPUBLICAN_BUDGET = "republican_budget", lazy_text("Republican budget")
    LOCAL_BUDGET = "local_budget", lazy_text("Local budget")
    OWN_FUNDS = "own_funds", lazy_text("Own funds")
    PPP = "ppp", lazy_text("Public-private partnership")
    SERVICE_MODEL = "service_model", lazy_text("Service model")
    INTERNATIONAL = "international", lazy_text("International funds")


class LinkKind(Choices):
    """What a project is to another that it is linked to."""

    DUPLICATE_OF = "duplicate_of", lazy_text("Duplicate of")
    PART_OF = "part_of", lazy_text("Part of")
    REPLACES = "replaces", lazy_text("Replaces")
    EXCHANGES_DATA_WITH = "exchanges_data_with", lazy_text("Exchanges data with")


class Sector(Choices):
    """Functions of government (COFOG)."""

    PUBLIC_SERVICES = "01", lazy_text("General public services")
    DEFENCE = "02", lazy_text("Defence")
    PUBLIC_ORDER = "03", lazy_text("Public order and safety")
    ECONOMY = "04", lazy_text("Economic affairs")
    ENVIRONMENT = "05", lazy_text("Environmental protection")
    HOUSING = "06", lazy_text("Housing and community amenities")
    HEALTH = "07", lazy_text("Health")
    CULTURE = "08", lazy_text("Recreation, culture and religion")
    EDUCATION = "09", lazy_text("Education")
    SOCIAL_PROTECTION = "10", lazy_text("Social protection")


class FreezeStatus(Choices):
    """Freeze statuses, stored with each project (``flags/freeze_status.py``)."""

    OUT_OF_SCOPE = "out_of_scope", lazy_text("Out of scope")
    UNAUDITED = "unaudited", lazy_text("Not audited yet")
    CLEAR = "clear", lazy_text("Clear")
    FLAGGED = "flagged", lazy_text("Flagged")
    EXEMPT = "exempt", lazy_text("Exempt")
    ACCEPTED = "accepted", lazy_text("Accepted")
    WITHDRAWN = "withdrawn", lazy_text("Registered in error")


class FlagAge(Choices):
    """How long flags have been open: the least number of days. Audits store counts by it (``DailyCount``)."""

    UP_TO_30 = "0", lazy_text("Up to 30 days")
    UP_TO_90 = "31", lazy_text("31 to 90 days")
    UP_TO_180 = "91", lazy_text("91 to 180 days")
    LONGER = "181", lazy_text("More than 180 days")

    def opened(self, on: date) -> tuple[date | None, date]:
        """The first and last day on which flags of this age were opened, as of a date; None: whenever."""
        ages = list(FlagAge)
        older = ages[ages.index(self) + 1 :]
        first = None if not older else on - timedelta(days=int(older[0]) - 1)
        return first, on - timedelta(days=int(self))


# What lists can be narrowed to: an age, or an age and the severity of the flags.
FLAG_AGES: Final = (
    *FlagAge.codes(),
    *(f"{age}-{severity}" for age in FlagAge.codes() for severity in Severity.codes()),
)


class WithdrawnProjects(Choices):
    """Whether lists have the projects that were registered in error and withdrawn."""

    EXCLUDE = "exclude", lazy_text("Not included")
    INCLUDE = "include", lazy_text("Included")
    ONLY = "only", lazy_text("These only")


# Outcomes of a verdict, which looks at no decisions of reviewers.
VERDICT_OUTCOMES: Final = (
    FreezeStatus.OUT_OF_SCOPE.value,
    FreezeStatus.CLEAR.value,
    FreezeStatus.EXEMPT.value,
    FreezeStatus.FLAGGED.value,
)


class DocumentKind(Choices):
    """Kinds of documents."""

    CONTRACT = "contract", lazy_text("Contract")
    SPECIFICATION = "specification", lazy_text("Specification")
    ACT = "act", lazy_text("Act")
    LETTER = "letter", lazy_text("Letter")
    EVIDENCE = "evidence", lazy_text("Supporting document")
    OTHER = "other", lazy_text("Other")


class AttestationState(Choices):
    """Whether the agency has to confirm that a record is still true."""

    CURRENT = "current", lazy_text("Confirmed in time")
    DUE = "due", lazy_text("Confirmation due within 30 days")
    OVERDUE = "overdue", lazy_text("Confirmation overdue")
