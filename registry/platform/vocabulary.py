"""Closed vocabulary of confirmations."""

from __future__ import annotations

from registry.core.translations import lazy_text
from registry.freeze.vocabulary import Choices


class ConfirmationKind(Choices):
    """What reviewers and operators confirm of a project."""

    PLACEMENT = "placement", lazy_text("Placement on QazTech")
    ONBOARDING = "onboarding", lazy_text("Move of the object to QazTech")
    ENDING = "ending", lazy_text("Ending of the work")
