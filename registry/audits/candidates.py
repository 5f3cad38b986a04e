"""Audit candidates: reads the projects that could be flagged as facts, in parts of 20,000 ids.

The query skips only projects that no rule can match: agencies out of scope, and placements on the platform verified by
the date. A test compares the query with the evaluation of every project.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import date
from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Date, Integer, Select, and_, bindparam, case, func, not_, select

from registry.agencies.service import Agency
from registry.cases.orders import Order, newest_in_force
from registry.core.bulk import MISSING_TEXT, as_lines
from registry.core.clock import local_date_of_hour
from registry.core.database import db, is_sqlite
from registry.exemptions.service import exemption_on
from registry.freeze.facts import Facts, Past
from registry.freeze.policy import Policy
from registry.projects.models import Project
from registry.projects.revisions import LAW_LOOKS_AT, Revision

IDS_AT_ONCE = 20_000
CELLS = 23
# Columns of a project between the registration date and the amounts of money, in the order of Facts' fields.
DAYS_BEFORE_MONEY = (
    "onboarding_due_on",
    "contract_signed_on",
    "work_started_on",
    "pilot_started_on",
    "commissioned_on",
    "object_commissioned_on",
    "ended_on",
)
MONEY = ("budget_kzt", "object_original_cost_kzt")
DAYS_AFTER_MONEY = ("placement_verified_on", "onboarding_confirmed_on", "ending_confirmed_on")


class Part(NamedTuple):
    """Projects with an id above ``after`` and up to ``to``."""

    after: int
    to: int


def in_part(project_id: ColumnElement[int]) -> ColumnElement[bool]:
    """Condition: the project is in a Part, whose fields are the statement's parameters."""
    return and_(project_id > bindparam("after", type_=Integer), project_id <= bindparam("to", type_=Integer))


class Candidate(NamedTuple):
    """A project that could be flagged, with the exemption in force on the date."""

    project_id: int
    facts: Facts
    exemption_id: int | None


class Totals(NamedTuple):
    """Number of projects that an audit judges; ``up_to`` is the highest project id of all."""

    in_scope: int
    out_of_scope: int
    up_to: int


def count_projects(policy: Policy) -> Totals:
    """Count the present projects, in and out of the policy's scope."""
    up_to = db.session.execute(select(func.coalesce(func.max(Project.id), 0))).scalar_one()
    inside, everything = db.session.execute(_counts(policy.scope), {"up_to": up_to}).one()
    return Totals(inside, everything - inside, up_to)


class RestrictedProjects(NamedTuple):
    """Restricted projects among those that an audit judges, with their totals."""

    ids: frozenset[int]
    totals: Totals


def restricted_projects(policy: Policy, up_to: int) -> RestrictedProjects:
    """Return the restricted projects up to an id. They are few."""
    rows = db.session.execute(RESTRICTED, {"up_to": up_to}).all()
    in_scope = sum(kind in policy.scope for _, kind in rows)
    return RestrictedProjects(frozenset(row[0] for row in rows), Totals(in_scope, len(rows) - in_scope, up_to))


RESTRICTED: Final = (
    select(Project.id, Agency.kind)
    .join(Agency, Agency.id == Project.agency_id)
    .where(Project.is_restricted, Project.id <= bindparam("up_to", type_=Integer))
)


def parts(up_to: int) -> Iterator[Part]:
    """Split all projects up to an id into parts that fit into memory."""
    for after in range(0, up_to, IDS_AT_ONCE):
        yield Part(after, min(after + IDS_AT_ONCE, up_to))


def candidates(policy: Policy, on: date, part: Part, digest: Any) -> Iterator[Candidate]:
    """Yield the candidates of a part, ordered by id, and update the hashlib object ``digest`` with all data read."""
    # Read projects before their revisions: a revision written in between is newer than the project and skipped below.
    # In the other order the project would be judged without that revision.
    lines = db.session.scalars(_projects(policy.scope, is_sqlite()), {**part._asdict(), "on": on}).all()
    digest.update("\n".join(lines).encode())
    rows = [line.split("\t", CELLS - 1) for line in lines]
    pasts = _pasts([int(row[0]) for row in rows if row[1] != "1"], digest)
    days, numbers = _Days({MISSING_TEXT: None}), _Numbers({MISSING_TEXT: None})
    for row in rows:
        project_id, consent = int(row[0]), row[22]
        past = pasts.get(project_id, ())
        cells: tuple[Any, ...] = (
            *row[6:10],
            local_date_of_hour(row[3][:13]),
            *[days[cell] for cell in row[10:17]],
            numbers[row[17]],
            numbers[row[18]],
            None if consent == MISSING_TEXT else consent,
            days[row[19]],
            days[row[20]],
            days[row[21]],
            days[row[5]] if row[4] == "migrate_by" else None,
            tuple(revision for version, revision in past if version < int(row[1])) if past else (),
        )
        yield Candidate(project_id, Facts(*cells), numbers[row[2]])


def new_digest(policy: Policy, on: date) -> Any:
    """Return a SHA-256 object updated with the policy and the date."""
    return hashlib.sha256(f"{policy.digest} {on.isoformat()}".encode())


class _Days(dict[str, date | None]):
    """Cache of dates by their text: a million dates have only a few thousand distinct values."""

    def __missing__(self, text: str) -> date:
        day = self[text] = date.fromisoformat(text)
        return day


class _Numbers(dict[str, int | None]):
    """Cache of integers by their text."""

    def __missing__(self, text: str) -> int:
        return int(text)


@cache
def _counts(scope: frozenset[str]) -> Select[int, int]:
    return (
        select(func.count(case((Agency.kind.in_(scope), 1))), func.count())
        .select_from(Project)
        .join(Agency, Agency.id == Project.agency_id)
        .where(Project.id <= bindparam("up_to", type_=Integer))
    )


# Cached like all statements of an audit: for a small registry, building one takes longer than running it.
@cache
def _projects(scope: frozenset[str], sqlite: bool) -> Select[str]:
    order = newest_in_force(in_part(Order.project_id.expression))
    on = bindparam("on", type_=Date)
    registered_at = Project.registered_at.expression
    return as_lines(
        select(
            Project.id,
            Project.version,
            exemption_on(Project.id.expression, on),
            registered_at if sqlite else func.timezone("UTC", registered_at),
            Order.decision,
            Order.due_on,
            Agency.kind,
            Project.work_type,
            Project.stage,
            Project.placement,
            *(getattr(Project, name) for name in (*DAYS_BEFORE_MONEY, *MONEY, *DAYS_AFTER_MONEY)),
            # The only free text comes last because it may contain tabs.
            Project.consent_number,
        )
        .join(Agency, Agency.id == Project.agency_id)
        .outerjoin(order, order.c.project_id == Project.id)
        .outerjoin(Order, Order.id == order.c.order_id)
        .where(
            in_part(Project.id.expression),
            Agency.kind.in_(scope),
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


def _pasts(ids: Sequence[int], digest: Any) -> dict[int, list[tuple[int, Past]]]:
    """Return the revisions of each project with their versions, oldest first."""
    pasts: dict[int, list[tuple[int, Past]]] = {}
    if ids:
        columns = [getattr(Revision, name) for name in LAW_LOOKS_AT]
        statement = (
            select(Revision.project_id, Revision.version, *columns)
            .where(Revision.project_id.in_(ids))
            .order_by(Revision.project_id, Revision.version)
        )
        for project_id, version, *values in db.session.execute(statement):
            digest.update(repr((project_id, version, values)).encode())
            pasts.setdefault(project_id, []).append((version, Past(*values)))
    return pasts
