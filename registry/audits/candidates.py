"""What an audit looks at: a narrow stream of the projects that could be flagged, as the law's facts.

Left out in SQL is only what the law has nothing to say of before any rule is asked: agencies out of scope, and
placements on the platform verified by the date. A test holds this against the law itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Result, Select, and_, case, func, not_, select

from registry.freeze.facts import Facts, Past
from registry.freeze.policy import Policy
from registry.records.agencies import Agency
from registry.records.exemptions import exemption_on
from registry.records.orders import Order, newest_in_force
from registry.records.project_table import Project
from registry.records.revisions import LAW_LOOKS_AT, Revision
from registry.store.clock import local_date
from registry.store.database import db

ROWS_AT_ONCE = 2000
# What a project's own row gives to Facts, in the order of its fields: tuples are streamed, not objects.
IN_THE_ORDER_OF_FACTS = (
    "onboarding_due_on",
    "contract_signed_on",
    "work_started_on",
    "pilot_started_on",
    "commissioned_on",
    "object_commissioned_on",
    "ended_on",
    "budget_kzt",
    "object_original_cost_kzt",
    "consent_number",
    "placement_verified_on",
    "onboarding_confirmed_on",
    "ending_confirmed_on",
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A project that could be flagged, with its exemption in force on the date."""

    project_id: int
    facts: Facts
    exemption_id: int | None


@dataclass(frozen=True, slots=True)
class Totals:
    """How many projects an audit judges; ``up_to`` is the highest project id among all."""

    in_scope: int
    out_of_scope: int
    up_to: int


def count_projects(policy: Policy) -> Totals:
    """The projects that are there now, in and out of the policy's scope."""
    up_to = db.session.execute(select(func.coalesce(func.max(Project.id), 0))).scalar_one()
    in_scope = func.count(case((Agency.kind.in_(policy.scope), 1)))
    counted = (
        select(in_scope, func.count())
        .select_from(Project)
        .join(Agency, Agency.id == Project.agency_id)
        .where(Project.id <= up_to)
    )
    inside, everything = db.session.execute(counted).one()
    return Totals(inside, everything - inside, up_to)


def candidates(policy: Policy, on: date, up_to: int, digest: Any) -> Iterator[Candidate]:
    """Stream the candidates in the order of their ids; ``digest`` (a hashlib object) is fed with all that is read."""
    # Projects are read before their pasts: what an edit adds between the two is newer than the project as read and is
    # passed over below, while the other way round the project would be judged without its past.
    # Closed here and not left to chance: of projects that are no candidates the revisions are never read to their end.
    with closing(_stream(_projects(policy, on, up_to))) as rows, closing(_stream(_pasts(up_to))) as revisions_of_all:
        pasts = groupby(revisions_of_all, key=itemgetter(0))
        past_of, revisions = next(pasts, (None, iter(())))
        for row in rows:
            digest.update(repr(tuple(row)).encode())
            project_id, version, exemption_id, registered_at, order, order_due = row[:6]
            claims: tuple[Any, ...] = row[6:]
            past: tuple[Past, ...] = ()
            if version > 1:
                while past_of is not None and past_of < project_id:
                    past_of, revisions = next(pasts, (None, iter(())))
                if past_of == project_id:
                    earlier = [tuple(revision) for revision in revisions if revision[1] < version]
                    digest.update(repr(earlier).encode())
                    past = tuple(Past(*revision[2:]) for revision in earlier)
            migrate_by = order_due if order == "migrate_by" else None
            facts = Facts(*(*claims[:4], local_date(registered_at), *claims[4:], migrate_by, past))
            yield Candidate(project_id, facts, exemption_id)


def new_digest(policy: Policy, on: date) -> Any:
    """A SHA-256 that already covers the policy and the date."""
    return hashlib.sha256(f"{policy.digest} {on.isoformat()}".encode())


def _projects(policy: Policy, on: date, up_to: int) -> Select[*tuple[Any, ...]]:
    order = newest_in_force()
    return (
        select(
            Project.id,
            Project.version,
            exemption_on(Project.id.expression, on),
            Project.registered_at,
            Order.decision,
            Order.due_on,
            Agency.kind,
            Project.work_type,
            Project.stage,
            Project.placement,
            *(getattr(Project, name) for name in IN_THE_ORDER_OF_FACTS),
        )
        .join(Agency, Agency.id == Project.agency_id)
        .outerjoin(order, order.c.project_id == Project.id)
        .outerjoin(Order, Order.id == order.c.order_id)
        .where(
            Project.id <= up_to,
            Agency.kind.in_(policy.scope),
            not_(
                and_(
                    Project.placement == "on_platform",
                    Project.placement_verified_on.is_not(None),
                    Project.placement_verified_on <= on,
                )
            ),
        )
        .order_by(Project.id)
    )


def _pasts(up_to: int) -> Select[*tuple[Any, ...]]:
    columns = [getattr(Revision, name) for name in LAW_LOOKS_AT]
    return (
        select(Revision.project_id, Revision.version, *columns)
        .join(Project, Project.id == Revision.project_id)
        .where(Project.version > 1, Project.id <= up_to, Revision.version < Project.version)
        .order_by(Revision.project_id, Revision.version)
    )


def _stream(statement: Select[*tuple[Any, ...]]) -> Result[*tuple[Any, ...]]:
    """Begin to read now, and go on row by row."""
    return db.session.execute(statement.execution_options(yield_per=ROWS_AT_ONCE))
