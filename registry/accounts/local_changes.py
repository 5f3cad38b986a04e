"""What the command line changed in accounts and tokens: administrators are shown at their next sign-in."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import func, or_, select

from registry.accounts.actors import LOCAL, Actor
from registry.accounts.roles import Permission
from registry.accounts.same_person import names_of
from registry.core.clock import rfc3339
from registry.core.database import db
from registry.journal.service import JournalEntry

MOST: Final = 100
SUBJECTS: Final = ("account.", "token.")


def local_changes_since(actor: Actor, at: datetime, most: int = MOST) -> list[JournalEntry]:
    """The entries of the command line about accounts and tokens after an instant, the newest first.

    Raises RoleNotAllowed unless the role may confirm accounts and read the journal: administrators and supervisors.
    """
    actor.require(Permission.ACCOUNTS_CONFIRM, step_up=False)
    actor.require(Permission.JOURNAL_READ)
    # Read from the end of the chain: only entries since then are looked at, however long the journal is.
    earlier = select(func.max(JournalEntry.seq)).where(JournalEntry.at <= rfc3339(at)).scalar_subquery()
    statement = (
        select(JournalEntry)
        .where(
            JournalEntry.seq > func.coalesce(earlier, 0),
            JournalEntry.credential == LOCAL,
            or_(*(JournalEntry.action.startswith(prefix, autoescape=True) for prefix in SUBJECTS)),
        )
        .order_by(JournalEntry.seq.desc())
        .limit(most)
    )
    return list(db.session.scalars(statement))


def previous_sign_in(actor: Actor) -> datetime | None:
    """When the person signed in before the present session; None at the first sign-in."""
    statement = (
        select(JournalEntry.at)
        .where(JournalEntry.principal.in_(names_of(actor)), JournalEntry.action == "person.signed-in")
        .order_by(JournalEntry.seq.desc())
        .offset(1)
        .limit(1)
    )
    at = db.session.scalar(statement)
    return None if at is None else datetime.fromisoformat(at)
