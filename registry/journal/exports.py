"""The journal as a table: all columns of an entry, ``details`` as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from registry.accounts.actors import Actor
from registry.core.pagination import MAX_LIMIT, Page
from registry.core.spreadsheets.writer import Rows, table_as_csv
from registry.journal.queries import list_journal, read_chain
from registry.journal.verification import head_now

COLUMNS: Final = (
    "seq",
    "at",
    "principal",
    "role",
    "action",
    "subject",
    "details",
    "source",
    "request_id",
    "credential",
    "client_request_id",
    "previous_hash",
    "hash",
)


def table_rows(entries: Sequence[Mapping[str, Any]]) -> Rows:
    """Return one row an entry."""
    return [
        [json.dumps(entry[name], ensure_ascii=False) if name == "details" else entry[name] for name in COLUMNS]
        for entry in entries
    ]


def export_csv(actor: Actor, raw: Mapping[str, str]) -> Iterator[bytes]:
    """Stream the entries as CSV, newest first. Raises RoleNotAllowed and Malformed, before the first piece.

    Entries written in the meantime are left out: each page continues where the one before ended.
    """
    first = list_journal(actor, raw, Page(MAX_LIMIT))
    return table_as_csv(COLUMNS, _pages(actor, raw, table_rows(first.items), first.next))


def export_chain(actor: Actor, after: int) -> Iterator[bytes]:
    """Stream the entries after a number as NDJSON, oldest first, each with the text that was hashed.

    Ends with the entry that was the last one at the start. Raises RoleNotAllowed, before the first piece.
    """
    up_to = head_now().seq
    while entries := read_chain(actor, after, up_to, MAX_LIMIT):
        yield "".join(f"{json.dumps(entry, ensure_ascii=False)}\n" for entry in entries).encode()
        after = entries[-1]["seq"]


def _pages(actor: Actor, raw: Mapping[str, str], rows: Rows, following: str | None) -> Iterator[Rows]:
    yield rows
    while following is not None:
        listing = list_journal(actor, raw, Page(MAX_LIMIT, following))
        following = listing.next
        yield table_rows(listing.items)
