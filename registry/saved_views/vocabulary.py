"""Closed vocabulary of saved views: the lists that they are of (docs/reference/api.md)."""

from __future__ import annotations

from registry.core.translations import lazy_text
from registry.freeze.vocabulary import Choices


class ViewList(Choices):
    """Lists whose filters and sort can be saved."""

    CASES = "cases", lazy_text("Cases")
    PROJECTS = "projects", lazy_text("Projects")
