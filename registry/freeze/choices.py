"""Closed vocabularies as enumerations: each member is a code with its English label (as Django's TextChoices)."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Choices(StrEnum):
    """Base of all closed vocabularies: ``LOW = "low", lazy_text("Low")``. The order of the members is kept.

    A member with several labels has a property for each further one.
    """

    labels: tuple[str, ...]

    def __new__(cls, code: str, *labels: str) -> Self:
        member = str.__new__(cls, code)
        member._value_ = code
        member.labels = labels
        return member

    @property
    def label(self) -> str:
        """The English label."""
        return self.labels[0]

    @classmethod
    def codes(cls) -> tuple[str, ...]:
        """All codes as plain strings, in the order of the members."""
        return tuple(member.value for member in cls)
