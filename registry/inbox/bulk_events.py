"""Entries of many cases at once: of audits and of hand-overs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, or_, select, update

from registry.accounts.absences import substitutions
from registry.accounts.handover import HandOver
from registry.accounts.models import Account, is_active
from registry.cases.models import Case, CaseEvent
from registry.cases.vocabulary import AuditEvent
from registry.core.bulk import insert_rows, table_of
from registry.core.database import db
from registry.core.transactions import require_transaction
from registry.inbox.case_events import settle_entries
from registry.inbox.models import InboxEntry, Watch
from registry.inbox.recipients import IS_PERSON, agency_and_above, may_see
from registry.inbox.vocabulary import EntryKind
from registry.projects.models import Project

# Below SQLite's limit of 32,766 parameters per statement.
EVENTS_AT_ONCE: Final = 5000
ENTRY: Final = table_of(InboxEntry)
COLUMNS: Final[tuple[ColumnElement[Any], ...]] = (
    Account.id.label("account_id"),
    Account.role.expression,
    Account.agency_id.label("account_agency_id"),
    Account.restricted_admitted_at.expression,
    CaseEvent.id.label("event_id"),
    CaseEvent.case_id.expression,
    CaseEvent.at.expression,
    CaseEvent.tells_agency.expression,
    Case.project_id.expression,
    Project.agency_id.expression,
    Project.is_restricted.expression,
)
# What waits for the person who has the work, and passes on with it.
OF_WORK: Final = tuple(
    kind.value for kind in (EntryKind.ANSWERED, EntryKind.RETURNED, EntryKind.APPEALED, EntryKind.REOPENED)
)


def record_audit(audit_id: int, at: datetime) -> None:
    """Write the entries of the cases that an audit opened or moved, with a fixed number of statements.

    Reopened cases are news to their assignees and the deputies; every new status is to those who follow.
    """
    # First, because the audit may reopen what waited.
    of_audit = (Case.changed_at == at, CaseEvent.by == f"audit:{audit_id}")
    settle_entries(select(CaseEvent.case_id).join(Case, Case.id == CaseEvent.case_id).where(*of_audit))
    moved = _moved_by(audit_id, at)
    reopened = moved.where(CaseEvent.action == AuditEvent.REOPENED.value)
    deputized = [and_(Case.assignee == each.absent, Account.name == each.deputy) for each in substitutions()]
    of_assignees = reopened.join(Account, or_(Account.name == Case.assignee, *deputized))
    followed = or_(Watch.case_id == Case.id, Watch.project_id == Case.project_id)
    of_watchers = moved.where(CaseEvent.from_status.is_distinct_from(CaseEvent.to_status))
    of_watchers = of_watchers.join(Watch, followed).join(Account, Account.id == Watch.account_id)
    _insert([(EntryKind.REOPENED, of_assignees), (EntryKind.STATUS_CHANGED, of_watchers)])


def _moved_by(audit_id: int, at: datetime) -> Select[Any]:
    """The entries that an audit wrote, with what decides who sees them; ``changed_at`` of cases has an index."""
    return (
        select(*COLUMNS)
        .select_from(Case)
        .join(CaseEvent, CaseEvent.case_id == Case.id)
        .join(Project, Project.id == Case.project_id)
        .where(Case.changed_at == at, CaseEvent.by == f"audit:{audit_id}", IS_PERSON, is_active())
        .order_by(CaseEvent.id, Account.id)
    )


def _insert(parts: Sequence[tuple[EntryKind, Select[Any]]]) -> None:
    """Insert one entry for each person and event; of several kinds the first."""
    above: dict[int, tuple[int, ...]] = {}
    rows: dict[tuple[int, int], dict[str, Any]] = {}
    for kind, statement in parts:
        for row in db.session.execute(statement):
            if row.account_agency_id is not None and row.agency_id not in above:
                above[row.agency_id] = agency_and_above(row.agency_id)
            if may_see(
                row.role,
                row.account_agency_id,
                above.get(row.agency_id, ()),
                is_restricted=row.is_restricted,
                tells_agency=row.tells_agency,
                admitted_at=row.restricted_admitted_at,
            ):
                rows.setdefault((row.account_id, row.event_id), _entry(kind, row))
    insert_rows(require_transaction(), InboxEntry, list(rows.values()))


def _entry(kind: EntryKind, row: Any) -> dict[str, Any]:
    return {
        "account_id": row.account_id,
        "kind": kind.value,
        "event_id": row.event_id,
        "case_id": row.case_id,
        "project_id": row.project_id,
        "at": row.at,
        "read_at": None,
    }


def record_hand_over(step: HandOver, event_ids: Sequence[int]) -> None:
    """Tell the receiver which cases were assigned, unless it was the receiver who handed them over.

    What the giver has not read of this work passes on to the receiver.
    """
    session = require_transaction()
    for start in range(0, len(event_ids), EVENTS_AT_ONCE):
        chunk = event_ids[start : start + EVENTS_AT_ONCE]
        of_chunk = (
            select(CaseEvent.id.label("event_id"), CaseEvent.case_id, CaseEvent.at, Case.project_id)
            .join(Case, Case.id == CaseEvent.case_id)
            .where(CaseEvent.id.in_(chunk))
            .order_by(CaseEvent.id)
        )
        events = db.session.execute(of_chunk).all()
        _pass_on(step, [event.case_id for event in events])
        if step.receiver.id != step.actor.account_id:
            receiver = {"account_id": step.receiver.id, "kind": EntryKind.ASSIGNED.value, "read_at": None}
            insert_rows(session, InboxEntry, [{**event._mapping, **receiver} for event in events])


def _pass_on(step: HandOver, case_ids: Sequence[int]) -> None:
    own = ENTRY.alias()
    has_already = select(own.c.event_id).where(own.c.account_id == step.receiver.id)
    by_receiver = select(CaseEvent.id).where(CaseEvent.by == step.receiver.name, CaseEvent.case_id.in_(case_ids))
    passed = (
        update(ENTRY)
        .where(
            ENTRY.c.account_id == step.giver.id,
            ENTRY.c.read_at.is_(None),
            ENTRY.c.kind.in_(OF_WORK),
            ENTRY.c.case_id.in_(case_ids),
            ENTRY.c.event_id.not_in(has_already),
            ENTRY.c.event_id.not_in(by_receiver),
        )
        .values(account_id=step.receiver.id)
    )
    require_transaction().execute(passed)
