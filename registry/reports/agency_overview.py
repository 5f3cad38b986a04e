"""What a page of an agency shows: the agencies around it, people, projects, cases, orders, compliance over time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import ColumnElement, func, select

from registry.accounts.agency_tree import subtree
from registry.accounts.models import Account, is_active
from registry.accounts.roles import Actor, Permission
from registry.accounts.vocabulary import AccountKind
from registry.agencies.models import Agency
from registry.agencies.queries import agencies_above
from registry.agencies.service import may_act_for
from registry.audits.counting import counts_over_time
from registry.cases.models import Case
from registry.cases.vocabulary import Status
from registry.core.database import db, table_of
from registry.projects.models import STATUS, Project
from registry.projects.visibility import visible_projects
from registry.projects.vocabulary import FreezeStatus
from registry.reports.compliance import COUNTED, add_projects, pieces, with_former, with_share

SHOWN_AUDITS: Final = 12
PROJECT: Final = table_of(Project).c
OUT_OF_SCOPE: Final = (FreezeStatus.OUT_OF_SCOPE.value, FreezeStatus.UNAUDITED.value)


@dataclass(frozen=True, slots=True)
class AgencyOverview:
    """An agency with the agencies below it. ``people`` is None for who may not see its accounts.

    ``above``: from the top to the agency above it. ``former``: the agencies that it succeeded. ``open_cases`` and
    ``orders``, those to carry out, are with the agencies below. ``days``: the last audited days, newest first, also
    with the agencies that these succeeded. Everything but the agencies is empty for who may not see its projects.
    """

    above: Sequence[Agency]
    below: Sequence[Agency]
    former: Sequence[Agency]
    people: int | None
    totals: dict[str, Any] | None
    open_cases: int
    orders: int
    days: Sequence[dict[str, Any]]


def agency_overview(actor: Actor, agency: Agency) -> AgencyOverview:
    """Return the overview of an agency, as far as the actor may see it."""
    below = _agencies(Agency.parent_id == agency.id, Agency.closed_on.is_(None))
    former = _agencies(Agency.successor_id == agency.id)
    around = (agencies_above(agency), below, former)
    if not may_act_for(actor, agency.id):
        return AgencyOverview(*around, None, None, 0, 0, [])
    ids = list(db.session.scalars(select(subtree(agency.id).c.id)))
    cases = _count(actor, ids, Case.status != Status.CLOSED.value)
    orders = _count(actor, ids, Case.status == Status.REMEDIATION.value)
    days = _days(actor, with_former(set(ids)))
    return AgencyOverview(*around, _people(actor, agency), _totals(actor, ids), cases, orders, days)


def _agencies(*conditions: Any) -> list[Agency]:
    return list(db.session.scalars(select(Agency).where(*conditions).order_by(Agency.bin)))


def _people(actor: Actor, agency: Agency) -> int | None:
    """Return how many people can sign in for the agency itself."""
    if not actor.may(Permission.PEOPLE_READ):
        return None
    of_agency = (Account.agency_id == agency.id, Account.kind == AccountKind.PERSON.value, is_active())
    return db.session.scalar(select(func.count()).select_from(Account).where(*of_agency))


def _count(actor: Actor, ids: Collection[int], condition: ColumnElement[bool]) -> int:
    """Count the cases of these agencies, as the list of cases has them."""
    statement = (
        select(func.count())
        .select_from(Case)
        .join(table_of(Project), PROJECT.id == Case.project_id)
        .where(PROJECT.agency_id.in_(ids), *visible_projects(actor), condition)
    )
    return db.session.scalar(statement) or 0


def _totals(actor: Actor, ids: Collection[int]) -> dict[str, Any]:
    totals: dict[str, Any] = dict.fromkeys(COUNTED, 0)
    rows = db.session.execute(pieces(actor, "agency").where(STATUS.c.agency_id.in_(ids)))
    for _agency, status, severity, projects, budget in rows:
        add_projects(totals, status, severity, projects, budget)
    return with_share(totals)


def _days(actor: Actor, ids: Collection[int]) -> list[dict[str, Any]]:
    """Return the last audited days; of several audits of one day the last."""
    by_audit: dict[tuple[date, int], dict[str, int]] = {}
    for audit_id, day, status, projects in db.session.execute(counts_over_time(actor, ids)):
        by_audit.setdefault((day, audit_id), {})[status] = projects
    last_of_day = {day: (audit_id, counts) for (day, audit_id), counts in by_audit.items()}
    return [_day(day, *last_of_day[day]) for day in sorted(last_of_day, reverse=True)[:SHOWN_AUDITS]]


def _day(day: date, audit_id: int, counts: dict[str, int]) -> dict[str, Any]:
    judged = sum(count for status, count in counts.items() if status not in OUT_OF_SCOPE)
    flagged, exempt = counts.get(FreezeStatus.FLAGGED.value, 0), counts.get(FreezeStatus.EXEMPT.value, 0)
    shown = {"on": day, "audit": audit_id, "projects": sum(counts.values())}
    return shown | judged_counts(judged, flagged, counts.get(FreezeStatus.TO_MIGRATE.value, 0), exempt)


def judged_counts(judged: int, flagged: int, to_migrate: int | None, exempt: int) -> dict[str, Any]:
    """Return the counts of an audit with ``unflagged``, none of the others, and its share in ``percent``.

    ``to_migrate`` is None where it was not counted.
    """
    unflagged = judged - flagged - (to_migrate or 0) - exempt
    counts: dict[str, int | None] = {"judged": judged, "flagged": flagged, FreezeStatus.TO_MIGRATE.value: to_migrate}
    percent = round(100 * unflagged / judged, 1) if judged else None
    return {**counts, "exempt": exempt, "unflagged": unflagged, "percent": percent}
