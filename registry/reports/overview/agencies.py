"""Agencies of the overview: the most money at risk, and the greatest improvement since an earlier audit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select

from registry.accounts.actors import Actor
from registry.agencies.models import Agency
from registry.core.bulk import table_of
from registry.core.database import db
from registry.flags.audit_runs import AuditRun
from registry.flags.known_flags import FlagsNotKnown
from registry.reports.overview.passed_projects import at_risk_then, passed_projects
from registry.reports.overview.snapshots import at_risk_by_agency

SHOWN: Final = 10
AGENCY: Final = table_of(Agency).c
NAMES: Final = ("bin", "name_kk", "name_ru", "name_en")


@dataclass(frozen=True, slots=True)
class AtRisk:
    """Flagged projects of an agency itself and their budgets; ``less_kzt``: by how much less than at the earlier audit.

    ``agency`` has ``bin`` and the names.
    """

    agency: Mapping[str, Any]
    flagged: int
    at_risk_kzt: int
    less_kzt: int | None = None


def most_at_risk(actor: Actor, audit_id: int) -> list[AtRisk]:
    """The agencies with most money at risk after an audit, at most ten."""
    worst = at_risk_by_agency(actor, audit_id, SHOWN)
    named = _named([*worst])
    return [AtRisk(named[agency_id], flagged, money) for agency_id, (flagged, money) in worst.items()]


def most_improved(actor: Actor, audit_id: int, earlier_id: int) -> list[AtRisk]:
    """The agencies whose money at risk fell most since the earlier audit, at most ten.

    What agencies had that are closed since counts for their successors, and what passed to another agency since for
    that agency: neither a merger nor a transfer is an improvement.
    """
    successors: dict[int, int] = {
        row.id: row.successor_id
        for row in db.session.execute(select(AGENCY.id, AGENCY.successor_id).where(AGENCY.successor_id.is_not(None)))
    }
    before, after, flagged = Counter[int](), Counter[int](), Counter[int]()
    for agency_id, (_projects, money) in at_risk_by_agency(actor, earlier_id).items():
        before[_present(agency_id, successors)] += money
    for agency_id, (projects, money) in at_risk_by_agency(actor, audit_id).items():
        after[_present(agency_id, successors)] += money
        flagged[_present(agency_id, successors)] += projects
    _pass_on(actor, before, successors, earlier_id, audit_id)
    less = {agency_id: amount - after[agency_id] for agency_id, amount in before.items() if amount > after[agency_id]}
    best = sorted(less, key=lambda agency_id: (-less[agency_id], agency_id))[:SHOWN]
    named = _named(best)
    return [AtRisk(named[each], flagged[each], after[each], less[each]) for each in best]


def _pass_on(actor: Actor, before: Counter[int], successors: Mapping[int, int], earlier_id: int, audit_id: int) -> None:
    """Move what projects put at risk at the earlier audit to the agencies that they passed to since."""
    earlier, later = (db.session.get_one(AuditRun, each) for each in (earlier_id, audit_id))
    moved = {
        number: (_present(giver, successors), _present(taker, successors))
        for number, (giver, taker) in passed_projects(earlier, later).items()
    }
    moved = {number: agencies for number, agencies in moved.items() if agencies[0] != agencies[1]}
    if not moved:
        return
    try:
        at_risk = at_risk_then(actor, moved, earlier.finished_at or earlier.started_at)
    except FlagsNotKnown:
        # Before the release that keeps former flags, what the givers improved and what they gave are one number.
        for giver, _taker in moved.values():
            before.pop(giver, None)
        return
    for number, money in at_risk.items():
        giver, taker = moved[number]
        before[giver] -= money
        before[taker] += money


def _present(agency_id: int, successors: Mapping[int, int]) -> int:
    # An agency is never succeeded by itself, however long the chain.
    while agency_id in successors:
        agency_id = successors[agency_id]
    return agency_id


def _named(ids: list[int]) -> dict[int, Mapping[str, Any]]:
    columns = (AGENCY.id, *(AGENCY[name] for name in NAMES))
    return {row["id"]: dict(row) for row in db.session.execute(select(*columns).where(AGENCY.id.in_(ids))).mappings()}
