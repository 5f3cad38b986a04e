"""Schemas of requests that confirm facts or restrict a project."""

from __future__ import annotations

from typing import Final

from registry.core.fields import BaseSchema, Boolean, Day, Ids, Text
from registry.core.translations import lazy_text

MAX_EVIDENCE_LENGTH: Final = 5000


MAX_DOCUMENTS: Final = 20
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


class Restriction(BaseSchema):
    """Who may see the project."""

    is_restricted = Boolean(description="True: supervisor, auditor and its own agency only.", required=True)
    reason = Text(MAX_EVIDENCE_LENGTH, description="Why.", required=True, label=lazy_text("Reason"))


VERIFICATION: Final = PlacementVerification()
ONBOARDING: Final = OnboardingConfirmation()
ENDING: Final = EndingConfirmation()
RESTRICTION: Final = Restriction()
