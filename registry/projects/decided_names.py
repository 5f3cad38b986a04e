"""An edit cannot make another object of a project on which something was decided: it would inherit the decision.

An exemption or an acceptance stands for the object that people saw. Names say which one it is, so a new name must keep
much of the one that was decided on, however many edits lie between.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select

from registry.core.database import db, table_of
from registry.core.dialects import is_among
from registry.core.errors import Problem
from registry.core.search import NAMES
from registry.projects.models import Project
from registry.projects.revisions import Revision
from registry.projects.similarity.scoring import SAME_NAME, WordWeights, kept_name, text_similarity

PROJECT: Final = table_of(Project).c
REVISION: Final = table_of(Revision).c

Names = Mapping[str, str | None]
Decisions = Callable[[Collection[int]], Mapping[int, datetime]]
_linked: Final[list[Decisions]] = []


def link_decisions(decisions: Decisions) -> None:
    """Let these decisions hold the names of projects: of those with these ids, when the earliest in effect was made."""
    _linked.append(decisions)


def names_decided_on(ids: Collection[int]) -> dict[int, Names]:
    """The names that projects had when the earliest decision in effect was made; without projects that have none."""
    made: dict[int, datetime] = {}
    for decisions in _linked if ids else ():
        for project_id, at in decisions(ids).items():
            made[project_id] = min(at, made.get(project_id, at))
    if not made:
        return {}
    current = select(PROJECT.id, *(PROJECT[name] for name in NAMES)).where(is_among(PROJECT.id, made))
    names = {row.id: {name: row._mapping[name] for name in NAMES} for row in db.session.execute(current)}
    later = (
        select(REVISION.project_id, REVISION.at, REVISION.changes)
        .where(is_among(REVISION.project_id, made), REVISION.at > min(made.values()), REVISION.version > 1)
        .order_by(REVISION.project_id, REVISION.version.desc())
    )
    for row in db.session.execute(later):
        if row.at > made[row.project_id]:
            earlier = {change["field"]: change["old"] for change in row.changes if change["field"] in NAMES}
            names[row.project_id].update(earlier)
    return dict(names)


def other_object_problem(decided: Names | None, before: Mapping[str, Any], after: Mapping[str, Any]) -> Problem | None:
    """The problem of an edit that makes it another object; ``decided``: of its project, from ``names_decided_on``."""
    changed = [name for name in NAMES if before[name] != after[name]]
    weights = WordWeights()
    if decided is None or not changed or kept_name(decided, after, weights) >= SAME_NAME:
        return None
    least = min(changed, key=lambda name: text_similarity(decided[name] or "", after[name] or "", weights))
    name = decided[least] or next(filter(None, decided.values()), "")
    return Problem(f"/{least}", "name-decided-on", {"name": name})
