"""Recording changes for the feed: services name what they add and change, the commit writes it with its numbers.

Of each record a transaction writes at most one change, with the state before the transaction and the one after it.
Numbers are taken at the end, while the row of ``change_head`` is locked until the commit: they follow the order of
commits, and whoever sees a number sees all smaller ones. ``registry/hooks.py`` connects ``write_pending`` after the
journal, so that all transactions lock the two heads in one order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    String,
    Table,
    bindparam,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.orm import Session

from registry.changes.models import ChangeHead, ChangeKind, RecordedChange
from registry.core.bulk import insert_rows
from registry.core.clock import now
from registry.core.database import Instant, db, require_transaction, table_of, transaction
from registry.core.dialects import has_writing_ctes

PENDING: Final = "changes_recorded"
IDS_AT_ONCE: Final = 5000
# Of these the feed has the values before and after; of other fields only the names.
WITH_VALUES: Final = frozenset({"agency", "stage", "placement", "work_type", "is_restricted", "parent_bin", "kind"})
CHANGES: Final = table_of(RecordedChange)
HEAD: Final = table_of(ChangeHead)
NOTHING_MORE: Final[Mapping[str, Any]] = dict.fromkeys(column.name for column in CHANGES.c if column.name != "seq")

# Built once at import: every registration executes them while others wait for the head.
TAKE_NUMBERS: Final = (
    update(HEAD).where(HEAD.c.id == 1).values(seq=HEAD.c.seq + bindparam("count")).returning(HEAD.c.seq)
)
_taken = update(HEAD).where(HEAD.c.id == 1).values(seq=HEAD.c.seq + 1).returning(HEAD.c.seq).cte("taken")
INSERT_ONE: Final = insert(CHANGES).inline().values(seq=select(_taken.c.seq).scalar_subquery())


@dataclass(frozen=True, eq=False, slots=True)
class Subject:
    """How the state of one kind of records is read."""

    kind: ChangeKind
    table: Table
    status: ColumnElement[str]
    severity: ColumnElement[str | None] = field(default_factory=lambda: literal(None, String(10)))
    version: ColumnElement[int | None] = field(default_factory=lambda: literal(None, Integer))
    project_id: ColumnElement[int | None] = field(default_factory=lambda: literal(None, Integer))


class State(NamedTuple):
    """What a record was before the transaction; both None for a new one."""

    status: str | None
    severity: str | None


NEW: Final = State(None, None)


@dataclass(slots=True)
class _Edit:
    """Which fields of a record changed, and the values of some before and after."""

    fields: dict[str, None] = field(default_factory=dict)
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class _Pending:
    states: dict[Subject, dict[int, State]] = field(default_factory=dict)
    edits: dict[Subject, dict[int, _Edit]] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)


def _pending() -> _Pending:
    pending: _Pending = require_transaction().info.setdefault(PENDING, _Pending())
    return pending


def record_change(
    subject: Subject,
    record_id: int,
    status: str | None,
    severity: str | None = None,
    changes: Iterable[Mapping[str, Any]] = (),
) -> None:
    """Record that the open transaction changes a record, which had this status and severity before.

    ``changes``: ``{field, old, new}``.
    """
    pending = _pending()
    pending.states.setdefault(subject, {}).setdefault(record_id, State(status, severity))
    for change in changes:
        edit = pending.edits.setdefault(subject, {}).setdefault(record_id, _Edit())
        name = change["field"]
        edit.fields[name] = None
        if name in WITH_VALUES:
            edit.before.setdefault(name, change["old"])
            edit.after[name] = change["new"]


def record_changes(subject: Subject, *which: ColumnElement[bool]) -> None:
    """Record that the open transaction will change the records that fit. To be called before it does."""
    states = _pending().states.setdefault(subject, {})
    # Most of many records have one of few states: each is kept once.
    known: dict[State, State] = {}
    statement = select(subject.table.c.id, subject.status, subject.severity).where(*which)
    for record_id, status, severity in require_transaction().execute(statement):
        state = State(status, severity)
        states.setdefault(record_id, known.setdefault(state, state))


def record_added(subject: Subject, *ids: int) -> None:
    """Record that the open transaction has added these records."""
    states = _pending().states.setdefault(subject, {})
    for record_id in ids:
        states.setdefault(record_id, NEW)


def record_added_where(subject: Subject, *which: ColumnElement[bool]) -> None:
    """The same for the records that fit."""
    record_added(subject, *require_transaction().scalars(select(subject.table.c.id).where(*which)))


def record_rows(rows: Iterable[Mapping[str, Any]]) -> None:
    """Record changes of projects that are wholly known: columns of RecordedChange but ``seq`` and ``at``."""
    _pending().rows.extend({**NOTHING_MORE, **row} for row in rows)


def write_pending(session: Session) -> None:
    """Write what the open transaction has recorded, holding the head's lock until the commit."""
    pending: _Pending | None = session.info.pop(PENDING, None)
    count = 0 if pending is None else len(pending.rows) + sum(map(len, pending.states.values()))
    if pending is None or not count:
        return
    at = now()
    if count == len(pending.rows) == 1 and has_writing_ctes():
        session.execute(INSERT_ONE, pending.rows[0] | {"at": at})
        return
    seq = session.execute(TAKE_NUMBERS, {"count": count}).scalar_one() - count
    subjects = {subject.kind: subject for subject in pending.states}
    for kind in ChangeKind:
        rows = [row for row in pending.rows if row["kind"] == kind]
        insert_rows(session, RecordedChange, [{**row, "seq": seq + n, "at": at} for n, row in enumerate(rows, 1)])
        seq += len(rows)
        subject = subjects.get(kind)
        if subject is not None:
            seq = _write_edited(session, pending, subject, at, seq)
            seq = _write_others(session, pending.states[subject], subject, at, seq)


def discard_pending(session: Session) -> None:
    """Discard what a transaction recorded that was rolled back."""
    session.info.pop(PENDING, None)


def _write_edited(session: Session, pending: _Pending, subject: Subject, at: datetime, seq: int) -> int:
    """Write the records with changed fields, each with its own; returns the last number used."""
    edits, states = pending.edits.get(subject, {}), pending.states[subject]
    for ids in _chunks(sorted(edits)):
        columns = (subject.status, subject.severity, subject.version, subject.project_id)
        now_is = select(subject.table.c.id, *columns).where(subject.table.c.id.in_(ids))
        states_now = {record_id: values for record_id, *values in session.execute(now_is)}
        rows = []
        for record_id in ids:
            status, severity, version, project_id = states_now[record_id]
            seq += 1
            edit, before = edits[record_id], states.pop(record_id)
            row = {"seq": seq, "at": at, "kind": subject.kind.value, "record_id": record_id, "project_id": project_id}
            row |= {"version": version, "old_status": before.status, "new_status": status}
            row |= {"old_severity": before.severity, "new_severity": severity, "fields": " ".join(edit.fields)}
            details = {"before": edit.before, "after": edit.after} if edit.before else None
            rows.append({**NOTHING_MORE, **row, "details": details})
        insert_rows(session, RecordedChange, rows)
    return seq


def _write_others(session: Session, states: Mapping[int, State], subject: Subject, at: datetime, seq: int) -> int:
    """Write the other records inside the database, those that had one state together; returns the last number."""
    by_state: dict[State, list[int]] = {}
    for record_id in sorted(states):
        by_state.setdefault(states[record_id], []).append(record_id)
    row_id = subject.table.c.id
    for before, listed in by_state.items():
        for ids in _chunks(listed):
            columns: dict[str, ColumnElement[Any]] = {
                "seq": literal(seq, BigInteger) + func.row_number().over(order_by=row_id),
                "at": literal(at, Instant()),
                "kind": literal(subject.kind.value, String),
                "record_id": row_id,
                "project_id": subject.project_id,
                "version": subject.version,
                "old_status": literal(before.status, String),
                "new_status": subject.status,
                "old_severity": literal(before.severity, String),
                "new_severity": subject.severity,
            }
            # Most that an audit changes have ids in a row: a range needs no list of 5,000 parameters.
            in_a_row = ids[-1] - ids[0] + 1 == len(ids)
            state = select(*columns.values()).where(row_id.between(ids[0], ids[-1]) if in_a_row else row_id.in_(ids))
            session.execute(insert(CHANGES).from_select(list(columns), state))
            seq += len(ids)
    return seq


def _chunks(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    return (ids[start : start + IDS_AT_ONCE] for start in range(0, len(ids), IDS_AT_ONCE))


# What has changed since a moment, by the feed: for work that reads without locks and checks again under them.

CHANGE: Final = table_of(RecordedChange).c
OF_ONE_PROJECT: Final = frozenset({ChangeKind.PROJECT.value, ChangeKind.VIEW.value})


class Changed(NamedTuple):
    """Ids of projects of which anything changed, and of agencies. ``statuses``: old and new ones of projects.

    ``added``: those of the projects that are new. ``moved``: those that passed to another agency, or whose agency did,
    and those that became restricted or are so no more.
    """

    projects: frozenset[int]
    agencies: frozenset[int]
    statuses: frozenset[str | None]
    added: frozenset[int]
    moved: frozenset[int]


def newest_number() -> int:
    """The number of the last change that is committed; read it before what is to be checked later."""
    return int(db.session.execute(select(HEAD.c.seq)).scalar_one())


def changed_since(number: int) -> Changed:
    """Everything that was committed after ``newest_number`` answered so, whoever changed it."""
    columns = (CHANGE.kind, CHANGE.record_id, CHANGE.project_id, CHANGE.old_status, CHANGE.new_status)
    projects, agencies, statuses = set(), set(), set()
    added, moved = set(), set()
    for kind, record_id, project_id, before, after in db.session.execute(select(*columns).where(CHANGE.seq > number)):
        if kind in OF_ONE_PROJECT:
            projects.add(record_id)
            statuses |= {before, after} if before != after else set()
            if kind == ChangeKind.VIEW:
                moved.add(record_id)
            elif before is None:
                added.add(record_id)
        elif kind == ChangeKind.AGENCY:
            agencies.add(record_id)
        elif project_id is not None:
            projects.add(project_id)
    of_projects = frozenset(added), frozenset(moved)
    return Changed(frozenset(projects), frozenset(agencies), frozenset(statuses), *of_projects)


# Deletion of old changes: whoever falls further behind reads the lists again.

RETENTION: Final = timedelta(days=90)
DELETED_AT_ONCE: Final = 10_000
# More changes than a register has in the time between a backup and its restoration.
LEAP: Final = 1_000_000_000


def delete_old_changes() -> None:
    """Delete changes after ``RETENTION``, in parts, so that nobody who writes changes waits long."""
    while _delete_part():
        pass


def restart_feed() -> None:
    """Let the feed of a restored database go on with numbers that were never given, in the open transaction.

    Its next numbers were given to other changes already. Everybody who follows the feed reads the lists again.
    """
    next_numbers = {"seq": HEAD.c.seq + LEAP, "deleted_up_to": HEAD.c.seq + LEAP}
    require_transaction().execute(update(HEAD).values(next_numbers))


def _delete_part() -> bool:
    with transaction() as session:
        oldest = select(CHANGES.c.seq, CHANGES.c.at).order_by(CHANGES.c.seq).limit(DELETED_AT_ONCE).subquery()
        # Times may step back with a clock, numbers do not.
        last = session.scalar(select(func.max(oldest.c.seq)).where(oldest.c.at < now() - RETENTION))
        if last is None:
            return False
        session.execute(update(HEAD).values(deleted_up_to=last))
        session.execute(delete(CHANGES).where(CHANGES.c.seq <= last))
    return True
