"""The field of integrations: numbers of projects and names of systems that an object exchanges data with."""

from __future__ import annotations

from registry.core.list_fields import Entries
from registry.core.value_checks import InvalidValue
from registry.projects.numbers import NUMBER_PATTERN, is_project_number


class Integrations(Entries):
    """A list of project numbers and names of systems. A number must have its check digit right."""

    def check_entry(self, entry: str) -> None:
        """Raise InvalidValue also for the number of a project with a wrong check digit."""
        super().check_entry(entry)
        if NUMBER_PATTERN.fullmatch(entry) and not is_project_number(entry):
            raise InvalidValue("project-number-invalid", number=entry)
