"""Case sync: cases follow their flags after an audit, a withdrawal or the revocation of an exemption."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from registry.accounts.roles import Actor
from registry.cases.models import CASE, Case, CaseDecision, CaseEvent, CaseFlag, add_event
from registry.cases.queries import find_case_to_change
from registry.cases.service import end_appeal, end_orders, end_proposal, send_back
from registry.cases.transitions import waiting_proposal
from registry.cases.vocabulary import AppealOutcome, AuditEvent, FurtherEvent, Status
from registry.core.clock import national_calendar, now, today
from registry.core.database import Instant, db, require_transaction, transaction
from registry.core.dialects import is_among, refresh_statistics, update_rows
from registry.exemptions.models import Exemption
from registry.exemptions.service import exemption_in_force, find_exemption, find_exemption_to_change, record_revocation
from registry.flags.freeze_status import update_freeze_status
from registry.flags.models import ACTIVE_STATUSES, SEVERITY_RANK, Flag, FlagStatus, lock_flags_for_review, rank
from registry.freeze.policy import Policy
from registry.freeze.vocabulary import Severity
from registry.journal import service as journal
from registry.projects.models import PROJECT, STATUS, lock_projects

# Queries for case sync: the cases that an audit opens or moves, from the current state of flags and cases.
#
# Statements that depend on the audit take its id as the parameter ``AUDIT``. ``projects``: ids of those to look at,
# None for all.

AUDIT: Final = "audit"
_audit = sa.bindparam(AUDIT, type_=sa.Integer)
Projects = Collection[int] | None


def accepted_no_more(projects: Projects = None) -> sa.Select[int]:
    """Newest case of each project without an open case, when it covers a flag that is open again."""
    return (
        sa.select(sa.func.max(Case.id))
        .join(CaseFlag, CaseFlag.case_id == Case.id)
        .join(Flag, Flag.id == CaseFlag.flag_id)
        .where(Flag.status == "open", Case.status == Status.CLOSED, sa.not_(_open_case(Flag.project_id.expression)))
        .where(*_of(Case.project_id, projects))
        .group_by(Case.project_id)
    )


def projects_without_case(from_severity: str, projects: Projects = None) -> sa.Select[int]:
    """Projects with an open flag of at least this severity and no open case."""
    heavy = Severity(from_severity).and_above()
    return sa.select(Flag.project_id).where(
        Flag.status == "open",
        Flag.severity.in_(heavy),
        sa.not_(_open_case(Flag.project_id.expression)),
        *_of(Flag.project_id, projects),
    )


def projects_with_open_case(*which: sa.ColumnElement[bool]) -> sa.Select[int]:
    """Projects with an open case, of the cases that fit."""
    return sa.select(Case.project_id).where(Case.status != Status.CLOSED, *which)


def flags_of_closed_cases(*which: sa.ColumnElement[bool]) -> sa.Select[int]:
    """Flags that a closed case covers, of the cases that fit: open again, they reopen it instead of opening another."""
    covered = sa.select(CaseFlag.flag_id).join(Case, Case.id == CaseFlag.case_id)
    return covered.where(Case.status == Status.CLOSED, *which)


def uncovered(projects: Projects = None) -> sa.Select[int, int]:
    """Pairs of an open case and an active flag of its project that the case does not cover yet."""
    return (
        sa.select(Case.id, Flag.id)
        .join(Flag, Flag.project_id == Case.project_id)
        .where(
            Case.status != Status.CLOSED,
            Flag.status != "cleared",
            sa.not_(
                sa.exists(sa.select(CaseFlag.flag_id).where(CaseFlag.case_id == Case.id, CaseFlag.flag_id == Flag.id))
            ),
            *_of(Case.project_id, projects),
        )
    )


def with_new_flags(projects: Projects = None) -> sa.Select[int]:
    """Cases opened before this AUDIT with a flag that they do not cover yet."""
    before = sa.func.coalesce(Case.opened_by_audit, 0) != _audit
    return uncovered(projects).with_only_columns(Case.id).where(before).distinct()


def flagged_again(projects: Projects = None) -> sa.Select[int]:
    """Cases that wait for confirmation and have an active flag again."""
    return sa.select(Case.id).where(
        Case.status == Status.AWAITING_CONFIRMATION, _has_active_flag(*ACTIVE_STATUSES), *_of(Case.project_id, projects)
    )


def exempt_no_more(projects: Projects = None) -> sa.Select[int]:
    """Cases that wait for the Commission because of an exemption that has ended."""
    return sa.select(Case.id).where(
        Case.status == Status.WITH_COMMISSION,
        Case.exempt_since.is_not(None),
        sa.not_(_has_active_flag("exempt")),
        _has_active_flag(*ACTIVE_STATUSES),
        *_of(Case.project_id, projects),
    )


def cleared(projects: Projects = None) -> sa.Select[int]:
    """Cases without a flag that keeps them open, except cases that people reopened before this AUDIT."""
    return sa.select(Case.id).where(
        Case.status.not_in((Status.CLOSED, Status.AWAITING_CONFIRMATION)),
        sa.not_(_has_active_flag(*ACTIVE_STATUSES)),
        sa.or_(Case.status == Status.REMEDIATION, sa.not_(_taken_back()), _cleared_by_audit()),
        *_of(Case.project_id, projects),
    )


def exempted(projects: Projects = None) -> sa.Select[int]:
    """Cases with an exempt flag and no open flag that do not wait for the Commission yet."""
    return sa.select(Case.id).where(
        Case.status.in_((Status.NEW, Status.UNDER_REVIEW, Status.WITH_COMMISSION)),
        Case.exempt_since.is_(None),
        sa.not_(_has_active_flag("open")),
        _has_active_flag("exempt"),
        *_of(Case.project_id, projects),
    )


def changed_severities(projects: Projects = None) -> sa.Select[int, int]:
    """Open cases whose severity differs from that of their highest active flag, with that flag's rank."""
    worst = (
        sa.select(Flag.project_id, sa.func.max(rank(Flag.severity.expression)).label("worst"))
        .where(Flag.status != "cleared", *_of(Flag.project_id, projects))
        .group_by(Flag.project_id)
        .subquery()
    )
    return (
        sa.select(Case.id, worst.c.worst)
        .join(worst, worst.c.project_id == Case.project_id)
        .where(Case.status != Status.CLOSED, rank(Case.severity.expression) != worst.c.worst)
    )


def _of(project_id: Any, projects: Projects) -> tuple[sa.ColumnElement[bool], ...]:
    return () if projects is None else (is_among(project_id, projects),)


def _open_case(project_id: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    other = aliased(Case)
    return sa.exists(sa.select(other.id).where(other.project_id == project_id, other.status != Status.CLOSED))


def _has_active_flag(*statuses: str) -> sa.ColumnElement[bool]:
    """Condition: the case's project has a flag with one of the statuses and of a severity that keeps the case open."""
    return sa.exists(
        sa.select(Flag.id)
        .where(
            Flag.project_id == Case.project_id,
            Flag.status.in_(statuses),
            rank(Flag.severity.expression) >= rank(Case.from_severity.expression),
        )
        .correlate(Case)
    )


def _taken_back() -> sa.ColumnElement[bool]:
    """Condition: people reopened the case after its flags cleared. Audits keep this until another flag clears."""
    return sa.exists(
        sa.select(CaseEvent.id)
        .where(
            CaseEvent.case_id == Case.id,
            CaseEvent.side != "audit",
            CaseEvent.from_status.in_((Status.AWAITING_CONFIRMATION, Status.CLOSED)),
            CaseEvent.to_status.not_in((Status.AWAITING_CONFIRMATION, Status.CLOSED)),
        )
        .correlate(Case)
    )


def _cleared_by_audit() -> sa.ColumnElement[bool]:
    return sa.exists(
        sa.select(Flag.id).where(Flag.project_id == Case.project_id, Flag.cleared_by_audit == _audit).correlate(Case)
    )


# Case sync: after an audit, opens, reopens and moves cases so that they match their flags.
#
# It compares the current state of flags and cases, not the audit's changes; it therefore repairs earlier omissions
# and is idempotent. It runs inside the audit's transaction, after the flags are written and under the exclusive flag
# lock, so nobody sees flags without their cases. Each step first reads the ids, usually none, and then writes in bulk.

MANY: Final = 1000
WAITING_FOR_REVIEWER: Final = (Status.NEW, Status.UNDER_REVIEW, Status.AWAITING_APPROVAL, Status.AWAITING_CONFIRMATION)
SEVERITY_NAMES: Final = {number: name for name, number in SEVERITY_RANK.items()}
STATUS_WHEN_REOPENED: Final[sa.ColumnElement[str]] = sa.case(
    (Case.assignee_account_id.is_(None), Status.NEW.value), else_=Status.UNDER_REVIEW.value
)


@dataclass(frozen=True, slots=True)
class _AuditContext:
    audit_id: int
    on: date
    at: datetime
    review_days: int
    projects: Collection[int] | None

    @property
    def review_until(self) -> sa.ColumnElement[date]:
        # Computed when a statement needs it, so that an audit without changes does not load the holiday calendar.
        return sa.bindparam(None, callable_=lambda: national_calendar().after(today(), self.review_days), type_=sa.Date)


def sync_cases(
    audit_id: int, on: date, at: datetime, policy: Policy, projects: Collection[int] | None = None
) -> dict[str, Any]:
    """Bring every case in line with its flags. Return the changes, JSON-ready: ids by kind, without empty kinds.

    ``opened`` has the first id, the last id and the count. ``at`` is the ``changed_at`` of the cases.
    ``projects``: the ids of those to look at, None for all.
    """
    audit = _AuditContext(audit_id, on, at, policy.deadlines.review, projects)
    return _bring_in_line(audit, policy.case_from_severity) if projects is None or projects else {}


def _bring_in_line(audit: _AuditContext, from_severity: str) -> dict[str, Any]:
    projects = audit.projects
    reopened = _ids(audit, accepted_no_more(projects))
    _move(
        audit,
        reopened,
        AuditEvent.REOPENED.value,
        STATUS_WHEN_REOPENED,
        due_on=audit.review_until,
        closed_at=None,
        outcome=None,
    )
    opened = _open(audit, from_severity)
    flagged = _ids(audit, with_new_flags(projects))
    _note(audit, flagged, AuditEvent.FLAGGED.value, Case.status.expression)
    if opened or flagged:
        _cover(audit)
    returned = _ids(audit, flagged_again(projects))
    _move(audit, returned, AuditEvent.REOPENED.value, STATUS_WHEN_REOPENED, exempt_since=None)
    expired = _ids(audit, exempt_no_more(projects))
    _move(audit, expired, AuditEvent.REOPENED.value, STATUS_WHEN_REOPENED, due_on=audit.review_until, exempt_since=None)
    to_confirm = _ids(audit, cleared(projects))
    _lapse(audit, to_confirm)
    goes_on = sa.case((Case.status.in_(WAITING_FOR_REVIEWER), Case.due_on), else_=audit.review_until)
    stopped: dict[str, Any] = {"review_days_left": None, "exempt_since": None}
    _move(
        audit,
        to_confirm,
        AuditEvent.CLEARED.value,
        sa.literal(Status.AWAITING_CONFIRMATION.value),
        due_on=goes_on,
        **stopped,
    )
    exempt_now = _ids(audit, exempted(projects))
    exempt: dict[str, Any] = {"exempt_since": audit.on, "due_on": None, "review_days_left": None}
    _move(audit, exempt_now, AuditEvent.EXEMPTED.value, sa.literal(Status.WITH_COMMISSION.value), **exempt)
    _refresh_severities(audit)
    changes = {
        AuditEvent.OPENED.value: opened,
        AuditEvent.REOPENED.value: sorted({*reopened, *returned, *expired}),
        AuditEvent.FLAGGED.value: flagged,
        AuditEvent.CLEARED.value: to_confirm,
        AuditEvent.EXEMPTED.value: exempt_now,
    }
    return {name: what for name, what in changes.items() if what}


def _open(audit: _AuditContext, from_severity: str) -> dict[str, int]:
    session = require_transaction()
    without = projects_without_case(from_severity, audit.projects)
    if session.scalar(without.limit(1)) is None:
        return {}
    worst = sa.func.max(rank(Flag.severity.expression))
    flagged = (
        without.with_only_columns(
            Flag.project_id,
            sa.literal(Status.NEW.value),
            sa.case(SEVERITY_NAMES, value=worst),
            sa.literal(from_severity),
            sa.literal(audit.at, Instant),
            sa.literal(audit.audit_id),
            audit.review_until,
            sa.literal(1),
            sa.literal(audit.at, Instant),
        )
        .group_by(Flag.project_id)
        .order_by(Flag.project_id)
    )
    columns = ["project_id", "status", "severity", "from_severity", "opened_at", "opened_by_audit", "due_on"]
    columns += ["version", "changed_at"]
    before = session.scalar(sa.select(sa.func.coalesce(sa.func.max(Case.id), 0)))
    session.execute(sa.insert(Case).from_select(columns, flagged))
    opened_now = (Case.opened_by_audit == audit.audit_id, Case.id > before)
    count, first, last = session.execute(
        sa.select(sa.func.count(), sa.func.min(Case.id), sa.func.max(Case.id)).where(*opened_now)
    ).one()
    if count >= MANY:
        refresh_statistics(session, "cases")
    _add_events(audit, AuditEvent.OPENED.value, Case.status.expression, *opened_now)
    return {"count": count, "first": first, "last": last}


def _cover(audit: _AuditContext) -> None:
    require_transaction().execute(sa.insert(CaseFlag).from_select(["case_id", "flag_id"], uncovered(audit.projects)))


def _ids(audit: _AuditContext, statement: sa.Select[int]) -> list[int]:
    return sorted(db.session.scalars(statement, {AUDIT: audit.audit_id}))


def _move(audit: _AuditContext, ids: Sequence[int], action: str, to: sa.ColumnElement[str], **values: Any) -> None:
    _add_events_of(audit, ids, action, to)
    if ids:
        moved = sa.update(Case).where(is_among(CASE.c.id, ids))
        _execute(moved.values(status=to, version=Case.version + 1, changed_at=audit.at, **values))


def _note(audit: _AuditContext, ids: Sequence[int], action: str, status: sa.ColumnElement[str]) -> None:
    _add_events_of(audit, ids, action, status)
    if ids:
        noted = sa.update(Case).where(is_among(CASE.c.id, ids))
        _execute(noted.values(version=Case.version + 1, changed_at=audit.at))


def _lapse(audit: _AuditContext, ids: Sequence[int]) -> None:
    if ids:
        waiting = (is_among(CaseDecision.case_id.expression, ids), CaseDecision.outcome.is_(None))
        _execute(sa.update(CaseDecision).where(*waiting).values(outcome="lapsed", decided_at=audit.at))


def _add_events_of(audit: _AuditContext, ids: Sequence[int], action: str, to: sa.ColumnElement[str]) -> None:
    if ids:
        _add_events(audit, action, to, is_among(CASE.c.id, ids))


def _add_events(
    audit: _AuditContext, action: str, to: sa.ColumnElement[str], *conditions: sa.ColumnElement[bool]
) -> None:
    event: Mapping[str, sa.ColumnElement[Any]] = {
        "case_id": Case.id.expression,
        "at": sa.literal(audit.at, Instant),
        "action": sa.literal(action),
        "by": sa.literal(f"audit:{audit.audit_id}"),
        "side": sa.literal("audit"),
        "from_status": sa.literal(None, sa.String) if action == AuditEvent.OPENED else Case.status.expression,
        "to_status": to,
        "details": sa.literal({}, sa.JSON),
        "visible_to_agency": sa.literal(True),
        "comment_visible_to_agency": sa.literal(False),
    }
    _execute(
        sa.insert(CaseEvent).from_select(list(event), sa.select(*event.values()).where(*conditions).order_by(Case.id))
    )


def _refresh_severities(audit: _AuditContext) -> None:
    """Set each case's severity to that of its highest active flag; without active flags it stays."""
    changed = db.session.execute(changed_severities(audit.projects)).all()
    if changed:
        rows = [{"id": case_id, "severity": SEVERITY_NAMES[number]} for case_id, number in changed]
        update_rows(require_transaction(), Case, rows, changed_at=audit.at)


def _execute(statement: Any) -> None:
    # Services read these rows again under a lock, so the session's copies need no synchronization.
    require_transaction().execute(statement, execution_options={"synchronize_session": False})


# What becomes of a project's case and orders when the project is withdrawn because it was registered in error.

OUTCOME = "withdrawn"


def lock_open_case(project_id: int) -> Case | None:
    """Return the open case of a project, locked in the open transaction; to be called before the project is locked."""
    statement = sa.select(Case).where(Case.project_id == project_id, Case.status != Status.CLOSED.value)
    locked = statement.with_for_update(of=Case).execution_options(populate_existing=True)
    return require_transaction().scalars(locked).first()


def close_case_of_withdrawn(actor: Actor, project_id: int, number: str, comment: str) -> int | None:
    """Close the open case of a withdrawn project and end its orders, in the open transaction; returns the case's id.

    A waiting proposal lapses. The agency sees the entry of the timeline, with the reason for the withdrawal.
    """
    case = lock_open_case(project_id)
    end_orders(project_id, "withdrawn")
    if case is None:
        return None
    end_proposal(waiting_proposal(case), "lapsed", actor)
    end_appeal(case, AppealOutcome.DISCONTINUED)
    at, before = now(), case.status
    case.status, case.outcome, case.closed_at = Status.CLOSED.value, OUTCOME, at
    case.due_on = case.review_days_left = case.exempt_since = None
    case.version += 1
    case.changed_at = at
    action = FurtherEvent.PROJECT_WITHDRAWN.value
    event = add_event(actor, case, action, from_status=before, comment=comment, comment_for_agency=True)
    db.session.flush()
    details = {"event": event.id, "project": number, "from": before, "to": case.status, "comment": comment}
    journal.record(actor, f"case.{FurtherEvent.PROJECT_WITHDRAWN.value}", f"case:{case.id}", details)
    return case.id


# The revocation of an exemption: the flags that it covered are open again, and its case is back under review.


def revoke_exemption(actor: Actor, exemption_id: int, reason: str | None) -> Exemption:
    """Revoke the exemption. Unless another one is in force, the project is flagged and its case reviewed at once.

    A project without an open case gets one at the next audit. Raises RoleNotAllowed, ExemptionNotFound and
    ExemptionAlreadyRevoked.
    """
    with transaction():
        lock_flags_for_review()
        project_id = find_exemption(actor, exemption_id).project_id
        # The case and its project before the exemption, as changes of agencies lock them.
        case = lock_open_case(project_id)
        lock_projects(PROJECT.c.id == project_id)
        exemption = find_exemption_to_change(actor, exemption_id)
        record_revocation(actor, exemption, reason)
        if exemption_in_force(project_id, today()) is None:
            _open_flags(project_id)
            if case is not None and case.status == Status.WITH_COMMISSION and case.exempt_since is not None:
                send_back(actor, find_case_to_change(actor, case.id), reason)
    return exemption


def _open_flags(project_id: int) -> None:
    at = now()
    exempt = sa.select(Flag).where(Flag.project_id == project_id, Flag.status == FlagStatus.EXEMPT.value)
    flags = list(require_transaction().scalars(exempt.execution_options(populate_existing=True)))
    if not flags:
        return
    for flag in flags:
        is_accepted = flag.accepted_fingerprint == flag.fingerprint
        flag.status = (FlagStatus.ACCEPTED if is_accepted else FlagStatus.OPEN).value
        flag.exemption_id, flag.changed_at = None, at
    db.session.flush()
    update_freeze_status(at, STATUS.c.project_id == project_id)
