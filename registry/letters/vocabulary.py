"""Kinds of letters, and why a letter no longer stands."""

from __future__ import annotations

from registry.core.translations import lazy_text
from registry.freeze.vocabulary import Choices


class LetterKind(Choices):
    """What a letter says. A referral goes to the Commission, every other kind to the agency."""

    ORDER = "order", lazy_text("Order to the agency")
    QUESTION = "question", lazy_text("Question to the agency")
    REFERRAL = "referral", lazy_text("Referral to the Commission")
    CLOSING = "closing", lazy_text("Notice that a case is closed")


class LetterEnd(Choices):
    """Why a letter no longer stands."""

    APPEALED = "appealed", lazy_text("The agency appealed it")
    WITHDRAWN = "withdrawn", lazy_text("It was withdrawn")
    REPLACED = "replaced", lazy_text("Another decision replaced it")
    REOPENED = "reopened", lazy_text("The case was opened again")
