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
    exists,
    func,
    insert,
    literal,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.orm import aliased

from registry.freeze.policy import Policy
from registry.freeze.words import SEVERITIES
from registry.records.case_tables import Case, CaseDecision, CaseEvent, CaseFlag
from registry.records.flags import SEVERITY_RANK, STANDING, Flag, rank
from registry.records.working_days import national_calendar
from registry.store.bulk import refresh_statistics
from registry.store.clock import now, today
from registry.store.database import Instant, db
from registry.store.transaction import require_transaction

# Below SQLite's 32,766 parameters a statement.
ROWS_AT_ONCE: Final = 20_000
MANY: Final = 1000
REVIEWERS_HOLD_THE_BALL: Final = ("new", "under_review", "awaiting_approval", "awaiting_confirmation")
SEVERITY_NAMES: Final = {number: name for name, number in SEVERITY_RANK.items()}
BACK: Final[ColumnElement[str]] = case((Case.assignee.is_(None), "new"), else_="under_review")


@dataclass(frozen=True, slots=True)
class _Night:
    audit_id: int
    on: date
    at: datetime
    review_days: int

    @property
    def review_until(self) -> ColumnElement[date]:
        # Worked out when a statement that needs it is sent: a quiet night need not load the calendar of holidays.
        return bindparam(None, callable_=lambda: national_calendar().after(today(), self.review_days), type_=Date)


def follow_flags(audit_id: int, on: date, policy: Policy) -> dict[str, Any]:
    """Bring every case where its flags now want it; what was done, JSON-ready: ids by kind, empty when nothing was.

    ``opened`` tells the first and the last id and the count.
    """
    night = _Night(audit_id, on, now(), policy.clocks.review)
    reopened = _ids(_accepted_no_more())
    _move(night, reopened, "reopened", BACK, due_on=night.review_until, closed_at=None, outcome=None)
    opened = _open(night, policy.case_from_severity)
    flagged = _ids(_with_new_flags(night))
    _note(night, flagged, "flagged", Case.status.expression)
    if opened or flagged:
        _cover()
    returned = _ids(_waiting(Case.status == "awaiting_confirmation", _stands(*STANDING)))
    _move(night, returned, "reopened", BACK, exempt_since=None)
    expired = _ids(
        _waiting(
            Case.status == "with_commission",
            Case.exempt_since.is_not(None),
            not_(_stands("exempt")),
            _stands(*STANDING),
        )
    )
    _move(night, expired, "reopened", BACK, due_on=night.review_until, exempt_since=None)
    cleared = _ids(
        _waiting(
            Case.status.not_in(("closed", "awaiting_confirmation")),
            not_(_stands(*STANDING)),
            or_(Case.status == "remediation", not_(_taken_back()), _cleared_by(night.audit_id)),
        )
    )
    _lapse(night, cleared)
    goes_on = case((Case.status.in_(REVIEWERS_HOLD_THE_BALL), Case.due_on), else_=night.review_until)
    stopped: dict[str, Any] = {"review_days_left": None, "exempt_since": None}
    _move(night, cleared, "cleared", literal("awaiting_confirmation"), due_on=goes_on, **stopped)
    exempted = _ids(
        _waiting(
            Case.status.in_(("new", "under_review", "with_commission")),
            Case.exempt_since.is_(None),
            not_(_stands("open")),
            _stands("exempt"),
        )
    )
    exempt: dict[str, Any] = {"exempt_since": on, "due_on": None, "review_days_left": None}
    _move(night, exempted, "exempted", literal("with_commission"), **exempt)
    _refresh_severities()
    told = {
        "opened": opened,
        "reopened": sorted({*reopened, *returned, *expired}),
        "flagged": flagged,
        "cleared": cleared,
        "exempted": exempted,
    }
    return {name: what for name, what in told.items() if what}


def _open_case(project_id: ColumnElement[int]) -> ColumnElement[bool]:
    other = aliased(Case)
    return exists(select(other.id).where(other.project_id == project_id, other.status != "closed"))


def _accepted_no_more() -> Select[int]:
    """Of each project without an open case the newest case that covers a flag which is open again."""
    return (
        select(func.max(Case.id))
        .join(CaseFlag, CaseFlag.case_id == Case.id)
        .join(Flag, Flag.id == CaseFlag.flag_id)
        .where(Flag.status == "open", Case.status == "closed", not_(_open_case(Flag.project_id.expression)))
        .group_by(Case.project_id)
    )


def _open(night: _Night, from_severity: str) -> dict[str, int]:
    heavy = SEVERITIES[SEVERITIES.index(from_severity) :]
    worst = func.max(rank(Flag.severity.expression))
    flagged = (
        select(
            Flag.project_id,
            literal("new"),
            case(SEVERITY_NAMES, value=worst),
            literal(from_severity),
            literal(night.at, Instant),
            literal(night.audit_id),
            night.review_until,
            literal(1),
        )
        .where(Flag.status == "open", Flag.severity.in_(heavy), not_(_open_case(Flag.project_id.expression)))
        .group_by(Flag.project_id)
        .order_by(Flag.project_id)
    )
    session = require_transaction()
    if session.scalar(flagged.with_only_columns(Flag.project_id).limit(1)) is None:
        return {}
    columns = ["project_id", "status", "severity", "from_severity", "opened_at", "opened_by_audit", "due_on", "version"]
    before = session.scalar(select(func.coalesce(func.max(Case.id), 0)))
    session.execute(insert(Case).from_select(columns, flagged))
    mine = (Case.opened_by_audit == night.audit_id, Case.id > before)
    count, first, last = session.execute(select(func.count(), func.min(Case.id), func.max(Case.id)).where(*mine)).one()
    if count >= MANY:
        refresh_statistics(session, Case)
    _add_events(night, "opened", Case.status.expression, *mine)
    return {"count": count, "first": first, "last": last}


def _uncovered() -> Select[int, int]:
    return (
        select(Case.id, Flag.id)
        .join(Flag, Flag.project_id == Case.project_id)
        .where(
            Case.status != "closed",
            Flag.status != "cleared",
            not_(exists(select(CaseFlag.flag_id).where(CaseFlag.case_id == Case.id, CaseFlag.flag_id == Flag.id))),
        )
    )


def _with_new_flags(night: _Night) -> Select[int]:
    before_tonight = func.coalesce(Case.opened_by_audit, 0) != night.audit_id
    return _uncovered().with_only_columns(Case.id).where(before_tonight).distinct()


def _cover() -> None:
    require_transaction().execute(insert(CaseFlag).from_select(["case_id", "flag_id"], _uncovered()))


def _stands(*statuses: str) -> ColumnElement[bool]:
    """The case's project has a flag of one of the statuses that is grave enough to keep the case open."""
    return exists(
        select(Flag.id)
        .where(
            Flag.project_id == Case.project_id,
            Flag.status.in_(statuses),
            rank(Flag.severity.expression) >= rank(Case.from_severity.expression),
        )
        .correlate(Case)
    )


def _taken_back() -> ColumnElement[bool]:
    """People took the case up again after its flags had cleared: no audit undoes that while nothing more clears."""
    return exists(
        select(CaseEvent.id)
        .where(
            CaseEvent.case_id == Case.id,
            CaseEvent.side != "audit",
            CaseEvent.from_status.in_(("awaiting_confirmation", "closed")),
            CaseEvent.to_status.not_in(("awaiting_confirmation", "closed")),
        )
        .correlate(Case)
    )


def _cleared_by(audit_id: int) -> ColumnElement[bool]:
    return exists(
        select(Flag.id).where(Flag.project_id == Case.project_id, Flag.cleared_by_audit == audit_id).correlate(Case)
    )


def _waiting(*conditions: ColumnElement[bool]) -> Select[int]:
    return select(Case.id).where(*conditions)


def _ids(statement: Select[int]) -> list[int]:
    return sorted(db.session.scalars(statement))


def _move(night: _Night, ids: Sequence[int], action: str, to: ColumnElement[str], **values: Any) -> None:
    _add_events_of(night, ids, action, to)
    for chunk in _chunks(ids):
        moved = update(Case).where(Case.id.in_(chunk)).values(status=to, version=Case.version + 1, **values)
        _execute(moved)


def _note(night: _Night, ids: Sequence[int], action: str, status: ColumnElement[str]) -> None:
    _add_events_of(night, ids, action, status)
    for chunk in _chunks(ids):
        _execute(update(Case).where(Case.id.in_(chunk)).values(version=Case.version + 1))


def _lapse(night: _Night, ids: Sequence[int]) -> None:
    lapsed: dict[str, Any] = {"outcome": "lapsed", "decided_at": night.at}
    for chunk in _chunks(ids):
        mine = (CaseDecision.case_id.in_(chunk), CaseDecision.outcome.is_(None))
        _execute(update(CaseDecision).where(*mine).values(**lapsed))


def _add_events_of(night: _Night, ids: Sequence[int], action: str, to: ColumnElement[str]) -> None:
    for chunk in _chunks(ids):
        _add_events(night, action, to, Case.id.in_(chunk))


def _add_events(night: _Night, action: str, to: ColumnElement[str], *which: ColumnElement[bool]) -> None:
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


def _refresh_severities() -> None:
    """A case is as grave as its gravest standing flag; without any it keeps what it was."""
    worst = (
        select(Flag.project_id, func.max(rank(Flag.severity.expression)).label("worst"))
        .where(Flag.status != "cleared")
        .group_by(Flag.project_id)
        .subquery()
    )
    changed = db.session.execute(
        select(Case.id, worst.c.worst)
        .join(worst, worst.c.project_id == Case.project_id)
        .where(Case.status != "closed", rank(Case.severity.expression) != worst.c.worst)
    ).all()
    table: Any = Case.__table__
    if changed:
        require_transaction().execute(
            update(table).where(table.c.id == bindparam("case")).values(severity=bindparam("now")),
            [{"case": case_id, "now": SEVERITY_NAMES[number]} for case_id, number in changed],
        )


def _execute(statement: Any) -> None:
    # Nothing of these rows is kept by the session: services read them anew, under lock.
    require_transaction().execute(statement, execution_options={"synchronize_session": False})


def _chunks(ids: Sequence[int]) -> list[Sequence[int]]:
    return [ids[start : start + ROWS_AT_ONCE] for start in range(0, len(ids), ROWS_AT_ONCE)]
