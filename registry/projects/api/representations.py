"""A project as the API shows it, and what its entity tag is made from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from registry.freeze.current import policy_in_force
from registry.freeze.facts import EarlierRevision
from registry.freeze.rules import started_on
from registry.projects.fields import FIELDS, READ_ONLY
from registry.projects.models import Project
from registry.projects.revisions import LAW_LOOKS_AT

# What can change without another version.
DERIVED = ("started_on", "freeze_status", "severity")


def project_row(project: Project) -> dict[str, Any]:
    """Everything shown of the project."""
    began = started_on(EarlierRevision(**{name: getattr(project, name) for name in LAW_LOOKS_AT}), policy_in_force())
    kept = {name: getattr(project, name) for name in (*FIELDS, *READ_ONLY) if name != "started_on"}
    return {**kept, "agency": project.agency.bin, "started_on": began}


def etag_data(row: Mapping[str, Any]) -> tuple[object, ...]:
    """What the entity tag is made from: it changes with everything that the project shows."""
    return "project", row["number"], row["version"], row["changed_at"], *(row[name] for name in DERIVED)
