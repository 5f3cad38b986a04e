"""Redaction of journal entries about many projects for readers who may not see restricted ones."""

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
# Entries about platform inventories do not store separate counts of restricted projects, so these are removed.
INVENTORY_APPLIED: Final = "inventory.applied"
INVENTORY_COUNTS: Final = frozenset({"matched", "lost", "mismatched"})
# The same applies to entries about voided audits.
UNREDACTABLE_COUNTS: Final = frozenset({"flags_cleared", "flags_restored", "cases_corrected"})


def redact_details(actor: Actor, entries: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The entries with details that neither count restricted projects nor contain ids of their cases.

    The hash of an entry covers the original details, so only a reader of the full entry can verify it.
    """
    return [{**entry, "details": _redacted(actor, entry)} for entry in entries]


def _redacted(actor: Actor, entry: Mapping[str, Any]) -> dict[str, Any]:
    details = dict(entry["details"])
    if entry["action"] == INVENTORY_APPLIED:
        return {name: value for name, value in details.items() if name not in INVENTORY_COUNTS}
    if not entry["subject"].startswith(AUDIT):
        return details
    if entry["action"] == "audit.voided":
        return {name: value for name, value in details.items() if name not in UNREDACTABLE_COUNTS}
    if entry["action"] != CASES_FOLLOWED:
        restricted = details.pop(RESTRICTED, None)
        return without_restricted(details, restricted)
    opened = details.pop("opened", None)
    hidden = set(db.session.scalars(select(Case.id).join(Case.project_record).where(Project.is_restricted)))
    redacted: dict[str, Any] = {name: [case for case in ids if case not in hidden] for name, ids in details.items()}
    if opened is not None:
        redacted["opened"] = _opened(actor, opened, int(entry["subject"].removeprefix(AUDIT)))
    return {name: value for name, value in redacted.items() if value}


def _opened(actor: Actor, opened: Mapping[str, int], audit_id: int) -> dict[str, int]:
    opened_cases = (Case.opened_by_audit == audit_id, Case.id.between(opened["first"], opened["last"]))
    visible = select(func.count(), func.min(Case.id), func.max(Case.id)).where(
        *opened_cases, *among_visible(actor, Case.project_id.expression)
    )
    count, first, last = db.session.execute(visible).one()
    return {"count": count, "first": first, "last": last} if count else {}
