"""What the project routes find and show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from registry.accounts.actors import Actor
from registry.api.blueprint import BASE
from registry.api.declared import Answer
from registry.freeze.current import policy_in_force
from registry.freeze.facts import Past
from registry.freeze.started import started_on
from registry.http.etag import make_tag
from registry.projects.fields import FIELDS, READ_ONLY
from registry.projects.models import Project
from registry.projects.revisions import LAW_LOOKS_AT
from registry.projects.service import find_project, find_project_to_change, read_project

# What can change without another version.
DERIVED = ("started_on", "freeze_status", "severity")


def found(actor: Actor, number: str) -> Project:
    """The project that the path names."""
    return find_project(actor, number)


def locked(actor: Actor, number: str, **_rest: object) -> Project:
    """The same, locked for a change."""
    return find_project_to_change(actor, number)


def read_as(what: str, read: Callable[[Actor, str, str], Any] = read_project) -> Callable[..., Any]:
    """A finder whose reading of a restricted project is journalled as ``what``; ``read``: of how much of it."""

    def find(actor: Actor, number: str, **_rest: object) -> Any:
        return read(actor, number, what)

    return find


def project_tag(project: Project) -> str:
    """The entity tag: it changes with everything that the project shows, derived values among it."""
    return _tag(_representation(project))


def answer(project: Project) -> Answer:
    """A project that was just changed, with its tag."""
    return answer_read(_representation(project))


def answer_read(row: Mapping[str, Any]) -> Answer:
    """A project as ``read_whole`` gives it, with its tag."""
    return Answer(row, tag=_tag(row))


def answer_new(project: Project, verdict: Mapping[str, Any]) -> Answer:
    """A project that was just registered, with its tag, address and verdict."""
    row = _representation(project)
    return Answer({**row, "verdict": verdict}, f"{BASE}/projects/{project.number}", _tag(row))


def _representation(project: Project) -> dict[str, Any]:
    began = started_on(Past(**{name: getattr(project, name) for name in LAW_LOOKS_AT}), policy_in_force())
    kept = {name: getattr(project, name) for name in (*FIELDS, *READ_ONLY) if name != "started_on"}
    return {**kept, "agency": project.agency.bin, "started_on": began}


def _tag(row: Mapping[str, Any]) -> str:
    return make_tag("project", row["number"], row["version"], row["changed_at"], *(row[name] for name in DERIVED))
