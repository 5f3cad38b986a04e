"""Forecasts: which rules would flag projects after a change that is not written, many at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import case, select

from registry.agencies.models import Agency
from registry.audits.verdicts import PROJECT_FACTS
from registry.cases.models import Order, newest_in_force
from registry.core.bulk import table_of
from registry.core.clock import local_date, today
from registry.core.database import db
from registry.exemptions.service import exempt_projects
from registry.freeze.current import policy_in_force
from registry.freeze.evaluation import evaluate, in_scope
from registry.freeze.facts import EarlierRevision, Facts
from registry.freeze.findings import Finding
from registry.projects.former_records import FORMER, former_pasts
from registry.projects.models import Project
from registry.projects.revisions import LAW_LOOKS_AT, UNDONE, as_earlier, past_of, stored_revisions


@dataclass(frozen=True, slots=True)
class ProposedProject:
    """The values that a project would have; ``project_id`` is None for one that would be registered."""

    agency_id: int
    project_id: int | None
    values: Mapping[str, Any]
    former: tuple[tuple[EarlierRevision, ...], ...] = ()


def rules_that_would_flag(proposed: Sequence[ProposedProject]) -> list[list[str]]:
    """The rules that would hold today of each project, none for one that is exempt or out of scope."""
    return [[finding.rule for finding in findings] for findings in findings_on(proposed)]


def findings_on(proposed: Sequence[ProposedProject]) -> list[Sequence[Finding]]:
    """The findings on each project today, none on one that is exempt or out of scope."""
    policy, day = policy_in_force(), today()
    kinds = _kinds({each.agency_id for each in proposed})
    ids = [each.project_id for each in proposed if each.project_id is not None]
    registered, due, past = _registered_on(ids), _order_dates(ids), _revisions(ids)
    exempt = exempt_projects(ids, day)
    listed: list[Sequence[Finding]] = []
    former = former_pasts(FORMER.project_id.in_(ids))
    for each in proposed:
        number = each.project_id
        values: dict[str, Any] = {name: each.values.get(name) for name in PROJECT_FACTS}
        facts = Facts(
            agency_kind=kinds[each.agency_id],
            registered_on=day if number is None else registered[number],
            order_migrate_by=None if number is None else due.get(number),
            past=() if number is None else past.get(number, ()),
            former=each.former if number is None else tuple(of.past for of in former.get(number, ())),
            **values,
        )
        is_judged = in_scope(facts.agency_kind, policy) and number not in exempt
        listed.append(evaluate(facts, policy, day) if is_judged else ())
    return listed


def _kinds(ids: set[int]) -> dict[int, str]:
    return {row.id: row.kind for row in db.session.execute(select(Agency.id, Agency.kind).where(Agency.id.in_(ids)))}


def _registered_on(ids: Sequence[int]) -> dict[int, date]:
    rows = db.session.execute(select(Project.id, Project.registered_at).where(Project.id.in_(ids)))
    return {row.id: local_date(row.registered_at) for row in rows}


def _order_dates(ids: Sequence[int]) -> dict[int, date | None]:
    order = table_of(Order).c
    newest = newest_in_force(order.project_id.in_(ids))
    rows = db.session.execute(
        select(order.project_id, case((order.decision == "migrate_by", order.due_on)).label("due")).join(
            newest, order.id == newest.c.order_id
        )
    )
    return {row.project_id: row.due for row in rows}


def _revisions(ids: Sequence[int]) -> dict[int, tuple[EarlierRevision, ...]]:
    """All revisions: after the change the current one is an earlier one too."""
    project = table_of(Project).c
    rows = db.session.execute(
        select(project.id, *(project[name] for name in (*LAW_LOOKS_AT, *UNDONE))).where(project.id.in_(ids))
    ).all()
    revisions = stored_revisions(ids)
    return {
        row.id: (*past_of(row._mapping, revisions.get(row.id, ())), as_earlier(row._mapping, today())) for row in rows
    }
