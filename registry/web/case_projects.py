"""The projects that listed cases are about, for their names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import contains_eager

from registry.access.actors import Actor
from registry.records.case_tables import Case
from registry.records.project_table import Project
from registry.records.visibility import visible_projects
from registry.store.database import db


def projects_of(by: Actor, cases: Iterable[Mapping[str, Any]]) -> dict[str, Project]:
    """The project of each case, by number, with its agency."""
    numbers = {case["project"] for case in cases}
    statement = (
        select(Project)
        .join(Project.agency)
        .options(contains_eager(Project.agency))
        .where(Project.number.in_(numbers), *visible_projects(by))
    )
    return {project.number: project for project in db.session.scalars(statement)}


def cases_of_project(by: Actor, number: str) -> list[Case]:
    """The cases of a project that the person may see, the newest first."""
    statement = (
        select(Case)
        .join(Case.project_record)
        .where(Project.number == number, *visible_projects(by))
        .order_by(Case.id.desc())
    )
    return list(db.session.scalars(statement))
