"""Keyset pagination: a cursor holds the sort values of the last row returned, so that every page costs the same."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal, literal_column, or_, tuple_

from registry.core.clock import rfc3339
from registry.core.errors import Malformed, Problem

DEFAULT_LIMIT = 50
MAX_LIMIT = 500
ESTIMATED = "estimated"
COUNTS = ("exact", ESTIMATED)
# Text that both databases can store: no NUL and no lone surrogates.
STORABLE = re.compile("[^\x00\ud800-\udfff]*")


@dataclass(frozen=True, slots=True)
class Page:
    """The requested page: maximum number of rows, cursor, sort order (``name`` or ``-name``), and one of ``COUNTS``."""

    limit: int = DEFAULT_LIMIT
    cursor: str | None = None
    sort: str | None = None
    count: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of rows as mappings, and the cursor of the next page; None on the last page.

    ``count``: the number of rows of all pages, if the page asks for it.
    """

    items: list[Any]
    next: str | None
    count: int | None = None


@dataclass(frozen=True, slots=True)
class SortKey:
    """A column to sort by, its name in the cursor, and whether it is nullable (NULLs sort last).

    ``ends`` are SQL values below and above all others that replace NULL. An index on the coalesced column then serves
    the sort, and every page costs the same.
    """

    name: str
    column: ColumnElement[Any]
    kind: type
    nullable: bool = False
    ends: tuple[str, str] | None = None

    def placed(self, descending: bool) -> ColumnElement[Any]:
        """The sort expression."""
        return self.column if self.ends is None else func.coalesce(self.column, self.last(descending))

    def last(self, descending: bool) -> ColumnElement[Any]:
        """The value that replaces NULL. Raises ValueError without ``ends``."""
        if self.ends is None:
            raise ValueError(self.name)
        return literal_column(self.ends[0 if descending else 1], self.column.type)


def chosen_sort(sorts: Mapping[str, SortKey], sort: str) -> tuple[SortKey, bool]:
    """The key of ``name`` or ``-name``, and whether it descends. Raises Malformed for another name."""
    key = sorts.get(sort.removeprefix("-"))
    if key is None:
        raise Malformed([Problem("sort", "not-a-choice", {"options": ", ".join(sorts)})])
    return key, sort.startswith("-")


def literal_limit(count: int) -> ColumnElement[int]:
    """A LIMIT inlined in the statement: PostgreSQL plans badly for a LIMIT that is a bound parameter."""
    return literal(count, literal_execute=True)


def order_by(key: SortKey, unique: ColumnElement[Any], descending: bool) -> list[ColumnElement[Any]]:
    """The ORDER BY of a keyset page: NULLs last, ties broken by a unique column in the same direction."""
    first, last = (column.desc() if descending else column.asc() for column in (key.placed(descending), unique))
    # NULLS LAST, and not a separate IS NULL term, lets an index on the column serve the ascending order.
    return [first.nulls_last() if key.nullable and key.ends is None else first, last]


def after(key: SortKey, unique: ColumnElement[Any], descending: bool, cursor: str) -> ColumnElement[bool]:
    """The condition for rows after the cursor. Raises Malformed (``invalid-cursor``)."""
    sort, value, last = read_cursor(cursor)
    if sort != _direction(key, descending):
        raise _invalid_cursor()
    if value is not None:
        value = _value_of(key, value)
    elif not key.nullable:
        raise _invalid_cursor()
    beyond_tie = unique < last if descending else unique > last
    if value is None and key.ends is None:
        return and_(key.column.is_(None), beyond_tie)
    # A row comparison can use an index; the equivalent OR cannot.
    behind = key.last(descending) if value is None else literal(value, key.column.type)
    pair, edge = tuple_(key.placed(descending), unique), tuple_(behind, literal(last, unique.type))
    strict = pair < edge if descending else pair > edge
    return or_(strict, key.column.is_(None)) if key.nullable and key.ends is None else strict


def cursor_after(key: SortKey, descending: bool, value: Any, last: int) -> str:
    """The cursor for the rows after the one with this sort value and unique id."""
    if isinstance(value, datetime):
        value = rfc3339(value)
    elif isinstance(value, date):
        value = value.isoformat()
    text = json.dumps([_direction(key, descending), value, last], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[str, Any, int]:
    """The sort order, sort value and unique id in a cursor. Raises Malformed (``invalid-cursor``)."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        sort, value, last = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, TypeError, binascii.Error, RecursionError) as error:
        raise _invalid_cursor() from error
    if not isinstance(sort, str) or type(last) is not int or not -(2**63) <= last < 2**63:
        raise _invalid_cursor()
    return sort, value, last


def build_page(rows: Sequence[Any], page: Page, key: SortKey, descending: bool) -> Listing:
    """Build a page from ``limit + 1`` rows; each row is a mapping with ``_sort`` and ``_id`` besides its own keys."""
    items = list(rows[: page.limit])
    if len(rows) <= page.limit:
        return Listing(items, None)
    return Listing(items, cursor_after(key, descending, items[-1]["_sort"], items[-1]["_id"]))


def _direction(key: SortKey, descending: bool) -> str:
    return f"-{key.name}" if descending else key.name


def _value_of(key: SortKey, value: Any) -> Any:
    try:
        if key.kind is datetime and isinstance(value, str):
            return datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
        if key.kind is date and isinstance(value, str):
            return date.fromisoformat(value)
    except ValueError as error:
        raise _invalid_cursor() from error
    if type(value) is not key.kind or (isinstance(value, int) and not -(2**63) <= value < 2**63):
        raise _invalid_cursor()
    if isinstance(value, str) and not STORABLE.fullmatch(value):
        raise _invalid_cursor()
    return value


def _invalid_cursor() -> Malformed:
    return Malformed([Problem("cursor", "invalid-cursor")])
