"""Import of the platform inventory: verifies matching projects and withdraws verifications of unlisted ones."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from sqlalchemy import func, or_, select

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.agencies.models import Agency
from registry.agencies.service import agencies_by_id
from registry.core.bulk import insert_rows, table_of
from registry.core.clock import now, today
from registry.core.database import db
from registry.core.errors import Invalid, Problem
from registry.core.file_names import printable_file_name
from registry.core.spreadsheets.reader import check_columns, open_sheet, require_upload_size
from registry.core.spreadsheets.row_errors import ImportResult
from registry.core.transactions import require_transaction, transaction
from registry.journal import service as journal
from registry.platform.confirmations import Confirmation
from registry.platform.inventory_rows import COLUMNS, InventoryRow, read_inventory_rows
from registry.platform.models import Inventory
from registry.projects.bulk_writes import ProjectChange, update_projects
from registry.projects.models import CHANGEABLE, Project
from registry.projects.revisions import differences
from registry.projects.visibility import visible_projects

MAX_DETAILS: Final = 1000
# The number of errors reported for an inventory that is rejected as a whole.
MAX_REPORTED_ERRORS: Final = 50
CHUNK: Final = 500
COMPARED_COLUMNS: Final = ("id", "number", "agency_id", "placement", "platform_key", "placement_verified_on")


@dataclass(slots=True)
class Plan:
    """The effect of an inventory: (project id, new verification date) to write, and the summary's rows."""

    writes: list[tuple[int, date | None]] = field(default_factory=list)
    matched: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    mismatched: list[dict[str, Any]] = field(default_factory=list)
    unregistered: list[dict[str, Any]] = field(default_factory=list)


def apply_inventory(actor: Actor, file_name: str, content: bytes, dry_run: bool) -> dict[str, Any]:
    """Apply the inventory in one transaction, or only compute its effect; returns the summary.

    The summary contains ``dry_run``, the counts ``matched``, ``lost``, ``mismatched`` (projects), ``unregistered``
    (keys), ``total`` and ``rejected`` (rows), details of each under ``rows``, and ``errors`` (``{row, column, code,
    params}``), the last two cut at 1,000. A key in an invalid row does not count as unlisted. Projects that the actor
    may not see are not changed. Raises RoleNotAllowed and Invalid (pointer ``/file``), also for an inventory without a
    valid row, since it would withdraw every verification.
    """
    actor.require(Permission.PLACEMENTS_CONFIRM)
    require_upload_size(content)
    sheet = open_sheet(content)
    check_columns(sheet.columns, COLUMNS, COLUMNS)
    agencies = {agency.bin: agency for agency in agencies_by_id().values()}
    outcome, rows, bad_keys = read_inventory_rows(sheet, agencies, today())
    if not rows:
        raise Invalid(
            [Problem("/file", "inventory-without-rows", {"rejected": outcome.rejected}), *_row_problems(outcome)]
        )
    if dry_run:
        return _summary(True, _plan(actor, rows, bad_keys, lock=False), outcome, len(rows))
    with transaction() as session:
        plan = _plan(actor, rows, bad_keys, lock=True)
        summary = _summary(False, plan, outcome, len(rows))
        name, digest = printable_file_name(file_name), hashlib.sha256(content).hexdigest()
        inventory = Inventory(at=now(), by=actor.principal, file_name=name, sha256=digest, summary=summary)
        session.add(inventory)
        session.flush()
        for start in range(0, len(plan.writes), CHUNK):
            _write(actor, inventory.id, dict(plan.writes[start : start + CHUNK]))
        counts = {name: value for name, value in summary.items() if isinstance(value, int) and name != "dry_run"}
        details = {"file_name": name, "sha256": digest, **counts}
        journal.record(actor, "inventory.applied", f"inventory:{inventory.id}", details)
    return summary


def _row_problems(outcome: ImportResult) -> list[Problem]:
    errors = outcome.errors[:MAX_REPORTED_ERRORS]
    places = ["/".join(str(error[name]) for name in ("row", "column") if error[name]) for error in errors]
    return [
        Problem(f"/file/{place}", error["code"], error["params"]) for place, error in zip(places, errors, strict=True)
    ]


def count_confirmed_projects(actor: Actor) -> int:
    """The number of projects visible to the actor that are confirmed on the platform."""
    verified = (
        select(func.count())
        .select_from(table_of(Project))
        .where(table_of(Project).c.placement_verified_on.is_not(None), *visible_projects(actor))
    )
    return int(db.session.execute(verified).scalar_one())


def _plan(actor: Actor, rows: Mapping[str, InventoryRow], bad_keys: set[str], *, lock: bool) -> Plan:
    statement = (
        select(*(table_of(Project).c[name] for name in COMPARED_COLUMNS), Agency.bin)
        .join(Agency, Agency.id == Project.agency_id)
        .where(
            or_(Project.platform_key.is_not(None), Project.placement_verified_on.is_not(None)), *visible_projects(actor)
        )
        .order_by(Project.id)
    )
    if lock:
        statement = statement.with_for_update(of=Project)
    plan = Plan()
    recorded: set[str] = set()
    for record in db.session.execute(statement):
        listed = rows.get(record.platform_key)
        recorded.add(record.platform_key)
        if listed is None:
            if record.placement_verified_on is not None and record.platform_key not in bad_keys:
                plan.lost.append(record.number)
                plan.writes.append((record.id, None))
        elif record.placement == "on_platform" and record.agency_id == listed.agency_id:
            plan.matched.append(record.number)
            if record.placement_verified_on != listed.verified_on:
                plan.writes.append((record.id, listed.verified_on))
        else:
            values = {"number": record.number, "platform_key": record.platform_key, "placement": record.placement}
            plan.mismatched.append({**values, "agency": record.bin, "listed_agency": listed.agency})
    plan.unregistered = [
        {"platform_key": key, "agency": row.agency, "row": row.row} for key, row in rows.items() if key not in recorded
    ]
    return plan


def _summary(dry_run: bool, plan: Plan, outcome: ImportResult, good: int) -> dict[str, Any]:
    rows: dict[str, Sequence[Any]] = {
        "matched": plan.matched,
        "lost": plan.lost,
        "mismatched": plan.mismatched,
        "unregistered": plan.unregistered,
    }
    return {
        "dry_run": dry_run,
        **{name: len(items) for name, items in rows.items()},
        "total": good + outcome.rejected,
        "rejected": outcome.rejected,
        "rows": {name: list(items[:MAX_DETAILS]) for name, items in rows.items()},
        "errors": outcome.errors[:MAX_DETAILS],
    }


def _write(actor: Actor, inventory_id: int, dates: Mapping[int, date | None]) -> None:
    names = ("id", "number", "version", *CHANGEABLE)
    statement = select(*(table_of(Project).c[name] for name in names)).where(Project.id.in_(list(dates)))
    verified, lost, confirmations = [], [], []
    at = now()
    for row in db.session.execute(statement.order_by(Project.id)):
        before = dict(zip(names, row, strict=True))
        day = dates[row.id]
        after = {**before, "placement_verified_on": day}
        change = ProjectChange(after, differences(before, after))
        if day is None:
            lost.append(change)
            continue
        verified.append(change)
        facts = {"verified_on": day.isoformat(), "platform_key": row.platform_key}
        confirmation = {"project_id": row.id, "kind": "placement", "at": at, "by": actor.principal, "facts": facts}
        confirmations.append({**confirmation, "inventory_id": inventory_id})
    update_projects(actor, verified, "placement.verified", {"inventory": inventory_id})
    update_projects(actor, lost, "placement.verification-lost", {"inventory": inventory_id})
    insert_rows(require_transaction(), Confirmation, confirmations)
