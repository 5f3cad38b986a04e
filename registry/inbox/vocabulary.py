"""Closed vocabulary of the inbox: what an entry is about (docs/reference/api.md)."""

from __future__ import annotations

from registry.core.translations import lazy_text
from registry.freeze.vocabulary import Choices


class EntryKind(Choices):
    """Kinds of entries; the second label is the heading of a section. Of one event a person gets one entry."""

    ANSWERED = "answered", lazy_text("The agency answered"), lazy_text("Answered")
    RETURNED = "returned", lazy_text("Your proposal was returned"), lazy_text("Returned to you")
    APPEALED = "appealed", lazy_text("The agency appealed"), lazy_text("Appealed")
    REOPENED = "reopened", lazy_text("Your case was reopened"), lazy_text("Reopened")
    ASSIGNED = "assigned", lazy_text("Assigned to you"), lazy_text("Assigned to you")
    QUESTION = "question", lazy_text("Question to your agency"), lazy_text("New questions")
    ORDER = "order", lazy_text("Order to your agency"), lazy_text("Orders")
    DECISION = "decision", lazy_text("Decision on a project of your agency"), lazy_text("Decisions")
    MENTIONED = "mentioned", lazy_text("You were mentioned"), lazy_text("You were mentioned")
    COMMENTED = "commented", lazy_text("Comment on a case that you follow"), lazy_text("Comments on what you follow")
    STATUS_CHANGED = (
        "status_changed",
        lazy_text("Change of a case that you follow"),
        lazy_text("Changes of what you follow"),
    )

    @property
    def heading(self) -> str:
        """The heading of a section of entries."""
        return self.labels[1]
