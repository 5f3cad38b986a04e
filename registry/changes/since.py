"""What has changed since a moment, by the feed: for work that reads without locks and checks again under them."""

from __future__ import annotations

from typing import Final, NamedTuple

from sqlalchemy import select

from registry.changes.models import ChangeHead, RecordedChange
from registry.changes.vocabulary import ChangeKind
from registry.core.bulk import table_of
from registry.core.database import db

CHANGE: Final = table_of(RecordedChange).c
HEAD: Final = table_of(ChangeHead).c
OF_ONE_PROJECT: Final = frozenset({ChangeKind.PROJECT.value, ChangeKind.VIEW.value})


class Changed(NamedTuple):
    """Ids of projects of which anything changed, and of agencies. ``statuses``: old and new ones of projects.

    ``added``: those of the projects that are new. ``moved``: those that passed to another agency, or whose agency did,
    and those that became restricted or are so no more.
    """

    projects: frozenset[int]
    agencies: frozenset[int]
    statuses: frozenset[str | None]
    added: frozenset[int]
    moved: frozenset[int]


def newest_number() -> int:
    """The number of the last change that is committed; read it before what is to be checked later."""
    return int(db.session.execute(select(HEAD.seq)).scalar_one())


def changed_since(number: int) -> Changed:
    """Everything that was committed after ``newest_number`` answered so, whoever changed it."""
    columns = (CHANGE.kind, CHANGE.record_id, CHANGE.project_id, CHANGE.old_status, CHANGE.new_status)
    projects, agencies, statuses = set(), set(), set()
    added, moved = set(), set()
    for kind, record_id, project_id, before, after in db.session.execute(select(*columns).where(CHANGE.seq > number)):
        if kind in OF_ONE_PROJECT:
            projects.add(record_id)
            statuses |= {before, after} if before != after else set()
            if kind == ChangeKind.VIEW:
                moved.add(record_id)
            elif before is None:
                added.add(record_id)
        elif kind == ChangeKind.AGENCY:
            agencies.add(record_id)
        elif project_id is not None:
            projects.add(project_id)
    of_projects = frozenset(added), frozenset(moved)
    return Changed(frozenset(projects), frozenset(agencies), frozenset(statuses), *of_projects)
