"""Cases follow their flags: what an audit opens, reopens, sends to be confirmed or leaves to the Commission.

It looks at where flags and cases stand now and not at what the audit changed, so that it mends what was left behind and
does nothing when nothing is to do. It runs inside the audit's transaction, after the flags were written and while
people are kept out (``flag_lock``): flags without their cases are never seen. A step first asks for the ids, mostly
none, and then writes them in sets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import (
    JSON,
    ColumnElement,
    Date,
    Select,
    String,
    bindparam,
    case,
    func,
    insert,
    literal,
    select,
    update,
)

from registry.cases import sync_queries as cases_to_move
from registry.cases.change_times import mark_cases_of_flags
from registry.cases.models import Case, CaseDecision, CaseEvent, CaseFlag
from registry.core.bulk import refresh_statistics
from registry.core.clock import today
from registry.core.database import Instant, db
from registry.core.transactions import require_transaction
from registry.core.working_days import national_calendar
from registry.flags.models import FLAGS, SEVERITY_RANK, Flag, rank
from registry.freeze.policy import Policy

# Below SQLite's 32,766 parameters a statement.
ROWS_AT_ONCE: Final = 20_000
MANY: Final = 1000
WAITING_FOR_REVIEWER: Final = ("new", "under_review", "awaiting_approval", "awaiting_confirmation")
SEVERITY_NAMES: Final = {number: name for name, number in SEVERITY_RANK.items()}
STATUS_WHEN_REOPENED: Final[ColumnElement[str]] = case((Case.assignee.is_(None), "new"), else_="under_review")


@dataclass(frozen=True, slots=True)
class _AuditContext:
    audit_id: int
    on: date
    at: datetime
    review_days: int

    @property
    def review_until(self) -> ColumnElement[date]:
        # Worked out when a statement that needs it is sent: a quiet night need not load the calendar of holidays.
        return bindparam(None, callable_=lambda: national_calendar().after(today(), self.review_days), type_=Date)


def sync_cases(audit_id: int, on: date, at: datetime, policy: Policy) -> dict[str, Any]:
    """Bring every case where its flags now want it; what was done, JSON-ready: ids by kind, empty when nothing was.

    ``opened`` tells the first and the last id and the count. ``at``: when the audit's flags changed, and its cases do.
    """
    night = _AuditContext(audit_id, on, at, policy.clocks.review)
    reopened = _ids(night, cases_to_move.accepted_no_more())
    _move(night, reopened, "reopened", STATUS_WHEN_REOPENED, due_on=night.review_until, closed_at=None, outcome=None)
    opened = _open(night, policy.case_from_severity)
    flagged = _ids(night, cases_to_move.with_new_flags())
    _note(night, flagged, "flagged", Case.status.expression)
    if opened or flagged:
        _cover(night)
    returned = _ids(night, cases_to_move.flagged_again())
    _move(night, returned, "reopened", STATUS_WHEN_REOPENED, exempt_since=None)
    expired = _ids(night, cases_to_move.exempt_no_more())
    _move(night, expired, "reopened", STATUS_WHEN_REOPENED, due_on=night.review_until, exempt_since=None)
    cleared = _ids(night, cases_to_move.cleared())
    _lapse(night, cleared)
    goes_on = case((Case.status.in_(WAITING_FOR_REVIEWER), Case.due_on), else_=night.review_until)
    stopped: dict[str, Any] = {"review_days_left": None, "exempt_since": None}
    _move(night, cleared, "cleared", literal("awaiting_confirmation"), due_on=goes_on, **stopped)
    exempted = _ids(night, cases_to_move.exempted())
    exempt: dict[str, Any] = {"exempt_since": on, "due_on": None, "review_days_left": None}
    _move(night, exempted, "exempted", literal("with_commission"), **exempt)
    _refresh_severities(night)
    # Those that the audit opened are in cases that were moved for them.
    mark_cases_of_flags(at, FLAGS.c.changed_at == at, FLAGS.c.opened_by_audit != audit_id)
    told = {
        "opened": opened,
        "reopened": sorted({*reopened, *returned, *expired}),
        "flagged": flagged,
        "cleared": cleared,
        "exempted": exempted,
    }
    return {name: what for name, what in told.items() if what}


def _open(night: _AuditContext, from_severity: str) -> dict[str, int]:
    session = require_transaction()
    without = cases_to_move.projects_without_case(from_severity)
    if session.scalar(without.limit(1)) is None:
        return {}
    worst = func.max(rank(Flag.severity.expression))
    flagged = (
        without.with_only_columns(
            Flag.project_id,
            literal("new"),
            case(SEVERITY_NAMES, value=worst),
            literal(from_severity),
            literal(night.at, Instant),
            literal(night.audit_id),
            night.review_until,
            literal(1),
            literal(night.at, Instant),
        )
        .group_by(Flag.project_id)
        .order_by(Flag.project_id)
    )
    columns = ["project_id", "status", "severity", "from_severity", "opened_at", "opened_by_audit", "due_on"]
    columns += ["version", "changed_at"]
    before = session.scalar(select(func.coalesce(func.max(Case.id), 0)))
    session.execute(insert(Case).from_select(columns, flagged))
    mine = (Case.opened_by_audit == night.audit_id, Case.id > before)
    count, first, last = session.execute(select(func.count(), func.min(Case.id), func.max(Case.id)).where(*mine)).one()
    if count >= MANY:
        refresh_statistics(session, Case)
    _add_events(night, "opened", Case.status.expression, *mine)
    return {"count": count, "first": first, "last": last}


def _cover(night: _AuditContext) -> None:
    # A flag names its case: those that stood before change when one covers them.
    earlier = cases_to_move.uncovered().with_only_columns(FLAGS.c.id).where(FLAGS.c.changed_at < night.at)
    _execute(update(Flag).where(Flag.id.in_(earlier)).values(changed_at=night.at))
    require_transaction().execute(insert(CaseFlag).from_select(["case_id", "flag_id"], cases_to_move.uncovered()))


def _ids(night: _AuditContext, statement: Select[int]) -> list[int]:
    return sorted(db.session.scalars(statement, {cases_to_move.AUDIT: night.audit_id}))


def _move(night: _AuditContext, ids: Sequence[int], action: str, to: ColumnElement[str], **values: Any) -> None:
    _add_events_of(night, ids, action, to)
    for chunk in _chunks(ids):
        moved = (
            update(Case)
            .where(Case.id.in_(chunk))
            .values(status=to, version=Case.version + 1, changed_at=night.at, **values)
        )
        _execute(moved)


def _note(night: _AuditContext, ids: Sequence[int], action: str, status: ColumnElement[str]) -> None:
    _add_events_of(night, ids, action, status)
    for chunk in _chunks(ids):
        _execute(update(Case).where(Case.id.in_(chunk)).values(version=Case.version + 1, changed_at=night.at))


def _lapse(night: _AuditContext, ids: Sequence[int]) -> None:
    lapsed: dict[str, Any] = {"outcome": "lapsed", "decided_at": night.at}
    for chunk in _chunks(ids):
        mine = (CaseDecision.case_id.in_(chunk), CaseDecision.outcome.is_(None))
        _execute(update(CaseDecision).where(*mine).values(**lapsed))


def _add_events_of(night: _AuditContext, ids: Sequence[int], action: str, to: ColumnElement[str]) -> None:
    for chunk in _chunks(ids):
        _add_events(night, action, to, Case.id.in_(chunk))


def _add_events(night: _AuditContext, action: str, to: ColumnElement[str], *which: ColumnElement[bool]) -> None:
    event: Mapping[str, ColumnElement[Any]] = {
        "case_id": Case.id.expression,
        "at": literal(night.at, Instant),
        "action": literal(action),
        "by": literal(f"audit:{night.audit_id}"),
        "side": literal("audit"),
        "from_status": literal(None, String) if action == "opened" else Case.status.expression,
        "to_status": to,
        "details": literal({}, JSON),
        "tells_agency": literal(True),
        "speaks_to_agency": literal(False),
    }
    _execute(insert(CaseEvent).from_select(list(event), select(*event.values()).where(*which).order_by(Case.id)))


def _refresh_severities(night: _AuditContext) -> None:
    """A case is as grave as its gravest standing flag; without any it keeps what it was."""
    changed = db.session.execute(cases_to_move.changed_severities()).all()
    table: Any = Case.__table__
    if changed:
        require_transaction().execute(
            update(table).where(table.c.id == bindparam("case")).values(severity=bindparam("now"), changed_at=night.at),
            [{"case": case_id, "now": SEVERITY_NAMES[number]} for case_id, number in changed],
        )


def _execute(statement: Any) -> None:
    # Nothing of these rows is kept by the session: services read them anew, under lock.
    require_transaction().execute(statement, execution_options={"synchronize_session": False})


def _chunks(ids: Sequence[int]) -> list[Sequence[int]]:
    return [ids[start : start + ROWS_AT_ONCE] for start in range(0, len(ids), ROWS_AT_ONCE)]
