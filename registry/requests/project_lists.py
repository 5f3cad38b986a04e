"""Lists of project numbers in requests: whether the projects are the agency's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import select

from registry.accounts.actors import Actor
from registry.agencies.models import Agency
from registry.core.database import db
from registry.core.errors import Problem
from registry.projects.models import Project
from registry.projects.numbers import is_project_number
from registry.projects.visibility import visible_projects

NUMBERS_AT_ONCE: Final = 1000


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
