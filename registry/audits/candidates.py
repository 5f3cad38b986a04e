"""Audit candidates: reads the projects that could be flagged as facts, in parts of 20,000 ids.

The query skips only projects that no rule can match: agencies out of scope, withdrawn projects, and placements on the
platform verified by the date, unless a rule is in use that holds there too; where that is only the one on deployments,
it reads of these the ones whose deployments are reported. A test compares the query with the
evaluation of every project.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple
from datetime import date, datetime
from itertools import zip_longest
from operator import attrgetter
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Date, Integer, Select, and_, bindparam, case, false, func, not_, or_, select

from registry.agencies.models import Agency
from registry.audits.counting import is_counted
from registry.audits.verdicts import PROJECT_FACTS
from registry.cases.models import ORDER_FACTS, Order, newest_in_force
from registry.core.clock import local_date
from registry.core.database import db, table_of
from registry.exemptions.service import exemption_on
from registry.freeze.facts import AI_FACTS, DEPLOYMENT_FACTS, ContractTerms, EarlierRevision, Facts, Sibling
from registry.freeze.policy import NOT_JUDGED, Policy
from registry.freeze.rules import ORDER_OVERDUE, UNTESTED, judges_platform, reads_ai_systems, reads_deployments
from registry.platform.deployments import IS_REPORTED
from registry.platform.models import DEPLOYMENT
from registry.procurement.contract_terms import Contracts, contracts_of, with_former
from registry.projects.former_records import FORMER, FormerPast, Pasts, former_pasts
from registry.projects.models import STATUS, Project
from registry.projects.objects import Siblings, siblings_of_register
from registry.projects.revisions import CONFIRMED, LAW_LOOKS_AT, UNDONE, confirmed_of, past_of, stored_revisions
from registry.projects.visibility import IS_RESTRICTED

IDS_AT_ONCE = 20_000
of_edits = attrgetter(*UNDONE)
law_of = attrgetter(*LAW_LOOKS_AT)
# What only newer policies read of a project (``read_by``), and the facts that all read.
OF_TESTS: Final = ("security_conclusion_number", "security_conclusion_on")
READ_ALWAYS: Final = tuple(name for name in PROJECT_FACTS if name not in (*OF_TESTS, *AI_FACTS))
NEWER: Final = (*OF_TESTS, *AI_FACTS, CONFIRMED, "order_end_by", *DEPLOYMENT_FACTS)


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


def count_projects(policy: Policy, up_to: int | None = None) -> Totals:
    """Count the present projects, in and out of the policy's scope, from the table of statuses alone.

    ``up_to``: without those registered later.
    """
    if up_to is None:
        up_to = db.session.execute(select(func.coalesce(func.max(Project.id), 0))).scalar_one()
    inside, everything = db.session.execute(_counts(policy.scope), {"up_to": up_to}).one()
    return Totals(int(inside), int(everything - inside), up_to)


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
    .where(IS_RESTRICTED, Project.withdrawn_at.is_(None), Project.id <= bindparam("up_to", type_=Integer))
)


def parts(up_to: int) -> Iterator[Part]:
    """Split all projects up to an id into parts that fit into memory."""
    for after in range(0, up_to, IDS_AT_ONCE):
        yield Part(after, min(after + IDS_AT_ONCE, up_to))


def candidates(
    policy: Policy,
    on: date,
    part: Part,
    digest: Any,
    ids: Sequence[int] | None = None,
    siblings: Siblings | None = None,
    contracts: Contracts | None = None,
) -> Iterator[Candidate]:
    """Yield the candidates of a part, ordered by id, and update the hashlib object ``digest`` with all data read.

    ``ids``: only those of the part. ``siblings``: what each counts of others, ``contracts``: those of
    all projects; read here without them.
    ``digest`` covers the ``repr`` of each row as it was read: all projects of a part, then their revisions.
    """
    # Read projects before their revisions: a revision written in between is newer than the project and skipped below.
    # In the other order the project would be judged without that revision.
    statement = _projects(policy)
    if ids is not None:
        statement = statement.where(table_of(Project).c.id.in_(ids))
    rows = db.session.execute(statement, {**part._asdict(), "on": on}).all()
    for row in rows:
        digest.update(repr((*tuple(row)[: -len(NEWER)], *read_by(policy, row._mapping))).encode())
    former: Pasts = {}
    if policy.edit_severity != NOT_JUDGED:
        of_part = in_part(FORMER.project_id) if ids is None else FORMER.project_id.in_(ids)
        former = former_pasts(of_part, part._asdict())
    counted = siblings_of_register(policy, part.to) if siblings is None else siblings
    present = {row.id: (row.version, row._mapping) for row in rows}
    signed = contracts_of(policy) if contracts is None else contracts
    past = pasts_of(present, former, counted, signed, policy, digest)
    for row in rows:
        facts = facts_of_row(
            row._mapping,
            row.agency_kind,
            row.registered_at,
            row._mapping,
            row._mapping,
            past.get(row.id, ()),
            former.get(row.id, ()),
            counted.get(row.id, ()),
            with_former(signed, row.id, former.get(row.id, ())),
        )
        yield Candidate(row.id, facts, row.exemption_id)


def facts_of_row(
    row: Mapping[Any, Any],
    agency_kind: str,
    registered_at: datetime,
    order: Mapping[Any, Any],
    deployments: Mapping[Any, Any],
    past: tuple[EarlierRevision, ...],
    former: Iterable[FormerPast] = (),
    siblings: tuple[Sibling, ...] = (),
    contracts: tuple[ContractTerms, ...] = (),
) -> Facts:
    """Return the facts of a project whose columns are in a row."""
    return Facts(
        agency_kind=agency_kind,
        registered_on=local_date(registered_at),
        **{name: order[name] for name in ORDER_FACTS},
        **{name: deployments[name] for name in DEPLOYMENT_FACTS},
        past=past,
        former=tuple(each.past for each in former),
        siblings=siblings,
        contracts=contracts,
        confirmed=confirmed_of(row[CONFIRMED]),
        **{name: row[name] for name in PROJECT_FACTS},
    )


def read_by(policy: Policy, row: Mapping[Any, Any]) -> tuple[Any, ...]:
    """Return what only newer policies read of a project, so that audits by others are repeated with the same digest."""
    of_rules = (policy.rules[ORDER_OVERDUE].enabled, policy.rules[UNTESTED].enabled, reads_ai_systems(policy))
    is_read = (policy.confirmed_facts, *of_rules, reads_deployments(policy))
    names = (CONFIRMED,), ("order_end_by",), OF_TESTS, AI_FACTS, DEPLOYMENT_FACTS
    return tuple(row[name] for read, each in zip(is_read, names, strict=True) if read for name in each)


def new_digest(policy: Policy, on: date) -> Any:
    """Return a SHA-256 object updated with the policy and the date."""
    return hashlib.sha256(f"{policy.digest} {on.isoformat()}".encode())


def _counts(scope: frozenset[str]) -> Select[int, int]:
    # By agency first, so that agencies are joined once each.
    of_agencies = (
        select(STATUS.c.agency_id, func.count().label("projects"))
        .where(STATUS.c.project_id <= bindparam("up_to", type_=Integer), is_counted())
        .group_by(STATUS.c.agency_id)
        .subquery("of_agencies")
    )
    inside = case((Agency.kind.in_(scope), of_agencies.c.projects), else_=0)
    return (
        select(func.coalesce(func.sum(inside), 0), func.coalesce(func.sum(of_agencies.c.projects), 0))
        .select_from(of_agencies)
        .join(Agency, Agency.id == of_agencies.c.agency_id)
    )


def _projects(policy: Policy) -> Select[*tuple[Any, ...]]:
    project, agency, order = table_of(Project).c, table_of(Agency).c, table_of(Order).c
    newest = newest_in_force(in_part(order.project_id))
    on = bindparam("on", type_=Date)
    is_verified = and_(
        project.placement == "on_platform",
        project.placement_verified_on.is_not(None),
        project.placement_verified_on <= on,
    )
    is_reported = DEPLOYMENT.c.id.is_not(None) if reads_deployments(policy) else false()
    return (
        select(
            project.id,
            project.version,
            project.registered_at,
            *(project[name] for name in READ_ALWAYS),
            agency.kind.label("agency_kind"),
            case((order.decision == "migrate_by", order.due_on)).label("order_migrate_by"),
            exemption_on(project.id, on).label("exemption_id"),
            # The last are those of ``NEWER``.
            *(project[name] for name in (*OF_TESTS, *AI_FACTS, CONFIRMED)),
            case((order.decision.in_(ORDER_FACTS["order_end_by"]), order.due_on)).label("order_end_by"),
            DEPLOYMENT.c.is_reported.label("deployments_reported"),
            DEPLOYMENT.c.last_deployed_on,
        )
        .join(table_of(Agency), agency.id == project.agency_id)
        .outerjoin(newest, newest.c.project_id == project.id)
        .outerjoin(table_of(Order), order.id == newest.c.order_id)
        .outerjoin(DEPLOYMENT, IS_REPORTED)
        .where(
            in_part(project.id),
            project.withdrawn_at.is_(None),
            agency.kind.in_(policy.scope),
            *(() if judges_platform(policy) else (or_(not_(is_verified), is_reported),)),
        )
        .order_by(project.id)
    )


def pasts_of(
    present: Mapping[int, tuple[int, Mapping[Any, Any]]],
    former: Pasts,
    siblings: Siblings,
    contracts: Contracts,
    policy: Policy,
    digest: Any,
) -> dict[int, tuple[EarlierRevision, ...]]:
    """Return the earlier revisions of each project, oldest first, and update ``digest`` with all revisions.

    ``present``: version and values of each project, by id. Later revisions are passed over. ``digest`` gets of each
    project its revisions, then what is judged of its former records, then what it counts of others, then its contracts.
    """
    pasts: dict[int, tuple[EarlierRevision, ...]] = {}
    edited = [project_id for project_id, (version, _) in present.items() if version > 1]
    stored_by_id = stored_revisions(edited)
    with_more = former.keys() | siblings.keys() | contracts.keys()
    for project_id in sorted({*stored_by_id, *(with_more & present.keys())}):
        version, values = present[project_id]
        revisions = stored_by_id.get(project_id, ())
        known = [each for each in revisions if each.version <= version]
        past = past_of(values, known)
        if known:
            pasts[project_id] = past
        for stored, each in zip_longest(known, past):
            # A policy that does not judge edits reads no more, and audits by it are repeated with the same digest.
            more = () if each is None or policy.edit_severity == NOT_JUDGED else (*of_edits(each), each.replaced_on)
            if policy.confirmed_facts and more and each is not None:
                more = (*more, each.confirmed)
            digest.update(repr((project_id, stored.version, *stored.law, *more)).encode())
        for record in former.get(project_id, ()):
            of_record = ((*law_of(each), *of_edits(each), each.replaced_on) for each in record.past)
            digest.update(repr((project_id, "former", record.id, *of_record)).encode())
        if project_id in siblings:
            counted = (astuple(each) for each in siblings[project_id])
            digest.update(repr((project_id, "siblings", *counted)).encode())
        if signed := with_former(contracts, project_id, former.get(project_id, ())):
            digest.update(repr((project_id, "contracts", *map(astuple, signed))).encode())
    return pasts
