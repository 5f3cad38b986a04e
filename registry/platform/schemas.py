"""Schemas of requests that confirm facts or restrict a project."""

from typing import Final

from registry.core.fields import BaseSchema, Boolean, Choice, Day, Ids, Text
from registry.core.translations import lazy_text
from registry.freeze.facts import CONFIRMABLE, ENDED_ON

MAX_EVIDENCE_LENGTH: Final = 5000


MAX_DOCUMENTS: Final = 20
# The ending has a confirmation of its own.
FACTS: Final = tuple(name for name in CONFIRMABLE if name != ENDED_ON)
DOCUMENTS: Final = (
    "Ids of documents of the project that show it. Where two people confirm it, one is a PDF or an image."
)


class PlacementVerification(BaseSchema):
    """The object lives on the platform."""

    platform_key = Text(description="The object's key on QazTech.", required=True)
    verified_on = Day(
        description="On QazTech since; today at the latest.", required=True, label=lazy_text("Confirmed on")
    )
    evidence = Text(MAX_EVIDENCE_LENGTH, description="What shows it.", required=True, label=lazy_text("Evidence"))
    documents = Ids(MAX_DOCUMENTS, description=DOCUMENTS)


class OnboardingConfirmation(BaseSchema):
    """The object moves to the platform."""

    due_on = Day(description="By when; at most six months ahead.", required=True, label=lazy_text("Due on"))
    evidence = Text(
        MAX_EVIDENCE_LENGTH,
        description="What shows it; required where two people confirm it.",
        label=lazy_text("Evidence"),
    )
    documents = Ids(MAX_DOCUMENTS, description=DOCUMENTS)


class EndingConfirmation(BaseSchema):
    """The work ended."""

    ended_on = Day(description="When it ended; today at the latest.", required=True)
    consent_number = Text(description="Number of the authorised body's consent.", required=True)
    evidence = Text(MAX_EVIDENCE_LENGTH, description="What shows it.", required=True)
    documents = Ids(MAX_DOCUMENTS, description=DOCUMENTS)


class FactConfirmation(BaseSchema):
    """A fact of the record is true."""

    fact = Choice(FACTS, description="The fact.", required=True, label=lazy_text("Fact"))
    value = Text(description="Its value, as in the record: `2019-04-01`, `25000000`.", required=True)
    evidence = Text(MAX_EVIDENCE_LENGTH, description="What shows it.", required=True, label=lazy_text("Evidence"))
    documents = Ids(MAX_DOCUMENTS, description=DOCUMENTS)


class Restriction(BaseSchema):
    """Who may see the project."""

    is_restricted = Boolean(description="True: supervisor, auditor and its own agency only.", required=True)
    reason = Text(MAX_EVIDENCE_LENGTH, description="Why.", required=True, label=lazy_text("Reason"))


VERIFICATION: Final = PlacementVerification()
ONBOARDING: Final = OnboardingConfirmation()
ENDING: Final = EndingConfirmation()
FACT: Final = FactConfirmation()
RESTRICTION: Final = Restriction()
