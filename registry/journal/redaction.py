"""Details of journal entries about many projects, narrowed for readers who may not see restricted ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import func, select

from registry.accounts.actors import Actor
from registry.audits.restricted_counts import RESTRICTED, without_restricted
from registry.cases.models import Case
from registry.core.database import db
from registry.projects.models import Project
from registry.projects.visibility import among_visible

AUDIT: Final = "audit:"
CASES_FOLLOWED: Final = "cases.followed"
# What an entry about a platform inventory counts is not stored apart for restricted projects.
INVENTORY_APPLIED: Final = "inventory.applied"
INVENTORY_COUNTS: Final = frozenset({"matched", "lost", "mismatched"})
# Nor is what an entry about a voided audit counts.
COUNTS_OF_ALL: Final = frozenset({"flags_cleared", "flags_restored", "cases_corrected"})


def narrowed_details(actor: Actor, entries: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The entries, in whose details neither counts nor ids of cases cover restricted projects.

    The hash of an entry is that of what was written; only a reader of the whole can compute it again.
    """
    return [{**entry, "details": _narrowed(actor, entry)} for entry in entries]


def _narrowed(actor: Actor, entry: Mapping[str, Any]) -> dict[str, Any]:
    details = dict(entry["details"])
    if entry["action"] == INVENTORY_APPLIED:
        return {name: value for name, value in details.items() if name not in INVENTORY_COUNTS}
    if not entry["subject"].startswith(AUDIT):
        return details
    if entry["action"] == "audit.voided":
        return {name: value for name, value in details.items() if name not in COUNTS_OF_ALL}
    if entry["action"] != CASES_FOLLOWED:
        restricted = details.pop(RESTRICTED, None)
        return without_restricted(details, restricted)
    opened = details.pop("opened", None)
    hidden = set(db.session.scalars(select(Case.id).join(Case.project_record).where(Project.is_restricted)))
    narrowed: dict[str, Any] = {name: [case for case in ids if case not in hidden] for name, ids in details.items()}
    if opened is not None:
        narrowed["opened"] = _opened(actor, opened, int(entry["subject"].removeprefix(AUDIT)))
    return {name: told for name, told in narrowed.items() if told}


def _opened(actor: Actor, opened: Mapping[str, int], audit_id: int) -> dict[str, int]:
    mine = (Case.opened_by_audit == audit_id, Case.id.between(opened["first"], opened["last"]))
    visible = select(func.count(), func.min(Case.id), func.max(Case.id)).where(
        *mine, *among_visible(actor, Case.project_id.expression)
    )
    count, first, last = db.session.execute(visible).one()
    return {"count": count, "first": first, "last": last} if count else {}
