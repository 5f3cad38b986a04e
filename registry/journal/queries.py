"""Journal queries. Entries about restricted projects are visible only to actors who may read those.

Whether an entry is about a restricted project is decided by the project of its subject, whatever its kind
(``subjects.py``). Reading such entries is journalled, except entries of ``restricted.read`` itself: otherwise each
page read would append entries, and a reader would never reach the end.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, select

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.accounts.same_person import every_name_of
from registry.core.database import db
from registry.core.errors import Malformed, NotFound, Problem
from registry.core.filters import (
    MAX_VALUE_LENGTH,
    ColumnFilter,
    TextFilter,
    conditions,
    split_values,
    timestamp_filters,
)
from registry.core.pagination import Listing, Page, SortKey, after, build_page, order_by
from registry.core.value_checks import control_character
from registry.journal.redaction import redact_details
from registry.journal.search import search_condition
from registry.journal.service import JournalEntry, hashed_text
from registry.journal.subjects import restricted_subjects
from registry.projects.visibility import RESTRICTED_READ_ACTION, journal_restricted_reads

COLUMNS: Final = tuple(column.label(column.key) for column in JournalEntry.__table__.columns)
KEY: Final = SortKey("seq", JournalEntry.seq.expression, int)


@dataclass(frozen=True, slots=True)
class PrincipalFilter(TextFilter):
    """Names, separated by commas: of a renamed account the entries under its present and its former names."""

    def condition(self, value: str) -> ColumnElement[bool]:
        """The SQL condition for a filter value. Raises InvalidValue."""
        # A name may have commas itself.
        return self.column.in_(every_name_of({*split_values(value), value.strip()}))


JOURNAL_FILTERS: Final[Mapping[str, ColumnFilter]] = {
    "subject": TextFilter(JournalEntry.subject.expression),
    "action": TextFilter(JournalEntry.action.expression),
    "principal": PrincipalFilter(JournalEntry.principal.expression),
    "request_id": TextFilter(JournalEntry.request_id.expression),
    **timestamp_filters("at", JournalEntry.at.expression),
}


class JournalEntryNotFound(NotFound):
    """The entry does not exist, or the actor may not see it."""


def list_journal(actor: Actor, raw: Mapping[str, str], page: Page) -> Listing:
    """A page of entries, newest first (``sort``: ``-seq`` or ``seq``). Raises RoleNotAllowed and Malformed.

    ``q`` in ``raw`` searches names, projects and agencies (``search.py``); the other filters are JOURNAL_FILTERS.
    The restricted projects among them are journalled as read.
    """
    actor.require(Permission.JOURNAL_READ)
    if page.sort not in (None, "seq", "-seq"):
        raise Malformed([Problem("sort", "not-a-choice", {"options": "seq, -seq"})])
    descending = page.sort != "seq"
    statement = _entries(actor).add_columns(JournalEntry.seq.label("_sort"), JournalEntry.seq.label("_id"))
    filters = {name: value for name, value in raw.items() if name != "q"}
    statement = statement.where(*conditions(JOURNAL_FILTERS, filters))
    if "q" in raw:
        statement = statement.where(search_condition(actor, _searched(raw["q"])))
    if page.cursor is not None:
        statement = statement.where(after(KEY, JournalEntry.seq.expression, descending, page.cursor))
    ordered = statement.order_by(*order_by(KEY, JournalEntry.seq.expression, descending)).limit(page.limit + 1)
    listing = build_page(db.session.execute(ordered).mappings().all(), page, KEY, descending)
    return Listing(_journalled_as_read(actor, listing.items), listing.next)


def read_chain(actor: Actor, after_seq: int, up_to: int, limit: int) -> list[dict[str, Any]]:
    """The next entries of the chain, oldest first: each with the text that was hashed, or redacted.

    Redacted is what the actor may not see whole. The restricted projects of the others are journalled as read. Raises
    RoleNotAllowed.
    """
    actor.require(Permission.JOURNAL_READ)
    restricted = restricted_subjects()
    statement = (
        select(*COLUMNS, restricted.c.project.label("_restricted"))
        .select_from(JournalEntry)
        .outerjoin(restricted, restricted.c.subject == JournalEntry.subject)
        .where(JournalEntry.seq > after_seq, JournalEntry.seq <= up_to)
        .order_by(JournalEntry.seq)
        .limit(limit)
    )
    rows = db.session.execute(statement).mappings().all()
    if actor.may(Permission.RESTRICTED_READ):
        _journalled_as_read(actor, rows)
    return [_link(row, redacted=not _is_seen_whole(actor, row)) for row in map(dict, rows)]


def _is_seen_whole(actor: Actor, row: Mapping[str, Any]) -> bool:
    if actor.may(Permission.RESTRICTED_READ):
        return True
    entry = _entry_values(row)
    return row["_restricted"] is None and redact_details(actor, [entry])[0]["details"] == entry["details"]


def _link(row: Mapping[str, Any], *, redacted: bool) -> dict[str, Any]:
    return {
        "seq": row["seq"],
        "previous_hash": row["previous_hash"],
        "hash": row["hash"],
        "redacted": redacted,
        "hashed": None if redacted else hashed_text(row),
    }


def find_entry(actor: Actor, seq: int) -> dict[str, Any]:
    """One entry; a restricted project is journalled as read. Raises RoleNotAllowed and JournalEntryNotFound."""
    actor.require(Permission.JOURNAL_READ)
    row = db.session.execute(_entries(actor).where(JournalEntry.seq == seq)).mappings().one_or_none()
    if row is None:
        raise JournalEntryNotFound(seq=seq)
    return _journalled_as_read(actor, [row])[0]


def _searched(text: str) -> str:
    if len(text) > MAX_VALUE_LENGTH or control_character(text) is not None:
        raise Malformed([Problem("q", "not-usable")])
    if not text.strip():
        raise Malformed([Problem("q", "value-missing")])
    return text.strip()


def _entries(actor: Actor) -> Select[Any]:
    """The entries visible to the actor; ``_restricted`` is the number of the restricted project, if any."""
    restricted = restricted_subjects()
    statement = (
        select(*COLUMNS, restricted.c.project.label("_restricted"))
        .select_from(JournalEntry)
        .outerjoin(restricted, restricted.c.subject == JournalEntry.subject)
    )
    return statement if actor.may(Permission.RESTRICTED_READ) else statement.where(restricted.c.project.is_(None))


def _journalled_as_read(actor: Actor, rows: Sequence[Any]) -> list[dict[str, Any]]:
    entries = [_entry_values(row) for row in rows]
    if not actor.may(Permission.RESTRICTED_READ):
        return redact_details(actor, entries)
    read = (row["_restricted"] for row in rows if row["_restricted"] and row["action"] != RESTRICTED_READ_ACTION)
    journal_restricted_reads(actor, read, "journal")
    return entries


def _entry_values(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**{name: row[name] for name in row if not name.startswith("_")}, "details": json.loads(row["details"])}
