"""What the project routes find and show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from registry.access.actors import Actor
from registry.api.declared import Answer
from registry.api.routes import BASE
from registry.freeze.facts import Past
from registry.freeze.started import started_on
from registry.http.etags import make_tag
from registry.records.policy_in_force import policy_in_force
from registry.records.project_fields import FIELDS, READ_ONLY
from registry.records.project_table import Project
from registry.records.projects import find_project, find_project_to_change, read_project
from registry.records.revisions import LAW_LOOKS_AT
from registry.records.standing import status_of

WORKED_OUT = ("started_on", "freeze_status")


def found(by: Actor, number: str) -> Project:
    """The project that the path names."""
    return find_project(by, number)


def locked(by: Actor, number: str, **_rest: object) -> Project:
    """The same, locked for a change."""
    return find_project_to_change(by, number)


def read_as(what: str) -> Callable[..., Project]:
    """A finder whose reading of a restricted project is journalled as ``what``."""

    def find(by: Actor, number: str, **_rest: object) -> Project:
        return read_project(by, number, what)

    return find


def project_tag(project: Project) -> str:
    """The entity tag: it changes with everything that the project shows, worked-out values among it."""
    return _tag(project, _worked_out(project))


def shown(project: Project) -> dict[str, Any]:
    """The project as a mapping of everything that it shows."""
    return _shown(project, _worked_out(project))


def answer(project: Project, *, created: bool = False, **more: Any) -> Answer:
    """The project with its tag, and its address when it is new; ``more`` stands beside its own fields."""
    worked_out = _worked_out(project)
    location = f"{BASE}/projects/{project.number}" if created else None
    return Answer(_shown(project, worked_out) | more, location, _tag(project, worked_out))


def _worked_out(project: Project) -> dict[str, Any]:
    policy = policy_in_force()
    return {
        "started_on": started_on(Past(**{name: getattr(project, name) for name in LAW_LOOKS_AT}), policy),
        "freeze_status": status_of(project.id),
    }


def _shown(project: Project, worked_out: dict[str, Any]) -> dict[str, Any]:
    kept = (name for name in (*FIELDS, *READ_ONLY) if name not in WORKED_OUT)
    return {"agency": project.agency.bin, **{name: getattr(project, name) for name in kept}, **worked_out}


def _tag(project: Project, worked_out: dict[str, Any]) -> str:
    return make_tag("project", project.number, project.version, *(worked_out[name] for name in WORKED_OUT))
