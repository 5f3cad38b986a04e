"""Applying the platform inventory: what matches is verified, what vanished loses its verification."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from sqlalchemy import func, or_, select

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.agencies.service import Agency
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
from registry.projects.bulk_writes import Changed, write_all
from registry.projects.models import CHANGEABLE, Project
from registry.projects.revisions import differences
from registry.projects.visibility import visible_projects

MOST_DETAILS: Final = 1000
# Of a list that is refused as a whole: enough to see what is wrong with all of it.
MOST_TOLD: Final = 50
CHUNK: Final = 500
LOOKED_AT: Final = ("id", "number", "agency_id", "placement", "platform_key", "placement_verified_on")


@dataclass(slots=True)
class Plan:
    """What the list does to the records: (project id, new date of verification) to write, and what it tells."""

    writes: list[tuple[int, date | None]] = field(default_factory=list)
    matched: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    mismatched: list[dict[str, Any]] = field(default_factory=list)
    unregistered: list[dict[str, Any]] = field(default_factory=list)


def apply_inventory(actor: Actor, file_name: str, content: bytes, dry_run: bool) -> dict[str, Any]:
    """Apply QazTech's list, or tell what it would do; all of it in one transaction.

    The summary: ``dry_run``, the counts ``matched``, ``lost``, ``mismatched`` (records), ``unregistered`` (keys),
    ``total`` and ``rejected`` (rows), details of each under ``rows``, and ``errors`` (``{row, column, code, params}``);
    both are cut at 1,000. A key in a bad row has not vanished. What the actor may not see is left as it is. Raises
    RoleNotAllowed and Invalid (pointer /file), also for a list without one good row: it would end every verification.
    """
    actor.require(Permission.PLACEMENTS_CONFIRM)
    require_upload_size(content)
    sheet = open_sheet(content)
    check_columns(sheet.columns, COLUMNS, COLUMNS)
    agencies = {row.bin: row.id for row in db.session.execute(select(Agency.bin, Agency.id))}
    outcome, rows, bad_keys = read_inventory_rows(sheet, agencies, today())
    if not rows:
        raise Invalid([Problem("/file", "inventory-without-rows", {"rejected": outcome.rejected}), *_in_rows(outcome)])
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


def _in_rows(outcome: ImportResult) -> list[Problem]:
    told = outcome.errors[:MOST_TOLD]
    places = ["/".join(str(wrong[name]) for name in ("row", "column") if wrong[name]) for wrong in told]
    return [
        Problem(f"/file/{place}", wrong["code"], wrong["params"]) for place, wrong in zip(places, told, strict=True)
    ]


def confirmed_records(actor: Actor) -> int:
    """How many records that the actor may see are confirmed on the platform now."""
    verified = (
        select(func.count())
        .select_from(table_of(Project))
        .where(table_of(Project).c.placement_verified_on.is_not(None), *visible_projects(actor))
    )
    return int(db.session.execute(verified).scalar_one())


def _plan(actor: Actor, rows: Mapping[str, InventoryRow], bad_keys: set[str], *, lock: bool) -> Plan:
    statement = (
        select(*(table_of(Project).c[name] for name in LOOKED_AT), Agency.bin)
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
            told = {"number": record.number, "platform_key": record.platform_key, "placement": record.placement}
            plan.mismatched.append({**told, "agency": record.bin, "listed_agency": listed.agency})
    plan.unregistered = [
        {"platform_key": key, "agency": row.agency, "row": row.row} for key, row in rows.items() if key not in recorded
    ]
    return plan


def _summary(dry_run: bool, plan: Plan, outcome: ImportResult, good: int) -> dict[str, Any]:
    told: dict[str, Sequence[Any]] = {
        "matched": plan.matched,
        "lost": plan.lost,
        "mismatched": plan.mismatched,
        "unregistered": plan.unregistered,
    }
    return {
        "dry_run": dry_run,
        **{name: len(items) for name, items in told.items()},
        "total": good + outcome.rejected,
        "rejected": outcome.rejected,
        "rows": {name: list(items[:MOST_DETAILS]) for name, items in told.items()},
        "errors": outcome.errors[:MOST_DETAILS],
    }


def _write(actor: Actor, inventory_id: int, dates: Mapping[int, date | None]) -> None:
    names = ("id", "number", "version", *CHANGEABLE)
    statement = select(*(table_of(Project).c[name] for name in names)).where(Project.id.in_(list(dates)))
    verified, lost, confirmations = [], [], []
    moment = now()
    for row in db.session.execute(statement.order_by(Project.id)):
        before = dict(zip(names, row, strict=True))
        day = dates[row.id]
        wanted = {**before, "placement_verified_on": day}
        changed = Changed(wanted, differences(before, wanted))
        if day is None:
            lost.append(changed)
            continue
        verified.append(changed)
        facts = {"verified_on": day.isoformat(), "platform_key": row.platform_key}
        given = {"project_id": row.id, "kind": "placement", "at": moment, "by": actor.principal, "facts": facts}
        confirmations.append({**given, "inventory_id": inventory_id})
    write_all(actor, verified, "placement.verified", {"inventory": inventory_id})
    write_all(actor, lost, "placement.verification-lost", {"inventory": inventory_id})
    insert_rows(require_transaction(), Confirmation, confirmations)
