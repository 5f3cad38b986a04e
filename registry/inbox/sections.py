"""Sections of the home page: the newest unread entries of each kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, select

from registry.accounts.actors import Actor
from registry.core.database import db
from registry.inbox.models import InboxEntry
from registry.inbox.queries import SHOWN, own_account_id, visible_entries
from registry.inbox.vocabulary import EntryKind
from registry.projects.visibility import journal_restricted_reads

AT_MOST: Final = 5


@dataclass(frozen=True, slots=True)
class Section:
    """Unread entries of one kind, newest first."""

    kind: EntryKind
    entries: list[dict[str, Any]]


def unread_sections(actor: Actor) -> list[Section]:
    """The sections that have entries, in the order of the kinds, each with at most AT_MOST of them.

    Restricted projects among them are journalled as read.
    """
    if own_account_id(actor) == 0:
        return []
    place = func.row_number().over(partition_by=InboxEntry.kind, order_by=InboxEntry.id.desc()).label("_place")
    unread = visible_entries(actor, *SHOWN, place).where(InboxEntry.read_at.is_(None)).subquery()
    newest = select(unread).where(unread.c._place <= AT_MOST).order_by(unread.c.id.desc())
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for row in db.session.execute(newest).mappings():
        by_kind.setdefault(row["kind"], []).append(dict(row))
    shown = [row for rows in by_kind.values() for row in rows]
    journal_restricted_reads(actor, [row["project"] for row in shown if row["_restricted"]], "inbox")
    return [Section(kind, by_kind[kind.value]) for kind in EntryKind if kind.value in by_kind]
