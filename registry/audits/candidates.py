"""Audit candidates: reads the projects that could be flagged as facts, in parts of 20,000 ids.

The query skips only projects that no rule can match: agencies out of scope, withdrawn projects, and placements on the
platform verified by the date, unless a rule is in use that holds there too; where that is only the one on deployments,
it reads of these the ones whose deployments are reported. A test compares the query with the
evaluation of every project.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple
from datetime import date, datetime
from itertools import zip_longest
from operator import attrgetter
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Date, Integer, Select, and_, bindparam, case, cast, false, func, not_, or_, select

from registry.agencies.models import Agency
from registry.audits.counting import is_counted
from registry.audits.verdicts import PROJECT_FACTS
from registry.cases.models import ORDER_FACTS, Order, newest_in_force
from registry.core.clock import local_date
from registry.core.database import db, table_of
from registry.core.dialects import is_among
from registry.exemptions.service import exemption_on
from registry.flags.models import FLAGS, IS_ACTIVE
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
from registry.projects.vocabulary import FreezeStatus

IDS_AT_ONCE = 20_000
DIGEST_SIZE: Final = hashlib.sha256().digest_size
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


# How a count of an audit names the projects that stand so, by their freeze status.
COUNTED_AS: Final[Mapping[str, str]] = {
    FreezeStatus.FLAGGED.value: "projects_flagged",
    FreezeStatus.TO_MIGRATE.value: "projects_to_migrate",
    FreezeStatus.EXEMPT.value: "projects_exempt",
}
_up_to = bindparam("up_to", type_=Integer)


def highest_id() -> int:
    """Return the highest id of a project; ids follow the order of commits."""
    return db.session.scalar(select(func.max(STATUS.c.project_id))) or 0


def counts_of_others(policy: Policy, up_to: int, compared: Collection[int] = ()) -> tuple[Counter[str], Counter[str]]:
    """Count the present projects up to an id, in and out of the policy's scope, and what stands of those that are not
    ``compared``: by freeze status, and their active flags as kept. Returns the counts of all, and of restricted ones.
    """
    counts, restricted = Counter[str](), Counter[str]()

    def add(name: str | None, count: int, *, is_restricted: bool) -> None:
        if name is not None:
            counts[name] += count
            restricted[name] += count if is_restricted else 0

    for kind, status, is_restricted, count in db.session.execute(_projects_by_kind(), {"up_to": up_to}):
        add("projects_judged" if kind in policy.scope else "projects_out_of_scope", count, is_restricted=is_restricted)
        add(COUNTED_AS.get(status), count, is_restricted=is_restricted)
    flags = select(func.count()).select_from(FLAGS).where(IS_ACTIVE)
    add("flags_kept", db.session.execute(flags).scalar_one(), is_restricted=False)
    of_restricted = flags.join(STATUS, STATUS.c.project_id == FLAGS.c.project_id).where(STATUS.c.is_restricted)
    restricted["flags_kept"] += db.session.execute(of_restricted).scalar_one()
    if not compared:
        return counts, restricted
    some = is_among(STATUS.c.project_id, compared)
    for _, status, is_restricted, count in db.session.execute(_projects_by_kind(some), {"up_to": up_to}):
        add(COUNTED_AS.get(status), -count, is_restricted=is_restricted)
    of_some = select(STATUS.c.is_restricted, func.count()).join(FLAGS, FLAGS.c.project_id == STATUS.c.project_id)
    for is_restricted, count in db.session.execute(of_some.where(IS_ACTIVE, some).group_by(STATUS.c.is_restricted)):
        add("flags_kept", -count, is_restricted=is_restricted)
    return counts, restricted


def restricted_among(ids: Collection[int]) -> frozenset[int]:
    """Return those of the projects that are restricted."""
    among = is_among(STATUS.c.project_id, ids)
    return frozenset(db.session.scalars(select(STATUS.c.project_id).where(STATUS.c.is_restricted, among)))


class InputDigest:
    """What was read of each project up to an id: the SHA-256 that its lines make one after the other, by its id."""

    def __init__(self, up_to: int) -> None:
        self._of_projects = bytearray(DIGEST_SIZE * (up_to + 1))

    def update(self, line: bytes) -> None:
        """Take the next line of a project, with whose id it begins."""
        place = DIGEST_SIZE * int(line[1 : line.index(b",")])
        before = self._of_projects[place : place + DIGEST_SIZE]
        self._of_projects[place : place + DIGEST_SIZE] = hashlib.sha256(before + line).digest()

    def extend(self, up_to: int) -> None:
        """Take lines of projects up to this id, of which the later ones have none yet."""
        self._of_projects.extend(bytes(DIGEST_SIZE * (up_to + 1) - len(self._of_projects)))

    def forget(self, ids: Iterable[int]) -> None:
        """Take the lines of these projects again, from the first."""
        for project_id in ids:
            self._of_projects[DIGEST_SIZE * project_id : DIGEST_SIZE * (project_id + 1)] = bytes(DIGEST_SIZE)

    def hexdigest(self, policy: Policy, on: date, before: str | None, judged: Iterable[int] | None) -> str:
        """Return the SHA-256 of the policy, the date and all that was read; of an audit that continues another one of
        the digest ``before`` too, and of the projects ``judged``.
        """
        digest = new_digest(policy, on)
        if judged is None:
            digest.update(self._of_projects)
        else:
            digest.update((before or "").encode())
            for project_id in sorted(judged):
                digest.update(self._of_projects[DIGEST_SIZE * project_id : DIGEST_SIZE * (project_id + 1)])
        return str(digest.hexdigest())


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
    """Yield the candidates of a part, ordered by id, and update ``digest`` with all data read, as a hashlib object.

    ``ids``: only those of the part, no more than a statement can hold. ``siblings``: what each counts of others,
    ``contracts``: those of all projects; read here without them.
    ``digest`` covers the ``repr`` of each row as it was read: all projects of a part, then their revisions.
    """
    # Read projects before their revisions: a revision written in between is newer than the project and skipped below.
    # In the other order the project would be judged without that revision.
    rows = db.session.execute(_projects(policy, ids), {**part._asdict(), "on": on}).all()
    for row in rows:
        digest.update(repr((*tuple(row)[: -len(NEWER)], *read_by(policy, row._mapping))).encode())
    former: Pasts = {}
    if policy.edit_severity != NOT_JUDGED:
        former = former_pasts(and_(*_of_part(FORMER.project_id, ids)), part._asdict())
    counted = siblings_of_register(policy, part.to) if siblings is None else siblings
    present = {row.id: (row.version, row._mapping) for row in rows}
    if contracts is None:
        records = None if ids is None else {*ids, *(each.id for of in former.values() for each in of)}
        contracts = contracts_of(policy, records)
    signed = contracts
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


def _projects_by_kind(*which: ColumnElement[bool]) -> Select[str, str, bool, int]:
    """Count by the kind of agency, freeze status and restriction."""
    # By agency first, so that agencies are joined once each.
    alike = (STATUS.c.agency_id, STATUS.c.freeze_status, STATUS.c.is_restricted)
    of_agencies = (
        select(*alike, func.count().label("projects"))
        .where(STATUS.c.project_id <= _up_to, is_counted(), *which)
        .group_by(*alike)
        .subquery("of_agencies")
    )
    columns = (Agency.kind, of_agencies.c.freeze_status, of_agencies.c.is_restricted)
    counted = cast(func.sum(of_agencies.c.projects), Integer)
    return (
        select(*columns, counted)
        .select_from(of_agencies)
        .join(Agency, Agency.id == of_agencies.c.agency_id)
        .group_by(*columns)
    )


def _of_part(project_id: ColumnElement[int], ids: Collection[int] | None) -> tuple[ColumnElement[bool], ...]:
    return (in_part(project_id), *(() if ids is None else (is_among(project_id, ids),)))


def _projects(policy: Policy, ids: Collection[int] | None) -> Select[*tuple[Any, ...]]:
    project, agency, order = table_of(Project).c, table_of(Agency).c, table_of(Order).c
    newest = newest_in_force(*_of_part(order.project_id, ids))
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
            *_of_part(project.id, ids),
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
        if counted := siblings.get(project_id):
            of_others = map(astuple, counted)
            digest.update(repr((project_id, "siblings", *of_others)).encode())
        if signed := with_former(contracts, project_id, former.get(project_id, ())):
            digest.update(repr((project_id, "contracts", *map(astuple, signed))).encode())
    return pasts
