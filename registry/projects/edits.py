"""What an edit of a project ends, and what it may not change."""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime
from typing import Any, Final

from rapidfuzz.distance import OSA
from sqlalchemy import select

from registry.core.database import db, table_of
from registry.core.dialects import is_among
from registry.core.errors import Problem
from registry.freeze.facts import CONSENT, CONTRACT, SECURITY_CONCLUSION
from registry.journal import service as journal
from registry.projects.models import Project
from registry.projects.revisions import Revision, confirmed_of

# Placement, ending and identity as claimed by the agency; editing what was confirmed withdraws its confirmation.

PLACEMENT_CLAIMS = ("placement", "platform_key", "onboarding_due_on")
ENDING_CLAIMS = ("stage", "ended_on")
OFFICIAL_NAMES: Final = ("name_kk", "name_ru")
# What says which object was confirmed, beside its names.
IDENTITY: Final = ("object_kind", "contract_number", "supplier_bin")
OF_OBJECT: Final = (*IDENTITY, *OFFICIAL_NAMES)
# A consent is given for the work of one contract, a conclusion on one day: another one ends the confirmation.
GIVEN_WITH: Final = {CONSENT: CONTRACT, SECURITY_CONCLUSION: "security_conclusion_on"}
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

    after["confirmed_facts"] = _still_confirmed(before, after, is_another=is_another)


def _still_confirmed(before: Mapping[str, Any], after: Mapping[str, Any], *, is_another: bool) -> list[str] | None:
    known = {} if is_another else confirmed_facts(before["confirmed_facts"])
    for fact, of in GIVEN_WITH.items():
        # Of a conclusion also the first one: it counts only with its day.
        if before[of] != after[of] and (before[of] is not None or fact == SECURITY_CONCLUSION):
            known.pop(fact, None)
    return confirmed_entries({name: day for name, day in known.items() if before[name] == after[name]})


def confirmed_facts(entries: Collection[str] | None) -> dict[str, date]:
    """Return the days on which facts were confirmed, from the column."""
    return dict(confirmed_of(entries))


def confirmed_entries(days: Mapping[str, date]) -> list[str] | None:
    """Return the value of the column; None without any."""
    return [f"{name} {day.isoformat()}" for name, day in sorted(days.items())] or None


def _is_another_object(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Return True when a value that was there is replaced or removed; filling one that was missing changes no
    object.
    """
    replaced = any(before[name] is not None and before[name] != after[name] for name in IDENTITY)
    return replaced or any(before[name] and _words(before[name]) != _words(after[name]) for name in OFFICIAL_NAMES)


def _words(name: str | None) -> list[str]:
    """Return the words of a name: case, spaces, quotes and other marks are typing."""
    return WORD.findall(unicodedata.normalize("NFKC", name or "").casefold())


# A decision stays with its object: a project with an exemption or an accepted flag keeps its names.
#
# Who could rename it would take the decision along to another object. Where the object itself has a new name, the
# decision is recorded again for it.

PROJECT: Final = table_of(Project).c
REVISION: Final = table_of(Revision).c
# How many letters a correction of a name may change, in short names and in names of so many letters.
FEW_LETTERS: Final = 1
MORE_LETTERS: Final = 2
LONG_NAME: Final = 20

Names = Mapping[str, str | None]
Decisions = Callable[[Collection[int]], Mapping[int, datetime]]
_linked: Final[list[Decisions]] = []


def link_decisions(decisions: Decisions) -> None:
    """Let these decisions hold the names of projects: of those of the ids that have any, when the last was made."""
    _linked.append(decisions)


def names_decided_on(ids: Collection[int]) -> dict[int, Names]:
    """Return the official names that projects had when the last decision on them was made; without those that have
    none.
    """
    made: dict[int, datetime] = {}
    for decisions in _linked if ids else ():
        for project_id, at in decisions(ids).items():
            made[project_id] = max(at, made.get(project_id, at))
    if not made:
        return {}
    current = select(PROJECT.id, *(PROJECT[name] for name in OFFICIAL_NAMES)).where(is_among(PROJECT.id, made))
    names = {row.id: {name: row._mapping[name] for name in OFFICIAL_NAMES} for row in db.session.execute(current)}
    later = (
        select(REVISION.project_id, REVISION.at, REVISION.changes)
        .where(is_among(REVISION.project_id, made), REVISION.at > min(made.values()), REVISION.version > 1)
        .order_by(REVISION.project_id, REVISION.version.desc())
    )
    for row in db.session.execute(later):
        if row.at > made[row.project_id]:
            earlier = {change["field"]: change["old"] for change in row.changes if change["field"] in OFFICIAL_NAMES}
            names[row.project_id].update(earlier)
    return dict(names)


def other_name_problem(decided: Names | None, before: Mapping[str, Any], after: Mapping[str, Any]) -> Problem | None:
    """Return the problem of an edit that replaces or removes a name that was decided on; a correction of typing has
    none.

    ``decided``: of its project, from ``names_decided_on``.
    """
    for name in OFFICIAL_NAMES:
        held = None if decided is None else decided[name]
        if held and before[name] != after[name] and not _is_correction(held, after[name]):
            return Problem(f"/{name}", "name-decided-on", {"name": held})
    return None


def object_digest(project: Mapping[Any, Any]) -> str:
    """SHA-256 (hex) of ``OF_OBJECT``: a proposal to decide on a project is out of date when one of them changes."""
    values = [project[name] for name in OF_OBJECT]
    return hashlib.sha256(journal.canonical(values).encode()).hexdigest()


def _is_correction(first: str, second: str | None) -> bool:
    one, other = " ".join(_words(first)), " ".join(_words(second))
    return OSA.distance(one, other) <= (MORE_LETTERS if len(one) >= LONG_NAME else FEW_LETTERS)
