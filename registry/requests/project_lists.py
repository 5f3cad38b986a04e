"""Lists of project numbers in requests: the field, and whether the projects are the agency's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import select

from registry.accounts.actors import Actor
from registry.agencies.models import Agency
from registry.core.database import db
from registry.core.errors import Problem
from registry.core.fields import InputField
from registry.core.value_checks import InvalidValue
from registry.projects.models import Project
from registry.projects.numbers import is_project_number
from registry.projects.visibility import visible_projects

MAX_LISTED: Final = 5000
NUMBERS_AT_ONCE: Final = 1000


class ProjectNumbers(InputField):
    """A list of 1 to MAX_LISTED texts; whether they are numbers of projects is the service's to check."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[str]:  # noqa: ARG002 - marshmallow's
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise InvalidValue("expected-project-numbers")
        if not 0 < len(value) <= MAX_LISTED:
            raise InvalidValue("number-of-projects", largest=MAX_LISTED)
        return [each.strip() for each in value]

    @property
    def json_schema(self) -> dict[str, Any]:
        """An array of texts."""
        return {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MAX_LISTED}

    def from_text(self, text: str) -> object:
        """The numbers of a form's text, which blanks, commas, semicolons and line ends separate; None without any."""
        return text.replace(",", " ").replace(";", " ").split() or None


def list_problems(actor: Actor, agency: Agency, numbers: Sequence[str]) -> list[Problem]:
    """The problem of each number that is no project of the agency, or of none that the actor may see."""
    if not numbers:
        return [Problem("/projects", "required")]
    usable = sorted({number for number in numbers if is_project_number(number)})
    own: set[str] = set()
    for start in range(0, len(usable), NUMBERS_AT_ONCE):
        named = Project.number.in_(usable[start : start + NUMBERS_AT_ONCE])
        own.update(
            db.session.scalars(
                select(Project.number).where(named, Project.agency_id == agency.id, *visible_projects(actor))
            )
        )
    return [
        Problem(f"/projects/{place}", "project-not-of-agency", {"number": number, "bin": agency.bin})
        for place, number in enumerate(numbers)
        if number not in own
    ]
