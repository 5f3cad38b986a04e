"""What happens to cases becomes entries of inboxes: of which recipients, and who is mentioned.

The worker that writes notices also writes the entries, from the acts of the journal, after their commit.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, TypeVar

from sqlalchemy import CompoundSelect, and_, exists, or_, select, union, update
from sqlalchemy.orm import aliased

from registry.accounts.absences import substitutions
from registry.accounts.account_names import ALLOWED_CHARACTERS, MAX_NAME_LENGTH, skeleton
from registry.accounts.agency_tree import AGENCIES
from registry.accounts.models import Account, AccountKind, is_active
from registry.accounts.roles import AGENCY_ROLES, OVERSIGHT_ROLES, PERMISSIONS, Permission, Role, is_admitted
from registry.accounts.same_person import account_ever_named
from registry.cases.models import Appeal, Case, CaseDecision, CaseEvent, proposer_before
from registry.cases.transitions import account_took_no_part
from registry.cases.vocabulary import ActionName, AuditEvent, FurtherEvent, Status
from registry.cases.workflow import ORDERING
from registry.core.clock import now
from registry.core.database import db, require_transaction, table_of
from registry.core.dialects import insert_rows
from registry.inbox.models import EntryKind, InboxEntry, Watch
from registry.journal.service import Act
from registry.projects.models import Project

# Recipients of entries: active people who may see the case, and never the person who acted.


class Directory:
    """Everybody who can get entries, loaded once for all acts that are followed together."""

    def __init__(self) -> None:
        columns = (Account.id, Account.name, Account.name_skeleton, Account.role, Account.agency_id)
        people = select(*columns, Account.restricted_admitted_at).order_by(Account.id)
        self.people: Final = db.session.execute(people.where(Account.kind == AccountKind.PERSON, is_active())).all()
        self.by_id: Final = {person.id: person for person in self.people}
        self.of_agencies: Final[dict[int, list[Any]]] = defaultdict(list)
        for person in self.people:
            self.of_agencies[person.agency_id].append(person)
        self.deputies: Final = {each.absent_id: each.deputy_id for each in substitutions()}
        self._chains: Final[dict[int, tuple[int, ...]]] = {}

    def agency_and_above(self, agency_id: int) -> tuple[int, ...]:
        """Return an agency and those above it, the nearest first."""
        if agency_id not in self._chains:
            chain: list[int] = []
            above: int | None = agency_id
            while above is not None and above not in chain:
                chain.append(above)
                above = db.session.scalar(select(AGENCIES.c.parent_id).where(AGENCIES.c.id == above))
            self._chains[agency_id] = tuple(chain)
        return self._chains[agency_id]


@dataclass(frozen=True, slots=True)
class EventContext:
    """An entry of a timeline, the account of its case's assignee and what decides who sees it.

    ``agency_ids``: the project's agency and those above it, the nearest first. ``watchers``: the accounts that follow
    the case or its project.
    """

    event: CaseEvent
    assignee: int | None
    project_id: int
    is_restricted: bool
    agency_ids: tuple[int, ...]
    watchers: Set[int]
    directory: Directory

    def of_account(self, account_id: int | None) -> list[Any]:
        """Return the oversight person with the account, and the deputy of today."""
        both = (account_id, self.directory.deputies.get(account_id or 0))
        people = [person for each in both if (person := self.directory.by_id.get(each or 0)) is not None]
        return self._others_who_see(person for person in people if person.role in OVERSIGHT_ROLES)

    def who_may(self, permission: Permission) -> list[Any]:
        """Return the oversight people whose role has the permission."""
        return self._others_who_see(
            person
            for person in self.directory.people
            if person.role in OVERSIGHT_ROLES and permission in PERMISSIONS[Role(person.role)]
        )

    def of_agency(self, permission: Permission) -> list[Any]:
        """Return the people of the project's agency with the permission; without any, of the nearest agency above
        it.
        """
        for agency_id in self.agency_ids:
            of_one = [
                person
                for person in self._others_who_see(self.directory.of_agencies[agency_id])
                if permission in PERMISSIONS[Role(person.role)]
            ]
            if of_one:
                return of_one
        return []

    def mentioned(self) -> list[Any]:
        """Return the people whom the comment mentions and who may read it."""
        mentions = mentioned_skeletons(self.event.comment)
        if not mentions:
            return []
        possible = {name for names in mentions for name in names}
        existing = set(db.session.scalars(select(Account.name_skeleton).where(Account.name_skeleton.in_(possible))))
        meant = {next((name for name in names if name in existing), "") for names in mentions}
        people = self._others_who_see(person for person in self.directory.people if person.name_skeleton in meant)
        return [each for each in people if self.event.comment_visible_to_agency or each.role not in AGENCY_ROLES]

    def watching(self) -> list[Any]:
        """Return the people who follow the case or its project."""
        people = self.directory.by_id
        return self._others_who_see(people[account_id] for account_id in self.watchers if account_id in people)

    def _others_who_see(self, people: Iterable[Any]) -> list[Any]:
        others = (each for each in people if each.id != self.event.account_id)
        return [person for person in others if self._is_seen_by(person)]

    def _is_seen_by(self, person: Any) -> bool:
        permissions = PERMISSIONS[Role(person.role)]
        if Permission.CASES_READ not in permissions:
            return False
        admitted = is_admitted(person.role, person.restricted_admitted_at)
        if self.is_restricted and not (admitted and Permission.RESTRICTED_READ in permissions):
            return False
        return person.role not in AGENCY_ROLES or (self.event.visible_to_agency and person.agency_id in self.agency_ids)


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


# Entries of acts.

# The acts on cases name the entry of the timeline; that of an audit names its cases.
MOVED_BY_AUDIT: Final = "cases.followed"
DOCUMENT_ADDED: Final = f"case.{FurtherEvent.DOCUMENT_ADDED.value}"
ACTIONS: Final = frozenset(
    (
        MOVED_BY_AUDIT,
        f"case.{AuditEvent.OPENED.value}",
        *(f"case.{action}" for action in (*ActionName.codes(), *FurtherEvent.codes())),
    )
)
# The kinds of entries that ask several people for one act, by the status in which the case waits for it.
WAIT_IN: Final[Mapping[Status, tuple[EntryKind, ...]]] = {
    Status.AWAITING_AGENCY: (EntryKind.QUESTION,),
    Status.NEW: (EntryKind.ANSWERED, EntryKind.REOPENED),
    Status.UNDER_REVIEW: (EntryKind.ANSWERED, EntryKind.REOPENED, EntryKind.RETURNED),
}
# What waits for the person who has the work, and passes on with it.
OF_WORK: Final = tuple(
    kind.value for kind in (EntryKind.ANSWERED, EntryKind.RETURNED, EntryKind.APPEALED, EntryKind.REOPENED)
)
WATCHED_CASES: Final[CompoundSelect[Any]] = union(
    select(Watch.case_id).where(Watch.case_id.is_not(None)),
    select(Case.id).join(Watch, Watch.project_id == Case.project_id),
)
# Below SQLite's limit of 32,766 parameters per statement.
AT_ONCE: Final = 5000
Recipients = list[tuple[EntryKind, list[Any]]]
T = TypeVar("T")


def write_entries(acts: Iterable[Act]) -> None:
    """Write the entries of acts, in the worker's transaction. Of an act that is followed again nothing is written.

    Then mark as read what the actors have seen and what is done, as the timelines say: acts may be followed in any
    order.
    """
    of_cases, of_audits = [], []
    for act in acts:
        if act.action == MOVED_BY_AUDIT:
            of_audits.append(act)
        elif act.action in ACTIONS and "event" in act.details:
            of_cases.append(act)
    if not (of_cases or of_audits):
        return
    # A document may be of an earlier entry, whose recipients have theirs.
    events = {act.details["event"] for act in of_cases if act.action != DOCUMENT_ADDED}
    events.update(event for act in of_audits for event in _events_of_audit(act))
    directory = Directory()
    for chunk in _chunks(sorted(events)):
        _insert(_contexts(directory, chunk))
    cases = {int(act.key) for act in of_cases}
    cases.update(case for act in of_audits for ids in act.details.values() if isinstance(ids, list) for case in ids)
    since = min((act.details["event"] for act in of_cases), default=None)
    for chunk in _chunks(sorted(cases)):
        _mark_done(chunk, since)
    _pass_on([act for act in of_cases if "previous_assignee" in act.details])


def _events_of_audit(act: Act) -> Iterator[int]:
    """The entries of the timelines of reopened cases, which are news to their assignees, and of cases that somebody
    follows.
    """
    of_audit = select(CaseEvent.id).where(CaseEvent.by == f"audit:{act.key}")
    for chunk in _chunks(act.details.get(AuditEvent.REOPENED.value, [])):
        yield from db.session.scalars(of_audit.where(CaseEvent.case_id.in_(chunk)))
    yield from db.session.scalars(of_audit.where(CaseEvent.case_id.in_(WATCHED_CASES)))


def _contexts(directory: Directory, event_ids: Sequence[int]) -> list[EventContext]:
    rows = db.session.execute(
        select(CaseEvent, Case.assignee_account_id, Case.project_id, Project.is_restricted, Project.agency_id)
        .join(Case, Case.id == CaseEvent.case_id)
        .join(Project, Project.id == Case.project_id)
        .where(CaseEvent.id.in_(event_ids))
        .order_by(CaseEvent.id)
    ).all()
    watches = select(Watch).where(
        or_(Watch.case_id.in_({row[0].case_id for row in rows}), Watch.project_id.in_({row[2] for row in rows}))
    )
    watched: dict[tuple[int | None, int | None], list[Watch]] = defaultdict(list)
    for watch in db.session.scalars(watches):
        watched[watch.case_id, watch.project_id].append(watch)

    def watchers(event: CaseEvent, project_id: int) -> frozenset[int]:
        # What was before somebody began to follow is no news.
        watches = (*watched[event.case_id, None], *watched[None, project_id])
        return frozenset(watch.account_id for watch in watches if watch.created_at <= event.at)

    return [
        EventContext(
            event,
            assignee,
            project_id,
            is_restricted,
            directory.agency_and_above(agency_id),
            watchers(event, project_id),
            directory,
        )
        for event, assignee, project_id, is_restricted, agency_id in rows
    ]


def _insert(contexts: Sequence[EventContext]) -> None:
    """Insert one entry for each person and event; of several kinds the first."""
    written = select(InboxEntry.event_id, InboxEntry.account_id)
    written = written.where(InboxEntry.event_id.in_([context.event.id for context in contexts]))
    taken = {(event_id, account_id) for event_id, account_id in db.session.execute(written)}
    rows = []
    for context in contexts:
        event = context.event
        for kind, person in ((kind, person) for kind, people in _recipients(context) for person in people):
            if (event.id, person.id) in taken:
                continue
            taken.add((event.id, person.id))
            entry = {"account_id": person.id, "kind": kind.value, "event_id": event.id, "case_id": event.case_id}
            rows.append({**entry, "project_id": context.project_id, "at": event.at, "read_at": None})
    insert_rows(require_transaction(), InboxEntry, rows)


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
    assigned = context.of_account(context.assignee)
    # Nobody waits for it by name, or nobody who still can sign in: whoever takes the case next.
    return [(EntryKind.ANSWERED, assigned or context.who_may(Permission.CASES_REVIEW))]


def _returned(context: EventContext) -> Recipients:
    if context.event.from_status != Status.AWAITING_APPROVAL:
        return []
    return [(EntryKind.RETURNED, context.of_account(proposer_before(context.event)))]


def _appealed(context: EventContext) -> Recipients:
    of_event = select(CaseDecision).join(Appeal, Appeal.decision_id == CaseDecision.id)
    appealed = db.session.scalars(of_event.where(Appeal.event_id == context.event.id)).one()
    people = [*context.of_account(appealed.proposed_account_id), *context.who_may(Permission.CASES_REVIEW)]
    own = [each for each in people if not account_took_no_part(each.id, each.name, appealed)]
    return [(EntryKind.APPEALED_OWN, own), (EntryKind.APPEALED, people)]


def _reopened(context: EventContext) -> Recipients:
    return [(EntryKind.REOPENED, context.of_account(context.assignee))]


def _assigned(context: EventContext) -> Recipients:
    return [(EntryKind.ASSIGNED, context.of_account(account_ever_named(context.event.details["assignee"])))]


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
    AuditEvent.REOPENED: _reopened,
}


def _pass_on(handed_over: Sequence[Act]) -> None:
    """What the givers of cases have not read of this work passes on to their receivers."""
    of_both: dict[tuple[str, str], list[Act]] = defaultdict(list)
    for act in handed_over:
        of_both[act.details["previous_assignee"], act.details["assignee"]].append(act)
    for (giver, receiver), acts in of_both.items():
        giver_id, receiver_id = map(account_ever_named, (giver, receiver))
        entry, own = table_of(InboxEntry), table_of(InboxEntry).alias()
        has_already = select(own.c.event_id).where(own.c.account_id == receiver_id)
        for chunk in _chunks(acts):
            cases = [int(act.key) for act in chunk]
            by_receiver = select(CaseEvent.id).where(CaseEvent.account_id == receiver_id, CaseEvent.case_id.in_(cases))
            passed = update(entry).where(
                entry.c.account_id == giver_id,
                entry.c.read_at.is_(None),
                entry.c.kind.in_(OF_WORK),
                entry.c.case_id.in_(cases),
                entry.c.event_id < min(act.details["event"] for act in acts),
                entry.c.event_id.not_in(has_already),
                entry.c.event_id.not_in(by_receiver),
            )
            require_transaction().execute(passed.values(account_id=receiver_id))


def _mark_done(case_ids: Sequence[int], since: int | None) -> None:
    """Mark as read the entries of cases on which their reader has acted since, and those that asked for what somebody
    has done since: the case has left the status in which it waited for it.

    ``since``: the first of the entries of timelines that are followed now. What a person did earlier says nothing of an
    entry that was passed on to the person later.
    """
    later = aliased(CaseEvent)
    done = [
        and_(InboxEntry.kind.in_(kinds), later.from_status == status, later.to_status != status)
        for status, kinds in WAIT_IN.items()
    ]
    if since is not None:
        done.append(and_(later.account_id == InboxEntry.account_id, later.id >= since))
    is_done = exists().where(later.case_id == InboxEntry.case_id, later.id > InboxEntry.event_id, or_(*done))
    marked = update(InboxEntry).where(InboxEntry.read_at.is_(None), InboxEntry.case_id.in_(case_ids), is_done)
    require_transaction().execute(marked.values(read_at=now()), execution_options={"synchronize_session": False})


def _chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), AT_ONCE):
        yield values[start : start + AT_ONCE]
