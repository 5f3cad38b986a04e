"""What people do with their inbox: mark entries as read, follow cases and projects."""

from collections.abc import Sequence

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from registry.accounts.roles import Actor, Permission
from registry.cases.queries import find_case
from registry.core.clock import now
from registry.core.database import db, require_transaction, transaction, violates
from registry.core.errors import Invalid, NotAllowed, Problem
from registry.inbox.models import InboxEntry, Watch
from registry.inbox.queries import own_account_id
from registry.journal import service as journal
from registry.projects.service import find_project


class InboxNeedsAPerson(NotAllowed):
    """Service accounts have no inbox and follow nothing."""


def mark_read(
    actor: Actor, *, entries: Sequence[int] | None = None, all_entries: bool = False, up_to: int | None = None
) -> int:
    """Mark entries of the actor as read, and return how many were unread until now.

    ``entries``: these ids; those of others are ignored, as are unknown ones. ``all_entries``: all, or those up to the
    id ``up_to``, so that what has arrived since stays unread. Marks are personal and not journalled, like the last
    visit. Raises InboxNeedsAPerson, and Invalid unless exactly one of both is given.
    """
    _require_inbox(actor)
    problems = []
    if (entries is None) is not all_entries:
        problems.append(Problem("/entries", "entries-or-all"))
    if up_to is not None and not all_entries:
        problems.append(Problem("/up_to", "up-to-needs-all"))
    if problems:
        raise Invalid(problems)
    statement = update(InboxEntry).where(InboxEntry.account_id == own_account_id(actor), InboxEntry.read_at.is_(None))
    if entries is not None:
        statement = statement.where(InboxEntry.id.in_(entries))
    if up_to is not None:
        statement = statement.where(InboxEntry.id <= up_to)
    with transaction() as session:
        marked = session.execute(
            statement.values(read_at=now()).returning(InboxEntry.id), execution_options={"synchronize_session": False}
        )
        return len(marked.all())


def mark_seen(actor: Actor, case_id: int, event_id: int) -> None:
    """Mark the actor's entries about a case as read, up to this entry of its timeline; of a service account none."""
    own = (InboxEntry.account_id == own_account_id(actor), InboxEntry.case_id == case_id)
    unread = update(InboxEntry).where(*own, InboxEntry.event_id <= event_id, InboxEntry.read_at.is_(None))
    require_transaction().execute(unread.values(read_at=now()), execution_options={"synchronize_session": False})


def watch_case(actor: Actor, case_id: int, *, follow: bool = True) -> None:
    """Follow a case, or stop following it. Raises RoleNotAllowed, InboxNeedsAPerson and CaseNotFound."""
    _require_inbox(actor, Permission.CASES_READ)
    with transaction():
        case = find_case(actor, case_id)
        if _start(actor, case_id=case.id) if follow else _stop(actor, case_id=case.id):
            journal.record(actor, "case.watched" if follow else "case.unwatched", f"case:{case.id}", {})


def watch_project(actor: Actor, number: str, *, follow: bool = True) -> None:
    """Follow a project, with all its cases, or stop following it. Raises RoleNotAllowed, InboxNeedsAPerson and
    ProjectNotFound.
    """
    _require_inbox(actor, Permission.CASES_READ)
    with transaction():
        project = find_project(actor, number)
        if _start(actor, project_id=project.id) if follow else _stop(actor, project_id=project.id):
            action = "project.watched" if follow else "project.unwatched"
            journal.record(actor, action, f"project:{project.number}", {})


def _require_inbox(actor: Actor, *permissions: Permission) -> None:
    for permission in permissions:
        actor.require(permission)
    if own_account_id(actor) == 0:
        raise InboxNeedsAPerson


def _start(actor: Actor, **followed: int) -> bool:
    """Add the watch unless there is one; of two simultaneous requests one adds it. True when it was added."""
    account_id = own_account_id(actor)
    if db.session.scalar(select(Watch.id).filter_by(account_id=account_id, **followed)) is not None:
        return False
    try:
        with db.session.begin_nested():
            db.session.add(Watch(account_id=account_id, created_at=now(), **followed))
    except IntegrityError as error:
        if not violates(error, "uq_watches_case_id_account_id", "uq_watches_project_id_account_id"):
            raise
        return False
    return True


def _stop(actor: Actor, **followed: int) -> bool:
    """Remove the watch. True when there was one."""
    removed = db.session.execute(
        delete(Watch).filter_by(account_id=own_account_id(actor), **followed).returning(Watch.id),
        execution_options={"synchronize_session": False},
    )
    return bool(removed.all())
