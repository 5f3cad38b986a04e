"""The inbox of the actor: entries about what the actor may still see, how many are unread, and what is due soon."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, case, func, select

from registry.accounts.absences import substituted_by
from registry.accounts.roles import AGENCY_ROLES, Actor, Permission
from registry.cases.lists import list_cases
from registry.cases.models import Case, CaseEvent
from registry.cases.vocabulary import Status
from registry.core import lists
from registry.core.clock import today
from registry.core.database import db
from registry.core.errors import NotFound
from registry.core.lists import Listing, Page
from registry.core.translations import Language
from registry.inbox.models import EntryKind, InboxEntry, Watch
from registry.projects.models import Project
from registry.projects.visibility import journal_restricted_reads, visible_projects

DUE_SOON: Final = timedelta(days=3)
# As many are due soon on one page; the list of cases has the others.
MAX_DUE_SOON: Final = 20
# The badge of the menu says "99+" for more.
MAX_COUNTED: Final = 100
SHOWN: Final[tuple[ColumnElement[Any], ...]] = (
    InboxEntry.id.expression,
    InboxEntry.kind.expression,
    InboxEntry.at.expression,
    InboxEntry.read_at.expression,
    InboxEntry.case_id.label("case"),
    Project.number.label("project"),
    Project.is_restricted.label("_restricted"),
    CaseEvent.by.label("by"),
    # While the case still waits for what the entry is about.
    case((Case.status == CaseEvent.to_status, Case.due_on)).label("due_on"),
)
WAITS_FOR_AGENCY: Final = (Status.AWAITING_AGENCY, Status.REMEDIATION)
WAITS_FOR_REVIEWER: Final = (Status.UNDER_REVIEW, Status.AWAITING_APPROVAL, Status.AWAITING_CONFIRMATION)


class InboxEntryNotFound(NotFound):
    """The actor has no entry with this id, or no longer sees what it is about."""


def visible_entries(actor: Actor, *columns: Any) -> Select[Any]:
    """Return the actor's entries about cases that the actor sees today; an agency only those about entries that it may
    see.
    """
    statement = (
        select(*columns)
        .select_from(InboxEntry)
        .join(Project, Project.id == InboxEntry.project_id)
        .join(CaseEvent, CaseEvent.id == InboxEntry.event_id)
        .join(Case, Case.id == InboxEntry.case_id)
        .where(InboxEntry.account_id == own_account_id(actor), *visible_projects(actor))
    )
    return statement.where(CaseEvent.visible_to_agency.is_(True)) if actor.role in AGENCY_ROLES else statement


def _shown(actor: Actor, rows: Sequence[Any]) -> list[dict[str, Any]]:
    journal_restricted_reads(actor, [row["project"] for row in rows if row["_restricted"]], "inbox")
    return [dict(row) for row in rows]


# A service account has no entries.
INBOX: Final = lists.RecordList[Actor](
    name="inbox",
    permission=Permission.CASES_READ,
    rows=lambda actor: visible_entries(actor, *SHOWN),
    unique=InboxEntry.id.expression,
    shown=_shown,
    filters={
        "unread": lists.BooleanFilter(InboxEntry.read_at.is_(None)),
        "kind": lists.ChoiceFilter(InboxEntry.kind.expression, EntryKind.codes()),
    },
    sorts=lists.sort_keys(InboxEntry.id.expression),
)


def own_account_id(actor: Actor) -> int:
    """Return the actor's account as the inbox knows it; 0, which no account has, for all but people."""
    return actor.account_id if actor.is_person and actor.account_id is not None else 0


def count_unread(actor: Actor) -> int:
    """Return how many unread entries the actor sees, at most MAX_COUNTED."""
    if own_account_id(actor) == 0 or not actor.may(Permission.CASES_READ):
        return 0
    unread = visible_entries(actor, InboxEntry.id).where(InboxEntry.read_at.is_(None)).limit(MAX_COUNTED).subquery()
    return db.session.scalar(select(func.count()).select_from(unread)) or 0


def case_of_entry(actor: Actor, entry_id: int) -> int:
    """Return the case of an entry of the actor. Raises InboxEntryNotFound."""
    case_id = db.session.scalar(visible_entries(actor, InboxEntry.case_id).where(InboxEntry.id == entry_id))
    if case_id is None:
        raise InboxEntryNotFound(id=entry_id)
    return int(case_id)


def unread_of_case(actor: Actor, case_id: int) -> list[int]:
    """Return the ids of the actor's unread entries about a case."""
    unread = visible_entries(actor, InboxEntry.id).where(InboxEntry.read_at.is_(None), InboxEntry.case_id == case_id)
    return list(db.session.scalars(unread.order_by(InboxEntry.id)))


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxListing(Listing):
    """A page of entries, and the cases that are due soon."""

    due_soon: list[dict[str, Any]]


def due_soon_filters(actor: Actor) -> dict[str, str]:
    """Return the filters of the list of cases that gives what the actor, or the actor's agency, must do in three
    days.
    """
    until = {"due_on_from": today().isoformat(), "due_on_to": (today() + DUE_SOON).isoformat()}
    if actor.role in AGENCY_ROLES:
        return {"status": ",".join(WAITS_FOR_AGENCY), **until}
    own = ",".join([actor.principal, *substituted_by(actor)])
    return {"status": ",".join(WAITS_FOR_REVIEWER), "assignee": own, **until}


def due_soon(actor: Actor, language: Language) -> list[Any]:
    """Return the cases that are due in three days, earliest first, as lists show them; none for who does not act on
    cases.
    """
    if not (actor.role in AGENCY_ROLES or actor.may(Permission.CASES_REVIEW)):
        return []
    return list_cases(actor, due_soon_filters(actor), Page(MAX_DUE_SOON), language).items


def cases_due_soon(actor: Actor, language: Language) -> list[dict[str, Any]]:
    """Return what the API shows of the cases of ``due_soon``; none for a service account, which has no inbox."""
    if own_account_id(actor) == 0:
        return []
    names = ("project", "status", "due_on")
    return [{"case": case["id"], **{name: case[name] for name in names}} for case in due_soon(actor, language)]


def is_watching(actor: Actor, *, case_id: int | None = None, project_id: int | None = None) -> bool:
    """Return True when the actor follows the case, or the project."""
    of: ColumnElement[bool] = Watch.project_id == project_id if case_id is None else Watch.case_id == case_id
    own = select(Watch.id).where(Watch.account_id == own_account_id(actor), of)
    return db.session.scalar(own) is not None


def newest_entry_id(actor: Actor) -> int:
    """Return the id of the actor's newest entry, 0 without one."""
    newest = select(func.max(InboxEntry.id)).where(InboxEntry.account_id == own_account_id(actor))
    return db.session.scalar(newest) or 0
