"""A project as the API shows it, and what its entity tag is made from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from registry.flags.freeze_status import standing_of, standing_of_new
from registry.freeze.current import policy_in_force
from registry.freeze.facts import EarlierRevision
from registry.freeze.started import started_on
from registry.projects.fields import FIELDS, READ_ONLY
from registry.projects.models import Project
from registry.projects.revisions import LAW_LOOKS_AT

WORKED_OUT = ("started_on", "freeze_status", "severity")


def project_row(project: Project) -> dict[str, Any]:
    """The project with where it stands after the last audit."""
    return _row(project, standing_of(project.id))


def new_project_row(project: Project) -> dict[str, Any]:
    """A project that was just registered: no audit has seen it."""
    return _row(project, standing_of_new(project.agency.kind))


def etag_data(row: Mapping[str, Any]) -> tuple[object, ...]:
    """What the entity tag is made from: it changes with everything that the project shows."""
    return "project", row["number"], row["version"], row["changed_at"], *(row[name] for name in WORKED_OUT)


def _row(project: Project, standing: tuple[str, str | None]) -> dict[str, Any]:
    began = started_on(EarlierRevision(**{name: getattr(project, name) for name in LAW_LOOKS_AT}), policy_in_force())
    kept = {name: getattr(project, name) for name in (*FIELDS, *READ_ONLY) if name not in WORKED_OUT}
    status, severity = standing
    worked_out = {"started_on": began, "freeze_status": status, "severity": severity}
    return {**kept, "agency": project.agency.bin, **worked_out}
