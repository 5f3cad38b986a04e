"""Projects as the register knew them at an earlier moment, from their revisions.

A revision holds the old value of each changed field. The values of a moment are the current ones, with the changes of
all later revisions undone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select

from registry.agencies.models import Agency
from registry.core.bulk import table_of
from registry.core.database import db
from registry.projects.models import Project
from registry.projects.revisions import Revision, value_of_json
from registry.projects.vocabulary import FreezeStatus

PROJECT: Final = table_of(Project)
REVISION: Final = table_of(Revision)
AGENCY: Final = table_of(Agency)


@dataclass(frozen=True, slots=True)
class KnownProject:
    """A project at a moment: its version, its agency's BIN, whether it was withdrawn, and the values asked for."""

    id: int
    version: int
    registered_at: datetime
    agency: str
    is_withdrawn: bool
    values: Mapping[str, Any]


def projects_known_at(at: datetime, names: Collection[str], after: int, to: int) -> list[KnownProject]:
    """Return the projects with ids above ``after`` and up to ``to`` as known at the moment, by id.

    ``names``: the columns to return, of those whose changes are in revisions (``CHANGEABLE`` and ``attested_on``).
    A project that was registered later has the values of its registration: the caller knows which ids existed.
    """
    in_range = (PROJECT.c.id > after, PROJECT.c.id <= to)
    columns = [PROJECT.c[name] for name in ("id", "version", "registered_at", "withdrawn_at")]
    rows = db.session.execute(
        select(*columns, AGENCY.c.bin, *(PROJECT.c[name] for name in names))
        .join(AGENCY, AGENCY.c.id == PROJECT.c.agency_id)
        .where(*in_range)
        .order_by(PROJECT.c.id)
    ).all()
    undone = _undone(at, after, to)
    known = []
    for row in rows:
        project_id, version, registered_at, withdrawn_at, bin_number, *current = row
        values: dict[str, Any] = dict(zip(names, current, strict=True))
        is_withdrawn = withdrawn_at is not None
        earlier = undone.get(project_id)
        if earlier is not None:
            version, old = earlier
            bin_number = old.get("agency", bin_number)
            if "freeze_status" in old:
                # Only withdrawing and restoring write it.
                is_withdrawn = old["freeze_status"] == FreezeStatus.WITHDRAWN.value
            values.update({name: value_of_json(name, old[name]) for name in values.keys() & old.keys()})
        known.append(KnownProject(project_id, version, registered_at, bin_number, is_withdrawn, values))
    return known


def _undone(at: datetime, after: int, to: int) -> dict[int, tuple[int, dict[str, Any]]]:
    """The version of each project that changed later, and the values before its changes."""
    later = (
        select(REVISION.c.project_id, REVISION.c.version, REVISION.c.changes)
        .where(REVISION.c.project_id > after, REVISION.c.project_id <= to, REVISION.c.at > at, REVISION.c.version > 1)
        .order_by(REVISION.c.project_id, REVISION.c.version.desc())
    )
    undone: dict[int, tuple[int, dict[str, Any]]] = {}
    for project_id, version, changes in db.session.execute(later):
        _, old = undone.get(project_id, (0, {}))
        old.update({change["field"]: change["old"] for change in changes})
        undone[project_id] = (version - 1, old)
    return undone
