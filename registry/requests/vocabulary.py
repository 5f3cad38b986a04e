"""Kinds and states of requests. The codes are published; how they are decided is in ``kinds.py``."""

from __future__ import annotations

from registry.core.translations import lazy_text
from registry.freeze.vocabulary import Choices


class RequestKind(Choices):
    """What is asked for. Each kind has a handler."""

    SUCCESSION = "succession", lazy_text("Succession of an agency")
    TRANSFER = "transfer", lazy_text("Transfer of a project")
    WITHDRAWAL = "withdrawal", lazy_text("Withdrawal of a project")
    CONFIRMATION = "confirmation_request", lazy_text("Confirmation of a fact")


class SuccessionKind(Choices):
    """How an agency passes on what it has. A division passes the listed projects only; the agency goes on."""

    MERGER = "merger", lazy_text("Merger: the agency becomes part of the successor")
    RENAMING = "renaming", lazy_text("Renaming: the agency goes on under another BIN")
    DIVISION = "division", lazy_text("Division: the listed projects go to the successor")


class RequestState(Choices):
    """Where a request stands."""

    WAITING = "waiting", lazy_text("Waiting for a decision")
    CONFIRMED = "confirmed", lazy_text("Request confirmed")
    REFUSED = "refused", lazy_text("Refused")
    CANCELLED = "cancelled", lazy_text("Cancelled")
