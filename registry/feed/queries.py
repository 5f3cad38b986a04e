"""Reads of the change feed: the changes after a number, narrowed to what the reader may see now."""

import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, RowMapping, Select, and_, case, false, func, not_, null, or_, select, true

from registry.accounts.models import public_url
from registry.accounts.roles import Actor, Permission
from registry.agencies.models import Agency
from registry.changes.models import ChangeKind, ChangeType, RecordedChange, change_type
from registry.changes.service import deleted_up_to, newest_seq
from registry.core.database import db, table_of
from registry.core.errors import Gone
from registry.flags.models import Flag
from registry.imports.models import ImportRun, is_own
from registry.projects.models import Project
from registry.projects.visibility import journal_restricted_reads, visible_projects

# How many changes one statement looks at: of most of them a reader of a small agency sees nothing.
SCANNED_AT_ONCE: Final = 5_000
# How many statements one read makes at most. It then ends early, and the next one goes on where it ended.
SCANS: Final = 10
CHANGE: Final = table_of(RecordedChange).c
PROJECT: Final = table_of(Project).c
AGENCY: Final = table_of(Agency).c
IMPORT: Final = table_of(ImportRun).c
FLAG: Final = table_of(Flag).c
# The permission of the list of each kind of records that belong to a project.
OF_PROJECTS: Final[Mapping[ChangeKind, Permission]] = {
    ChangeKind.PROJECT: Permission.PROJECTS_READ,
    ChangeKind.FLAG: Permission.PROJECTS_READ,
    ChangeKind.CASE: Permission.CASES_READ,
    ChangeKind.EXEMPTION: Permission.EXEMPTIONS_READ,
}
COLLECTIONS: Final[Mapping[ChangeKind, str]] = {
    ChangeKind.AGENCY: "agencies",
    ChangeKind.PROJECT: "projects",
    ChangeKind.CASE: "cases",
    ChangeKind.EXEMPTION: "exemptions",
    ChangeKind.IMPORT: "imports",
    ChangeKind.AUDIT: "audits",
}
# What shows a flag or a case besides its own list: a case its flags and decisions, a flag its case.
OF_FLAGS_AND_CASES: Final = ("flags", "cases")
# A case shows the agency of its project.
OF_PASSED_ON: Final = ("cases",)
# Of a project: what to read again when it comes into view.
LISTS_OF_PROJECT: Final[Mapping[str, Permission]] = {
    "flags": Permission.PROJECTS_READ,
    "cases": Permission.CASES_READ,
    "exemptions": Permission.EXEMPTIONS_READ,
}
API: Final = "/api/v1"


class ChangesExpired(Gone):
    """The changes after this number were deleted: whoever follows the feed has to read the lists again."""


class ChangesNotReached(Gone):
    """The feed has no such number yet: it is not of this register, or was restored by hand. Read the lists again."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change as one reader sees it. ``subject`` is ``kind:key``, as in the journal.

    ``data``: ``project`` and ``agency`` (number and BIN, as they are now), ``rule`` of a flag, ``before`` and ``after``
    (``status``, ``severity``, and the values of some fields that changed; ``before`` is None for a new record), and
    ``fields``, the names of fields that changed. What a kind does not have is None; a change of view has the project
    alone. ``is_restricted``: the project is restricted now.
    """

    seq: int
    at: datetime
    type: ChangeType
    kind: ChangeKind
    subject: str
    version: int | None
    links: dict[str, str]
    data: dict[str, Any]
    source: str | None
    is_restricted: bool = False


@dataclass(frozen=True, slots=True)
class ChangesRead:
    """Changes in their order, and the number up to which the feed was looked at: the next read goes on after it.

    ``has_more``: there were later changes when it was read.
    """

    changes: list[Change] = field(default_factory=list)
    read_up_to: int = 0
    has_more: bool = False


def read_changes(actor: Actor | None, after: int, limit: int) -> ChangesRead:
    """Return at most ``limit`` changes after a number, in their order, as the actor may see them now; None: all of
    them.

    A shorter list may have more after it: go on after ``read_up_to``. Raises ChangesExpired and ChangesNotReached.
    Without an actor a change of view has the type that fits somebody who sees everything now: ask with an actor.
    """
    session = db.session()
    # Read before the changes: all up to it were committed before it was.
    newest = newest_seq()
    if after > newest:
        raise ChangesNotReached(after=after, newest=newest)
    shown: list[Change] = []
    statement = _statement(actor)
    read_up_to = after
    for _ in range(SCANS):
        if read_up_to >= newest or len(shown) == limit:
            break
        until = min(read_up_to + SCANNED_AT_ONCE, newest)
        part = statement.where(CHANGE.seq > read_up_to, CHANGE.seq <= until).limit(limit - len(shown))
        rows = session.execute(part).mappings().all()
        shown += [_change(actor, row) for row in rows]
        read_up_to = shown[-1].seq if len(shown) == limit else until
    # Read after the changes: what was deleted before it is missing among them.
    deleted = deleted_up_to()
    if after < deleted:
        raise ChangesExpired(after=after, oldest=deleted)
    return ChangesRead(shown, read_up_to, read_up_to < newest)


def changes_at(actor: Actor, seqs: Collection[int]) -> list[Change]:
    """Return those of the changes with these numbers that the actor may see now, in their order."""
    if not seqs:
        return []
    statement = _statement(actor).where(CHANGE.seq.in_(sorted(seqs)))
    return [_change(actor, row) for row in db.session.execute(statement).mappings()]


def record_reads(actor: Actor, changes: Sequence[Change]) -> None:
    """Journal that the actor has read of restricted projects."""
    shown = (change for change in changes if change.is_restricted)
    journal_restricted_reads(actor, (str(change.data["project"]) for change in shown), "changes")


def _statement(actor: Actor | None) -> Select[Any]:
    changes, projects = table_of(RecordedChange), table_of(Project)
    is_visible = true() if actor is None else and_(true(), *visible_projects(actor))
    joined = (
        changes.outerjoin(projects, PROJECT.id == CHANGE.project_id)
        .outerjoin(
            table_of(Agency), AGENCY.id == func.coalesce(PROJECT.agency_id, _of(ChangeKind.AGENCY, CHANGE.record_id))
        )
        .outerjoin(table_of(ImportRun), IMPORT.id == _of(ChangeKind.IMPORT, CHANGE.record_id))
        .outerjoin(table_of(Flag), FLAG.id == _of(ChangeKind.FLAG, CHANGE.record_id))
    )
    shown = (PROJECT.number, AGENCY.bin, FLAG.rule, PROJECT.is_restricted, is_visible.label("is_visible"))
    # Other kinds are for the journal alone.
    of_feed = CHANGE.kind.in_([kind.value for kind in ChangeKind])
    statement = select(*CHANGE, *shown).select_from(joined).where(of_feed).order_by(CHANGE.seq)
    return statement if actor is None else statement.where(_may_see(actor, is_visible))


def _of(kind: ChangeKind, column: ColumnElement[int]) -> ColumnElement[int | None]:
    """Return the column for changes of this kind, NULL for others."""
    return case((CHANGE.kind == kind.value, column), else_=null())


def _may_see(actor: Actor, is_visible: ColumnElement[bool]) -> ColumnElement[bool]:
    of_projects = [kind.value for kind, permission in OF_PROJECTS.items() if actor.may(permission)]
    seen: list[ColumnElement[bool]] = [and_(CHANGE.kind.in_(of_projects), is_visible)]
    if actor.may(Permission.PROJECTS_READ):
        seen.append(and_(CHANGE.kind == ChangeKind.VIEW.value, _could_see(actor) != is_visible))
    if actor.may(Permission.AGENCIES_READ):
        seen.append(CHANGE.kind == ChangeKind.AGENCY.value)
    if actor.may(Permission.AUDITS_READ):
        seen.append(CHANGE.kind == ChangeKind.AUDIT.value)
    own = true() if actor.may(Permission.IMPORTS_READ_ALL) else is_own(actor)
    seen.append(and_(CHANGE.kind == ChangeKind.IMPORT.value, own))
    return or_(*seen)


def _could_see(actor: Actor) -> ColumnElement[bool]:
    """Of a change of view: that the actor could see the project until then."""
    was_open = true() if actor.may(Permission.RESTRICTED_READ) else not_(func.coalesce(CHANGE.was_restricted, false()))
    if actor.agency_id is None:
        return and_(true(), was_open)
    return and_(CHANGE.seen_by.contains(f",{actor.agency_id},", autoescape=True), was_open)


def _change(actor: Actor | None, row: RowMapping) -> Change:
    kind = ChangeKind(row["kind"])
    # Of several edits in one transaction, each has its own.
    fields = list(dict.fromkeys((row["fields"] or "").split()))
    number, agency = row["number"], row["bin"]
    if kind is ChangeKind.VIEW:
        return _view_change(actor, row)
    key = {ChangeKind.PROJECT: number, ChangeKind.AGENCY: agency}.get(kind, row["record_id"])
    data = {
        "project": number,
        "agency": None if number is None else agency,
        "rule": row["rule"],
        "before": None if row["old_status"] is None else _state(row, "old", "before"),
        "after": _state(row, "new", "after"),
        "fields": fields,
    }
    links = {}
    if kind in COLLECTIONS:
        links["self"] = f"{API}/{COLLECTIONS[kind]}/{key}"
    if number is not None:
        links["project"] = f"{API}/projects/{number}"
    happened = change_type(kind, row["old_status"], row["new_status"], fields)
    if kind in (ChangeKind.FLAG, ChangeKind.CASE):
        links |= _lists_of_project(actor, number, OF_FLAGS_AND_CASES)
    elif happened is ChangeType.PROJECT_PASSED_ON:
        links |= _lists_of_project(actor, number, OF_PASSED_ON)
    return Change(
        seq=row["seq"],
        at=row["at"],
        type=happened,
        kind=kind,
        subject=f"{kind}:{key}",
        version=row["version"],
        links=links,
        data=data,
        source=public_url(),
        is_restricted=bool(row["is_restricted"]),
    )


def _view_change(actor: Actor | None, row: RowMapping) -> Change:
    number, is_visible = row["number"], row["is_visible"]
    links = {}
    if is_visible:
        links = {"self": f"{API}/projects/{number}"}
        links |= _lists_of_project(actor, number, LISTS_OF_PROJECT)
    return Change(
        seq=row["seq"],
        at=row["at"],
        type=ChangeType.PROJECT_RETURNED_TO_VIEW if is_visible else ChangeType.PROJECT_WITHDRAWN_FROM_VIEW,
        kind=ChangeKind.VIEW,
        subject=f"project:{number}",
        version=None,
        links=links,
        data={"project": number, "agency": None, "rule": None, "before": None, "after": None, "fields": []},
        source=public_url(),
        is_restricted=bool(is_visible and row["is_restricted"]),
    )


def _lists_of_project(actor: Actor | None, number: str, names: Iterable[str]) -> dict[str, str]:
    """Return the lists of a project that the actor may read."""
    may_read = (name for name in names if actor is None or actor.may(LISTS_OF_PROJECT[name]))
    return {name: f"{API}/{name}?project={number}" for name in may_read}


def _state(row: RowMapping, age: str, side: str) -> dict[str, Any]:
    state: dict[str, Any] = {"status": row[f"{age}_status"], "severity": row[f"{age}_severity"]}
    state.update((row["details"] or {}).get(side, {}))
    return state


# Long polls: requests that wait for the next change, as few as leave threads for everybody else.
#
# A web process has 8 threads, under waitress as under granian. At most three of its requests wait, of one principal
# one at a time; further ones are answered at once. While a request waits it holds no connection to the database.

MAX_WAIT_S: Final = 30
MAX_WAITING: Final = 3
POLL_INTERVAL_S: Final = 0.5


class Waiting:
    """Who waits in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._principals: set[str] = set()
        self._stopping = threading.Event()

    def stop_with(self, stopping: threading.Event) -> None:
        """End all waits when the event is set, so that the server stops soon."""
        self._stopping = stopping

    @contextmanager
    def place(self, principal: str) -> Iterator[bool]:
        """Take a place; False when there is none, or the principal has one."""
        with self._lock:
            has_place = len(self._principals) < MAX_WAITING and principal not in self._principals
            if has_place:
                self._principals.add(principal)
        try:
            yield has_place
        finally:
            if has_place:
                with self._lock:
                    self._principals.discard(principal)

    def pause(self) -> bool:
        """Wait a moment; False when the server stops."""
        return not self._stopping.wait(POLL_INTERVAL_S)


WAITING: Final = Waiting()


def wait_for_changes(
    actor: Actor,
    after: int,
    limit: int,
    seconds: int,
    clock: Callable[[], float] = time.monotonic,
    *,
    renewed: Callable[[], Actor] | None = None,
    fits: Callable[[Change], bool] = lambda _change: True,
) -> ChangesRead:
    """Changes after a number as ``read_changes`` reads them; without any, wait so many seconds for the next ones.

    ``renewed``: the reader as they are after a wait, in which a token may be revoked or a role changed; what it raises
    ends the request. ``fits``: those that the reader asks for. The others are skipped, at first without waiting: the
    reader goes on after them. Raises ChangesExpired and ChangesNotReached.
    """

    def narrowed(page: ChangesRead) -> ChangesRead:
        return replace(page, changes=[change for change in page.changes if fits(change)])

    read = read_changes(actor, after, limit)
    if read.changes or read.has_more or not seconds:
        return narrowed(read)
    until = clock() + seconds
    with WAITING.place(actor.principal) as has_place:
        while has_place and not read.changes and clock() < until:
            # Give back the connection: others need it while this request waits.
            db.session.rollback()
            if not WAITING.pause():
                break
            if newest_seq() > read.read_up_to:
                reader = actor if renewed is None else renewed()
                read = narrowed(read_changes(reader, read.read_up_to, limit))
    return read
