"""Projects pass to another agency: rows, revisions and journal. Flags, cases and orders belong to them and follow."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import RowMapping, bindparam, select, update

from registry.accounts.actors import Actor
from registry.agencies.models import Agency
from registry.changes.service import record_change
from registry.core.bulk import insert_rows, table_of
from registry.core.transactions import require_transaction
from registry.journal import service as journal
from registry.projects.change_times import PROJECT_SUBJECT, projects_of_ids
from registry.projects.models import Project
from registry.projects.revisions import LAW_LOOKS_AT, Revision, revision_row
from registry.projects.view_changes import record_view_changes

MAX_ID_LENGTH: Final = 200
NUMBERS_AT_ONCE: Final = 1000
PROJECT: Final = table_of(Project)
OWN: Final = ("id", "number", "version", "external_id", "freeze_status", "severity", *LAW_LOOKS_AT)
COLUMNS: Final = tuple(PROJECT.c[name] for name in OWN)


def move_projects(
    actor: Actor,
    former: Agency,
    to: Agency,
    at: datetime,
    *,
    numbers: Sequence[str] | None,
    decided_by: str,
    details: Mapping[str, Any],
) -> tuple[list[int], int]:
    """Give projects of the former agency to the other one, in the open transaction that has locked both agencies.

    ``numbers``: those of the projects, None for all; numbers of projects that the former agency does not have are
    passed over. An external id that the other agency has too gets the former BIN as a prefix. Returns the ids of the
    projects in rising order, and how many external ids have changed.
    """
    session = require_transaction()
    rows = _locked(former.id, numbers)
    for some in projects_of_ids(row["id"] for row in rows):
        record_view_changes(some)
    taken = _external_ids(to.id, {row["external_id"] for row in rows})
    changed, revisions, renamed = [], [], 0
    for row in rows:
        changes: list[dict[str, Any]] = [{"field": "agency", "old": former.bin, "new": to.bin}]
        external_id = _free_external_id(row["external_id"], former.bin, taken)
        if external_id != row["external_id"]:
            renamed += 1
            changes.append({"field": "external_id", "old": row["external_id"], "new": external_id})
        record_change(PROJECT_SUBJECT, row["id"], row["freeze_status"], row["severity"], changes)
        values = {**row, "version": row["version"] + 1, "updated_at": at}
        changed.append({"_id": row["id"], "_version": values["version"], "_external_id": external_id})
        revisions.append(revision_row(values, changes, decided_by))
        journal.record(actor, "project.passed-on", f"project:{row['number']}", {**details, "changes": changes})
    if changed:
        values = {"version": bindparam("_version"), "external_id": bindparam("_external_id")}
        moved = update(PROJECT).where(PROJECT.c.id == bindparam("_id"))
        session.execute(moved.values(agency_id=to.id, updated_at=at, changed_at=at, **values), changed)
        insert_rows(session, Revision, revisions)
    return [row["id"] for row in rows], renamed


def _locked(agency_id: int, numbers: Sequence[str] | None) -> list[RowMapping]:
    """The agency's projects in the order of their ids, in which everybody locks them."""
    session = require_transaction()
    statement = select(*COLUMNS).where(PROJECT.c.agency_id == agency_id)
    if numbers is None:
        return list(session.execute(statement.order_by(PROJECT.c.id).with_for_update()).mappings())
    listed = sorted(numbers)
    rows: list[RowMapping] = []
    for start in range(0, len(listed), NUMBERS_AT_ONCE):
        some = statement.where(PROJECT.c.number.in_(listed[start : start + NUMBERS_AT_ONCE]))
        rows += session.execute(some.order_by(PROJECT.c.id).with_for_update()).mappings()
    return sorted(rows, key=lambda row: int(row["id"]))


def _external_ids(agency_id: int, like: Collection[str | None]) -> set[str]:
    if not any(like):
        return set()
    statement = select(PROJECT.c.external_id).where(
        PROJECT.c.agency_id == agency_id, PROJECT.c.external_id.is_not(None)
    )
    return set(require_transaction().scalars(statement))


def _free_external_id(external_id: str | None, bin_number: str, taken: set[str]) -> str | None:
    """The id as it is, or with the former BIN before it when it is taken; a long one is cut at its end."""
    if external_id is None:
        return None
    candidate, place = external_id, 1
    while candidate in taken:
        suffix = "" if place == 1 else f"~{place}"
        candidate = f"{bin_number}:{external_id}"[: MAX_ID_LENGTH - len(suffix)] + suffix
        place += 1
    taken.add(candidate)
    return candidate
