"""States of a version of the policy."""

from __future__ import annotations

from registry.core.translations import lazy_text
from registry.freeze.vocabulary import Choices


class PolicyState(Choices):
    """Where a version stands."""

    DRAFT = "draft", lazy_text("Draft")
    SCHEDULED = "scheduled", lazy_text("Scheduled")
    IN_FORCE = "in_force", lazy_text("In force")
    FORMER = "former", lazy_text("Former")
