"""Closed vocabularies of imports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from registry.core.translations import lazy_text
from registry.freeze.vocabulary import Choices


class ImportKind(Choices):
    """What the rows of a file are."""

    PROJECTS = "projects", lazy_text("Projects")
    AGENCIES = "agencies", lazy_text("Agencies")


class ImportState(Choices):
    """States of an import."""

    UNMAPPED = "unmapped", lazy_text("Columns to be chosen")
    QUEUED = "queued", lazy_text("Queued")
    RUNNING = "running", lazy_text("In progress")
    DONE = "done", lazy_text("Done")
    FAILED = "failed", lazy_text("Failed")


# What becomes of a row.
ROW_OUTCOMES: Final[Mapping[str, str]] = {
    "created": lazy_text("To be created"),
    "updated": lazy_text("To be changed"),
    "unchanged": lazy_text("No change"),
    "rejected": lazy_text("With errors"),
    "question": lazy_text("Question"),
}
OUTCOMES: Final = tuple(ROW_OUTCOMES)
# Answers to a question: the registered project that the row resembles, or a new one.
SAME, NEW = "same", "new"
ANSWERS: Final = (SAME, NEW)
