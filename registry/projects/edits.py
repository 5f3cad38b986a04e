"""What an edit of a project ends, and what it may not change."""

from __future__ import annotations

import re
import unicodedata
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
from registry.projects.similarity import SAME_NAME, WordWeights, kept_name, text_similarity

# Placement, ending and identity as claimed by the agency; editing what was confirmed withdraws its confirmation.

PLACEMENT_CLAIMS = ("placement", "platform_key", "onboarding_due_on")
ENDING_CLAIMS = ("stage", "ended_on")
OFFICIAL_NAMES: Final = ("name_kk", "name_ru")
# What says which object was confirmed, beside its names.
IDENTITY: Final = ("object_kind", "contract_number", "supplier_bin")
WORD: Final = re.compile(r"\w+")


def withdraw_confirmations(before: Mapping[str, Any], after: dict[str, Any]) -> None:
    """Clear the confirmations in ``after`` that the edit withdraws (docs/reference/fields.md).

    Editing the placement, platform key or onboarding date withdraws the verification and the onboarding confirmation.
    Editing the stage or end date withdraws the ending confirmation, since nobody confirmed the new values.
    Replacing what identifies the object withdraws all of them: they were given to another object.
    """
    is_another = _is_another_object(before, after)
    if is_another or any(before[name] != after[name] for name in PLACEMENT_CLAIMS):
        after["placement_verified_on"] = None
        after["onboarding_confirmed_on"] = None
    if is_another or any(before[name] != after[name] for name in ENDING_CLAIMS):
        after["ending_confirmed_on"] = None


def _is_another_object(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """True when a value that was there is replaced or removed; filling one that was missing changes no object."""
    replaced = any(before[name] is not None and before[name] != after[name] for name in IDENTITY)
    return replaced or any(before[name] and _words(before[name]) != _words(after[name]) for name in OFFICIAL_NAMES)


def _words(name: str | None) -> list[str]:
    """The words of a name: case, spaces, quotes and other marks are typing."""
    return WORD.findall(unicodedata.normalize("NFKC", name or "").casefold())


# An edit cannot make another object of a project on which something was decided: it would inherit the decision.
#
# An exemption or an acceptance stands for the object that people saw. Names say which one it is, so a new name must
# keep much of the one that was decided on, however many edits lie between.

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
