"""Exemptions in the change feed, when others may see them from now on: their project is theirs to see."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, select

from registry.changes.service import record_changes
from registry.exemptions.models import EXEMPTION_SUBJECT, EXEMPTIONS
from registry.projects.change_times import PROJECT, SHOWN_BY_PROJECTS, below_agency
from registry.projects.models import Project


def mark_exemptions(*projects: ColumnElement[bool]) -> None:
    """Record that the exemptions of the projects that fit changed, inside the open transaction."""
    record_changes(EXEMPTION_SUBJECT, EXEMPTIONS.c.project_id.in_(select(PROJECT.c.id).where(*projects)))


def mark_exemptions_of_agency(agency_id: int, fields: frozenset[str], _at: datetime) -> None:
    """Of who may see the exemptions now, some could not before."""
    if not SHOWN_BY_PROJECTS.isdisjoint(fields):
        mark_exemptions(below_agency(agency_id))


def mark_exemptions_of_project(project: Project) -> None:
    """The same for the exemptions of one project."""
    mark_exemptions(PROJECT.c.id == project.id)
