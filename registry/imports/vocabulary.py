"""Closed vocabularies of imports."""

from __future__ import annotations

from registry.core.translations import lazy_text
from registry.freeze.choices import Choices


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
