"""What happens to cases becomes entries of inboxes, in the transaction of the change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import Select, and_, or_, select, update

from registry.accounts.actors import Actor
from registry.accounts.models import Account
from registry.accounts.roles import Permission
from registry.cases.models import CaseDecision, CaseEvent
from registry.cases.vocabulary import ActionName, Status
from registry.cases.workflow import ORDERING
from registry.core.bulk import insert_rows
from registry.core.clock import now
from registry.core.database import db
from registry.core.transactions import require_transaction
from registry.inbox.models import InboxEntry
from registry.inbox.recipients import EventContext, context_of
from registry.inbox.vocabulary import EntryKind

# The kinds of entries that ask several people for one act, by the status in which the case waits for it.
WAIT_IN: Final[Mapping[Status, tuple[EntryKind, ...]]] = {
    Status.AWAITING_AGENCY: (EntryKind.QUESTION,),
    Status.NEW: (EntryKind.ANSWERED, EntryKind.REOPENED),
    Status.UNDER_REVIEW: (EntryKind.ANSWERED, EntryKind.REOPENED, EntryKind.RETURNED),
}
Recipients = list[tuple[EntryKind, list[Account]]]


def record_timeline_entry(actor: Actor, event_id: int) -> None:
    """Write the entries of an action on a case. What the actor had not read of the case is read by now, and so is what
    colleagues were asked to do and the actor did.
    """
    context = context_of(event_id, actor.account_id)
    _mark_read_by_actor(context)
    settle_entries(select(CaseEvent.case_id).where(CaseEvent.id == event_id))
    kinds: dict[int, EntryKind] = {}
    for kind, people in _recipients(context):
        for person in people:
            kinds.setdefault(person.id, kind)
    event = context.event
    rows = [
        {
            "account_id": account_id,
            "kind": kind.value,
            "event_id": event.id,
            "case_id": event.case_id,
            "project_id": context.project_id,
            "at": event.at,
            "read_at": None,
        }
        for account_id, kind in kinds.items()
    ]
    insert_rows(require_transaction(), InboxEntry, rows)


def _mark_read_by_actor(context: EventContext) -> None:
    if context.actor_id is None:
        return
    own = (InboxEntry.account_id == context.actor_id, InboxEntry.case_id == context.event.case_id)
    unread = update(InboxEntry).where(*own, InboxEntry.read_at.is_(None)).values(read_at=now())
    require_transaction().execute(unread, execution_options={"synchronize_session": False})


def settle_entries(events: Select[Any]) -> None:
    """Mark as read, for everybody, the entries that asked for what is done now: by one of these entries of timelines,
    a query of their cases, the case has left the status in which it waited for it.
    """
    moved = events.where(CaseEvent.from_status != CaseEvent.to_status)
    done = [
        and_(InboxEntry.kind.in_(kinds), InboxEntry.case_id.in_(moved.where(CaseEvent.from_status == status)))
        for status, kinds in WAIT_IN.items()
    ]
    settled = update(InboxEntry).where(InboxEntry.read_at.is_(None), or_(*done)).values(read_at=now())
    require_transaction().execute(settled, execution_options={"synchronize_session": False})


def _recipients(context: EventContext) -> Recipients:
    """Who gets an entry of which kind; of several, a person gets the first."""
    event = context.event
    direct = DIRECT.get(event.action)
    entries = [] if direct is None else direct(context)
    entries.append((EntryKind.MENTIONED, context.mentioned()))
    if event.action == ActionName.COMMENT:
        entries.append((EntryKind.COMMENTED, context.watching()))
    elif event.from_status != event.to_status:
        entries.append((EntryKind.STATUS_CHANGED, context.watching()))
    return entries


def _asked(context: EventContext) -> Recipients:
    return [(EntryKind.QUESTION, context.of_agency(Permission.CASES_ANSWER))]


def _answered(context: EventContext) -> Recipients:
    assigned = context.named(context.assignee)
    # Nobody waits for it by name, or nobody who still can sign in: whoever takes the case next.
    return [(EntryKind.ANSWERED, assigned or context.who_may(Permission.CASES_REVIEW))]


def _returned(context: EventContext) -> Recipients:
    if context.event.from_status != Status.AWAITING_APPROVAL:
        return []
    newest = select(CaseDecision.proposed_by).where(CaseDecision.case_id == context.event.case_id)
    proposed_by = db.session.scalar(newest.order_by(CaseDecision.id.desc()).limit(1))
    return [(EntryKind.RETURNED, context.named(proposed_by))]


def _appealed(context: EventContext) -> Recipients:
    supervisors = context.who_may(Permission.CASES_APPROVE)
    return [(EntryKind.APPEALED, [*context.named(context.assignee), *supervisors])]


def _assigned(context: EventContext) -> Recipients:
    return [(EntryKind.ASSIGNED, context.named(context.event.details["assignee"]))]


def _approved(context: EventContext) -> Recipients:
    kind = EntryKind.ORDER if context.event.details["decision"] in ORDERING else EntryKind.DECISION
    return [(kind, context.of_agency(Permission.CASES_READ))]


DIRECT: Final[Mapping[str, Callable[[EventContext], Recipients]]] = {
    ActionName.ASK: _asked,
    ActionName.ANSWER: _answered,
    ActionName.RETURN: _returned,
    ActionName.APPEAL: _appealed,
    ActionName.ASSIGN: _assigned,
    ActionName.APPROVE: _approved,
}
