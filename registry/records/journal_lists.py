"""The journal, page by page, for who may read it. Entries on restricted projects show to who may read those."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, select

from registry.access.actors import Actor
from registry.access.roles import Permission
from registry.records.plain_filters import PlainFilter, Texts, conditions, moment_filters
from registry.records.project_table import Project
from registry.store.database import db
from registry.store.errors import Malformed, NotFound, Problem
from registry.store.journal import JournalEntry
from registry.store.paging import Listing, Page, SortKey, after, cut, order_by

COLUMNS: Final = tuple(column.label(column.key) for column in JournalEntry.__table__.columns)
KEY: Final = SortKey("seq", JournalEntry.seq.expression, int)

JOURNAL_FILTERS: Final[Mapping[str, PlainFilter]] = {
    "subject": Texts(JournalEntry.subject.expression),
    "action": Texts(JournalEntry.action.expression),
    "principal": Texts(JournalEntry.principal.expression),
    "request_id": Texts(JournalEntry.request_id.expression),
    **moment_filters("at", JournalEntry.at.expression),
}


class JournalEntryNotFound(NotFound):
    """The journal has no such entry, or none that the actor may see."""


def list_journal(by: Actor, raw: Mapping[str, str], page: Page) -> Listing:
    """A page of entries, the newest first (``sort``: ``-seq`` or ``seq``). Raises RoleNotAllowed and Malformed."""
    by.require(Permission.JOURNAL_READ)
    if page.sort not in (None, "seq", "-seq"):
        raise Malformed([Problem("sort", "not-a-choice", {"options": "seq, -seq"})])
    descending = page.sort != "seq"
    statement = select(*COLUMNS, JournalEntry.seq.label("_sort"), JournalEntry.seq.label("_id"))
    statement = statement.where(*conditions(JOURNAL_FILTERS, raw), *_visible(by))
    if page.cursor is not None:
        statement = statement.where(after(KEY, JournalEntry.seq.expression, descending, page.cursor))
    ordered = statement.order_by(*order_by(KEY, JournalEntry.seq.expression, descending)).limit(page.limit + 1)
    listing = cut(db.session.execute(ordered).mappings().all(), page, KEY, descending)
    return Listing([_shown(row) for row in listing.items], listing.next)


def find_entry(by: Actor, seq: int) -> dict[str, Any]:
    """One entry. Raises RoleNotAllowed and JournalEntryNotFound."""
    by.require(Permission.JOURNAL_READ)
    statement = select(*COLUMNS).where(JournalEntry.seq == seq, *_visible(by))
    row = db.session.execute(statement).mappings().one_or_none()
    if row is None:
        raise JournalEntryNotFound(seq=seq)
    return _shown(dict(row))


def _visible(by: Actor) -> list[ColumnElement[bool]]:
    if by.may(Permission.RESTRICTED_READ):
        return []
    restricted = select("project:" + Project.number).where(Project.is_restricted.is_(True))
    return [JournalEntry.subject.not_in(restricted)]


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**{name: row[name] for name in row if not name.startswith("_")}, "details": json.loads(row["details"])}
