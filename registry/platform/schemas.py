"""Schemas of requests that confirm facts or restrict a project."""

from __future__ import annotations

from typing import Final

from registry.core.field_types import Day, Text, YesNo
from registry.core.schema_fields import Accepted, Body
from registry.projects.fields import FIELDS

MAX_EVIDENCE_LENGTH: Final = 5000


class PlacementVerification(Body):
    """The object lives on the platform."""

    platform_key = Accepted(FIELDS["platform_key"], "The object's key on QazTech.", required=True)
    verified_on = Accepted(Day(), "On QazTech since; today at the latest.", required=True)
    evidence = Accepted(Text(MAX_EVIDENCE_LENGTH), "What shows it.", required=True)


class OnboardingConfirmation(Body):
    """The object moves to the platform."""

    due_on = Accepted(Day(), "By when; at most six months ahead.", required=True)


class EndingConfirmation(Body):
    """The work ended."""

    ended_on = Accepted(Day(), "When it ended; today at the latest.", required=True)
    consent_number = Accepted(FIELDS["consent_number"], "Number of the authorised body's consent.", required=True)
    evidence = Accepted(Text(MAX_EVIDENCE_LENGTH), "What shows it.", required=True)


class Restriction(Body):
    """Who may see the project."""

    is_restricted = Accepted(YesNo(), "True: supervisor, auditor and its own agency only.", required=True)
    reason = Accepted(Text(MAX_EVIDENCE_LENGTH), "Why.", required=True)


VERIFICATION: Final = PlacementVerification()
ONBOARDING: Final = OnboardingConfirmation()
ENDING: Final = EndingConfirmation()
RESTRICTION: Final = Restriction()
