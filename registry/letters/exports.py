"""The register of letters as a table: codes and ISO dates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from registry.accounts.actors import Actor
from registry.core.clock import rfc3339
from registry.core.pagination import MAX_LIMIT, Page
from registry.core.spreadsheets.writer import Rows, table_as_csv
from registry.letters.queries import list_letters

COLUMNS: Final = (
    "number",
    "kind",
    "issued_on",
    "issued_at",
    "agency",
    "agency_name_kk",
    "agency_name_ru",
    "project",
    "case",
    "decision",
    "due_on",
    "answer_by",
    "appeal_until",
    "stands",
    "ended_because",
    "sha256",
)


def export_csv(actor: Actor, raw: Mapping[str, str]) -> Iterator[bytes]:
    """Stream the letters as CSV, newest first. Raises RoleNotAllowed and Malformed, before the first piece."""
    first = list_letters(actor, raw, Page(MAX_LIMIT))
    return table_as_csv(COLUMNS, _pages(actor, raw, letter_rows(first.items), first.next))


def letter_rows(letters: Sequence[Mapping[str, Any]]) -> Rows:
    """Return one row a letter."""
    return [[_cell(letter, name) for name in COLUMNS] for letter in letters]


def _cell(letter: Mapping[str, Any], name: str) -> Any:
    if name.startswith("agency_name_"):
        return letter["agency_names"][name.removeprefix("agency_")]
    value = letter[name]
    if name == "issued_at":
        return rfc3339(value)
    return ("true" if value else "false") if isinstance(value, bool) else value


def _pages(actor: Actor, raw: Mapping[str, str], rows: Rows, following: str | None) -> Iterator[Rows]:
    yield rows
    while following is not None:
        listing = list_letters(actor, raw, Page(MAX_LIMIT, following))
        following = listing.next
        yield letter_rows(listing.items)
