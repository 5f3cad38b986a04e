"""History of the overview: the figures of the country, an agency, a region, a sector or a rule, one point a week."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from sqlalchemy import select

from registry.accounts.actors import Actor
from registry.accounts.agency_tree import subtree
from registry.accounts.roles import Permission
from registry.agencies.models import Agency
from registry.agencies.service import AgencyNotFound, agency_by_bin
from registry.agencies.vocabulary import Region
from registry.audits.daily_counts import COUNTRY, Dimension
from registry.core.database import db
from registry.core.errors import Malformed, Problem
from registry.flags.audit_runs import last_good_date
from registry.freeze.rules import RULES
from registry.projects.vocabulary import Sector
from registry.reports.overview.figures import Figures
from registry.reports.overview.snapshots import audited_days, by_audit, of_agencies_by_audit

BY_COUNTRY: Final = "country"
BY_AGENCY: Final = "agency"
MEMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    "region": Region.codes(),
    "sector": Sector.codes(),
    "rule": tuple(RULES),
}
GROUPS: Final = (BY_COUNTRY, BY_AGENCY, *MEMBERS)
WEEK: Final = timedelta(days=7)
WEEKS: Final = 52


@dataclass(frozen=True, slots=True)
class Point:
    """The figures after the last audit of a day."""

    on: date
    audit: int
    figures: Figures


def history(actor: Actor, group: str, of: str | None) -> list[Point]:
    """The last twelve months, one point a week, oldest first; the last point is the last audit.

    ``of``: the BIN, the code of the region or sector, or the rule; not for the country. An agency is counted with those
    below it and with those that they succeeded, so that a merger makes no step. The first point is the first audit
    that counted something; where a later one counted nothing, all figures are 0. Raises RoleNotAllowed and Malformed.
    """
    actor.require(Permission.OVERVIEW_READ)
    agencies = _agencies(group, of)
    last = last_good_date()
    if last is None:
        return []
    days = weekly(audited_days(last - WEEKS * WEEK), last, WEEKS)
    if group == BY_AGENCY:
        stored = of_agencies_by_audit(actor, agencies, days.values())
    else:
        stored = by_audit(actor, Dimension(group), of or COUNTRY, days.values())
    points: list[Point] = []
    for day, audit_id in days.items():
        if points or audit_id in stored:
            points.append(Point(day, audit_id, stored.get(audit_id, Figures())))
    return points


def weekly(days: Mapping[date, int], last: date, weeks: int) -> dict[date, int]:
    """The last audited day of each week that ends ``last`` or whole weeks before, oldest first."""
    newest: dict[int, date] = {}
    for day in days:
        week = (last - day).days // 7
        if day <= last and week <= weeks:
            newest[week] = max(day, newest.get(week, day))
    return {newest[week]: days[newest[week]] for week in sorted(newest, reverse=True)}


def _agencies(group: str, of: str | None) -> set[int]:
    if group == BY_COUNTRY:
        if of is not None:
            raise Malformed([Problem("of", "unknown-parameter", {"name": "of"})])
        return set()
    if group != BY_AGENCY:
        if of not in MEMBERS[group]:
            raise Malformed([Problem("of", "not-a-choice", {"options": ", ".join(MEMBERS[group])})])
        return set()
    try:
        agency = agency_by_bin(of or "")
    except AgencyNotFound as error:
        raise Malformed([Problem("of", "agency-unknown", {"bin": of or ""})]) from error
    return with_former(set(db.session.scalars(select(subtree(agency.id).c.id))))


def with_former(agencies: set[int]) -> set[int]:
    """The ids of agencies and of all that they succeeded."""
    seen: set[int] = set()
    newest = agencies
    while newest:
        seen |= newest
        newest = set(db.session.scalars(select(Agency.id).where(Agency.successor_id.in_(newest)))) - seen
    return seen
