"""Agencies that close: what is below them passes to the successor, and nobody changes them any more."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import select

from registry.accounts.actors import Actor
from registry.accounts.agency_tree import is_in_subtree
from registry.agencies.events import agency_changed, agency_moving
from registry.agencies.models import AGENCY_SUBJECT, Agency
from registry.changes.service import record_change
from registry.core.clock import now
from registry.core.transactions import require_transaction
from registry.journal import service as journal


def close_agency(actor: Actor, former: Agency, successor: Agency, on: date, details: Mapping[str, Any]) -> int:
    """Close an agency, locked like its successor by the open transaction; returns how many agencies were below it.

    The agencies below it pass to the successor, which itself moves up when it is one of them.
    """
    session = require_transaction()
    if is_in_subtree(successor.id, former.id):
        _move(actor, successor, former.parent, details)
    below = select(Agency).where(Agency.parent_id == former.id).order_by(Agency.id).with_for_update(of=Agency)
    children = list(session.scalars(below.execution_options(populate_existing=True)))
    for child in children:
        _move(actor, child, successor, details)
    record_change(AGENCY_SUBJECT, former.id, "open")
    former.closed_on, former.successor_id, former.successor = on, successor.id, successor
    former.version += 1
    former.updated_at = now()
    session.flush()
    entry = {**details, "on": on.isoformat(), "successor": successor.bin}
    journal.record(actor, "agency.closed", f"agency:{former.bin}", entry)
    journal.record(actor, "agency.succeeded", f"agency:{successor.bin}", {**details, "former_agency": former.bin})
    return len(children)


def _move(actor: Actor, agency: Agency, parent: Agency | None, details: Mapping[str, Any]) -> None:
    change = {"field": "parent_bin", "old": agency.parent_bin, "new": None if parent is None else parent.bin}
    record_change(AGENCY_SUBJECT, agency.id, "open", changes=[change])
    agency_moving.publish(agency.id)
    agency.parent, agency.parent_id = parent, None if parent is None else parent.id
    agency.version += 1
    agency.updated_at = now()
    require_transaction().flush()
    agency_changed.publish(agency.id, frozenset({"parent_bin"}), agency.updated_at)
    journal.record(actor, "agency.changed", f"agency:{agency.bin}", {**details, "changes": [change]})
