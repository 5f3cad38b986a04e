"""What happens to cases becomes entries of inboxes: of which recipients, and who is mentioned."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, or_, select, update

from registry.accounts.absences import substitutions
from registry.accounts.account_names import ALLOWED_CHARACTERS, MAX_NAME_LENGTH, skeleton
from registry.accounts.agency_tree import AGENCIES
from registry.accounts.handover import HandOver
from registry.accounts.models import Account, is_active, is_admitted
from registry.accounts.roles import AGENCY_ROLES, OVERSIGHT_ROLES, PERMISSIONS, Actor, Permission, Role
from registry.accounts.vocabulary import AccountKind
from registry.cases.models import PRESENT_PROPOSER, Case, CaseDecision, CaseEvent
from registry.cases.vocabulary import ActionName, AuditEvent, Status
from registry.cases.workflow import ORDERING
from registry.core.clock import now
from registry.core.database import db, require_transaction, table_of
from registry.core.dialects import insert_rows
from registry.inbox.models import EntryKind, InboxEntry, Watch
from registry.projects.models import Project

# Recipients of entries: active people who may see the case, and never the person who acted.

IS_PERSON: Final = Account.kind == AccountKind.PERSON.value


@dataclass(frozen=True, slots=True)
class EventContext:
    """An entry of a timeline, its case's assignee and what decides who sees it. ``actor_id``: the account that acted.

    ``agency_ids``: the project's agency and those above it, the nearest first.
    """

    event: CaseEvent
    assignee: str | None
    project_id: int
    is_restricted: bool
    agency_ids: tuple[int, ...]
    actor_id: int | None

    def people(self, *conditions: ColumnElement[bool]) -> list[Account]:
        """Return the people of these conditions who may see the entry, without the one who acted."""
        others = (IS_PERSON, is_active(), Account.id.is_distinct_from(self.actor_id), Account.name != self.event.by)
        accounts = db.session.scalars(select(Account).where(*others, *conditions).order_by(Account.id))
        return [account for account in accounts if self._may_see(account)]

    def named(self, *names: str | None) -> list[Account]:
        """Return the oversight people with these names, and their deputies of today."""
        known = [name for name in names if name is not None]
        if not known:
            return []
        deputies = {each.absent: each.deputy for each in substitutions()}
        known += [deputies[name] for name in known if name in deputies]
        return self.people(Account.name.in_(known), Account.role.in_(OVERSIGHT_ROLES))

    def who_may(self, permission: Permission) -> list[Account]:
        """Return the oversight people whose role has the permission."""
        roles = [role.value for role in OVERSIGHT_ROLES if permission in PERMISSIONS[role]]
        return self.people(Account.role.in_(roles))

    def of_agency(self, permission: Permission) -> list[Account]:
        """Return the people of the project's agency with the permission; without any, of the nearest agency above
        it.
        """
        roles = [role.value for role in AGENCY_ROLES if permission in PERMISSIONS[role]]
        people = self.people(Account.agency_id.in_(self.agency_ids), Account.role.in_(roles))
        by_agency = ([each for each in people if each.agency_id == agency_id] for agency_id in self.agency_ids)
        return next((of_one for of_one in by_agency if of_one), [])

    def mentioned(self) -> list[Account]:
        """Return the people whom the comment mentions and who may read it."""
        mentions = mentioned_skeletons(self.event.comment)
        if not mentions:
            return []
        possible = {name for names in mentions for name in names}
        existing = set(db.session.scalars(select(Account.name_skeleton).where(Account.name_skeleton.in_(possible))))
        meant = {next((name for name in names if name in existing), "") for names in mentions}
        people = self.people(Account.name_skeleton.in_(meant))
        return [each for each in people if self.event.comment_visible_to_agency or Role(each.role) not in AGENCY_ROLES]

    def watching(self) -> list[Account]:
        """Return the people who follow the case or its project."""
        of_case = select(Watch.account_id).where(Watch.case_id == self.event.case_id)
        of_project = select(Watch.account_id).where(Watch.project_id == self.project_id)
        return self.people(Account.id.in_(of_case.union(of_project)))

    def _may_see(self, account: Account) -> bool:
        return may_see(
            account.role,
            account.agency_id,
            self.agency_ids,
            is_restricted=self.is_restricted,
            visible_to_agency=self.event.visible_to_agency,
            admitted_at=account.restricted_admitted_at,
        )


def may_see(
    role: str,
    agency_id: int | None,
    agency_ids: Collection[int],
    *,
    is_restricted: bool,
    visible_to_agency: bool,
    admitted_at: datetime | None,
) -> bool:
    """Return True when a person of that role and agency sees an entry of the timeline of a project of these agencies.

    ``admitted_at``: since when the person is admitted to restricted projects.
    """
    permissions = PERMISSIONS[Role(role)]
    if is_restricted and not is_admitted(role, admitted_at):
        return False
    if Permission.CASES_READ not in permissions or (is_restricted and Permission.RESTRICTED_READ not in permissions):
        return False
    return Role(role) not in AGENCY_ROLES or (visible_to_agency and agency_id in agency_ids)


def context_of(event_id: int, actor_id: int | None) -> EventContext:
    """Return the context of an entry of a timeline."""
    statement = (
        select(CaseEvent, Case.assignee, Project.id, Project.is_restricted, Project.agency_id)
        .join(Case, Case.id == CaseEvent.case_id)
        .join(Project, Project.id == Case.project_id)
        .where(CaseEvent.id == event_id)
    )
    event, assignee, project_id, is_restricted, agency_id = db.session.execute(statement).one()
    return EventContext(event, assignee, project_id, is_restricted, agency_and_above(agency_id), actor_id)


def agency_and_above(agency_id: int) -> tuple[int, ...]:
    """Return an agency and those above it, the nearest first."""
    chain: list[int] = []
    above: int | None = agency_id
    while above is not None and above not in chain:
        chain.append(above)
        above = db.session.scalar(select(AGENCIES.c.parent_id).where(AGENCIES.c.id == above))
    return tuple(chain)


# Mentions: the accounts that a comment names as ``@name``.

# Not within a word: what stands before the @ of an e-mail address is one.
MENTION: Final = re.compile(
    rf"(?<![\w.@+-])@(?=({ALLOWED_CHARACTERS.pattern.removesuffix('+')}{{1,{MAX_NAME_LENGTH}}}))"
)
# More than anybody names in one comment; each costs a look into the table of accounts.
MAX_MENTIONS: Final = 20
MAX_WORDS: Final = 5
# A name may end with some of them, a sentence does more often.
PUNCTUATION: Final = "'’._()+&/,#-"


def mentioned_skeletons(comment: str | None) -> list[list[str]]:
    """For each mention the skeletons of the names that it may be, the longest first.

    Names have spaces, so that the text after the @ may be a name of up to five words, with or without the punctuation
    at its end.
    """
    if not comment:
        return []
    return [_possible(match[1]) for match in islice(MENTION.finditer(comment), MAX_MENTIONS)]


def _possible(text: str) -> list[str]:
    words = text.split(" @")[0].split()[:MAX_WORDS]
    names = [" ".join(words[:count]) for count in range(len(words), 0, -1)]
    both = [form for name in names for form in (name, name.rstrip(PUNCTUATION)) if form]
    return list(dict.fromkeys(skeleton(form) for form in both))


# What happens to cases becomes entries of inboxes, in the transaction of the change.

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
    newest = select(PRESENT_PROPOSER).where(CaseDecision.case_id == context.event.case_id)
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


# Entries of many cases at once: of audits and of hand-overs.

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
    CaseEvent.visible_to_agency.expression,
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
    deputized = [
        and_(Case.assignee_account_id == each.absent_id, Account.id == each.deputy_id) for each in substitutions()
    ]
    of_assignees = reopened.join(Account, or_(Account.id == Case.assignee_account_id, *deputized))
    followed = or_(Watch.case_id == Case.id, Watch.project_id == Case.project_id)
    of_watchers = moved.where(CaseEvent.from_status.is_distinct_from(CaseEvent.to_status))
    of_watchers = of_watchers.join(Watch, followed).join(Account, Account.id == Watch.account_id)
    _insert([(EntryKind.REOPENED, of_assignees), (EntryKind.STATUS_CHANGED, of_watchers)])


def _moved_by(audit_id: int, at: datetime) -> Select[Any]:
    """Return the entries that an audit wrote, with what decides who sees them; ``changed_at`` of cases has an index."""
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
                visible_to_agency=row.visible_to_agency,
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
