"""Related records for pages: projects of cases, and cases of a project."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import contains_eager

from registry.accounts.actors import Actor
from registry.cases.models import Case
from registry.core.database import db
from registry.core.errors import Invalid, Problem
from registry.http.request_bodies import SentFile, read_files
from registry.projects.documents import LetterFields
from registry.projects.models import Project
from registry.projects.visibility import visible_projects


def projects_of(actor: Actor, cases: Iterable[Mapping[str, Any]]) -> dict[str, Project]:
    """The project of each case, by number, with its agency."""
    return projects_numbered(actor, (case["project"] for case in cases))


def projects_numbered(actor: Actor, numbers: Iterable[str]) -> dict[str, Project]:
    """The projects with these numbers that the actor may see, by number, with their agencies."""
    statement = (
        select(Project)
        .join(Project.agency)
        .options(contains_eager(Project.agency))
        .where(Project.number.in_(set(numbers)), *visible_projects(actor))
    )
    return {project.number: project for project in db.session.scalars(statement)}


def cases_of_project(actor: Actor, number: str) -> list[Case]:
    """The cases of a project if the actor may see it, newest first."""
    statement = (
        select(Case)
        .join(Case.project_record)
        .where(Project.number == number, *visible_projects(actor))
        .order_by(Case.id.desc())
    )
    return list(db.session.scalars(statement))


# The letters that a form adds to a case or an exemption: files with one kind, description and pair of numbers.

LETTER: Final = LetterFields()
FILE: Final = "file"


def chosen_letters(texts: Mapping[str, str]) -> tuple[list[SentFile], Mapping[str, Any]]:
    """The chosen files of the request, and what is said of all of them. Raises Invalid, also without a file."""
    values, problems = LETTER.load_texts({name: texts.get(name, "") for name in LETTER.fields})
    files = read_files(FILE)
    if not files:
        problems = (Problem("/file", "page-choose-file"), *problems)
    if problems:
        raise Invalid(problems)
    return files, values
