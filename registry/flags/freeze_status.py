"""The freeze status and the severity of projects: worked out from flags and the last good audit, and stored with them.

Whatever changes a flag, the scope or what an audit has seen updates the projects concerned in the same transaction:
audits, their voiding, approved decisions, revoked exemptions, and another kind of an agency.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, and_, case, func, or_, select, update

from registry.agencies.models import Agency
from registry.core.database import db, require_transaction, table_of
from registry.core.dialects import is_among
from registry.core.record_guards import COPIED
from registry.flags.models import FLAGS, IS_ACTIVE, SEVERITY_RANK, AuditRun, FlagStatus, newest_good, rank
from registry.freeze.policy import Policy, policy_in_force
from registry.freeze.vocabulary import Severity
from registry.projects.models import PROJECT, STATUS, lock_projects
from registry.projects.vocabulary import FreezeStatus

AGENCY: Final = table_of(Agency)
STATUS_RANK: Final = {FlagStatus.OPEN.value: 4, FlagStatus.EXEMPT.value: 2, FlagStatus.ACCEPTED.value: 1}
# Of an open flag of the plan's severity.
RANK_OF_PLAN: Final = 3
STATUS_OF_RANK: Final = {
    4: FreezeStatus.FLAGGED.value,
    RANK_OF_PLAN: FreezeStatus.TO_MIGRATE.value,
    2: FreezeStatus.EXEMPT.value,
    1: FreezeStatus.ACCEPTED.value,
}


def update_freeze_status(at: datetime, *which: ColumnElement[bool]) -> None:
    """Store where the projects stand now whose statuses fit, as changed ``at``, inside the open transaction.

    Flags, agencies and the audit run must have been flushed.
    """
    # A statement of its own: what was committed while it waited for the locks is seen by the next one.
    lock_projects(PROJECT.c.id.in_(select(STATUS.c.project_id).where(*which)))
    write_freeze_status(at, policy_in_force(), *which)


def write_freeze_status(at: datetime, policy: Policy, *which: ColumnElement[bool]) -> None:
    """The same by this policy, of projects that the open transaction has locked."""
    status = computed_freeze_status(policy)
    values = {"freeze_status": status, "severity": computed_severity(), "changed_at": at}
    require_transaction().execute(update(STATUS).where(*which).values(values))


def update_freeze_status_of_agency(agency_id: int, fields: frozenset[str], at: datetime) -> None:
    """The kind of an agency decides whether its projects are in scope."""
    if "kind" in fields:
        update_freeze_status(at, STATUS.c.agency_id == agency_id)


def policy_basis(policy: Policy) -> dict[str, list[str]]:
    """Return what the displayed values of every project depend on in the policy: its scope and its start clock."""
    return {"scope": sorted(policy.scope), "start_clock": sorted(policy.start_clock)}


def not_judged_as_they_stand(project_id: int | None = None) -> frozenset[int]:
    """Return the ids of projects, or that of one, that were registered or changed since the last good audit read
    them.
    """
    run = table_of(AuditRun).c
    read = newest_good(run.judged_up_to, func.coalesce(run.known_at, run.started_at))
    last = db.session.execute(read).first()
    which = [] if last is None else [or_(PROJECT.c.id > last[0], PROJECT.c.updated_at > last[1])]
    if project_id is not None:
        which.append(PROJECT.c.id == project_id)
    return frozenset(db.session.scalars(select(PROJECT.c.id).where(*which)))


def rank_of_flag(status: str, severity: str) -> int:
    """Return the rank of an active flag among those of its project: that of the highest is the project's status."""
    return RANK_OF_PLAN if (status, severity) == (FlagStatus.OPEN, Severity.PLAN) else STATUS_RANK[status]


def computed_freeze_status(policy: Policy) -> ColumnElement[str]:
    """Return the status of a project, worked out, as SQL on the table of statuses."""
    kind = select(AGENCY.c.kind).where(AGENCY.c.id == STATUS.c.agency_id).correlate_except(AGENCY).scalar_subquery()
    withdrawn = select(PROJECT.c.id).where(PROJECT.c.withdrawn_at.is_not(None))
    judged_up_to = newest_good(table_of(AuditRun).c.judged_up_to).scalar_subquery()
    of_plan = and_(FLAGS.c.status == FlagStatus.OPEN.value, FLAGS.c.severity == Severity.PLAN.value)
    worst = _worst_flag(case((of_plan, RANK_OF_PLAN), else_=case(STATUS_RANK, value=FLAGS.c.status)))
    return case(
        (STATUS.c.project_id.in_(withdrawn), FreezeStatus.WITHDRAWN.value),
        (kind.not_in(sorted(policy.scope)), FreezeStatus.OUT_OF_SCOPE.value),
        (STATUS.c.project_id > func.coalesce(judged_up_to, 0), FreezeStatus.UNAUDITED.value),
        else_=case(STATUS_OF_RANK, value=worst, else_=FreezeStatus.CLEAR.value),
    )


def computed_severity() -> ColumnElement[str | None]:
    """Return the severity of a project's highest active flag, NULL for none, worked out, as SQL on the table of
    statuses.
    """
    return case({number: name for name, number in SEVERITY_RANK.items()}, value=_worst_flag(rank(FLAGS.c.severity)))


def wrong_freeze_statuses(policy: Policy) -> frozenset[int]:
    """Return the ids of projects whose stored status or severity does not follow from their flags by this policy, or
    whose status repeats of them what they do not have: by its agency it would be out of scope.
    """
    differs = or_(
        STATUS.c.freeze_status != computed_freeze_status(policy),
        STATUS.c.severity.is_distinct_from(computed_severity()),
        *(STATUS.c[name].is_distinct_from(PROJECT.c[name]) for name in COPIED),
    )
    of_project = select(STATUS.c.project_id).join(PROJECT, PROJECT.c.id == STATUS.c.project_id)
    return frozenset(db.session.scalars(of_project.where(differs)))


def repeat_projects(ids: Collection[int]) -> None:
    """Let the statuses of these projects repeat what the projects have, inside the open transaction."""
    which = (is_among(STATUS.c.project_id, ids), STATUS.c.project_id == PROJECT.c.id)
    require_transaction().execute(update(STATUS).where(*which).values({name: PROJECT.c[name] for name in COPIED}))


def _worst_flag(number: ColumnElement[int]) -> ColumnElement[int | None]:
    active = select(func.max(number)).where(FLAGS.c.project_id == STATUS.c.project_id, IS_ACTIVE)
    return active.correlate_except(FLAGS).scalar_subquery()
