"""Keyset paging: a cursor holds the sort values of the last row shown, so that any page costs the same."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal, literal_column, or_, tuple_

from registry.core.clock import rfc3339
from registry.core.errors import Malformed, Problem

DEFAULT_LIMIT = 50
LARGEST_LIMIT = 500
# What a text of ours can hold: anything but NUL and halves of surrogate pairs, which no database here stores.
STORABLE = re.compile("[^\x00\ud800-\udfff]*")


@dataclass(frozen=True, slots=True)
class Page:
    """What a caller asks of a list: how many, after which row, in which order (``name`` or ``-name``)."""

    limit: int = DEFAULT_LIMIT
    cursor: str | None = None
    sort: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of rows as mappings, and the cursor of the next page, None on the last."""

    items: list[Any]
    next: str | None


@dataclass(frozen=True, slots=True)
class SortKey:
    """A column to sort by, its name in the cursor, and whether values may be missing (these come last).

    ``ends``: SQL values below and above every other, to stand for a missing one: then an index over the column that
    has them in its place serves the sort, and any page costs the same.
    """

    name: str
    column: ColumnElement[Any]
    kind: type
    nullable: bool = False
    ends: tuple[str, str] | None = None

    def placed(self, descending: bool) -> ColumnElement[Any]:
        """What is compared."""
        return self.column if self.ends is None else func.coalesce(self.column, self.last(descending))

    def last(self, descending: bool) -> ColumnElement[Any]:
        """What stands for a missing value."""
        if self.ends is None:
            raise ValueError(self.name)
        return literal_column(self.ends[0 if descending else 1], self.column.type)


def literal_limit(count: int) -> ColumnElement[int]:
    """A LIMIT written into the statement, not sent with it: PostgreSQL has no good plan for any number of rows."""
    return literal(count, literal_execute=True)


def order_by(key: SortKey, unique: ColumnElement[Any], descending: bool) -> list[ColumnElement[Any]]:
    """The ORDER BY of a keyset page: missing values last, ties broken by a unique column in the same direction."""
    first, last = (column.desc() if descending else column.asc() for column in (key.placed(descending), unique))
    # Said so, and not by a first clause of its own, an index over the column serves the rising order.
    return [first.nulls_last() if key.nullable and key.ends is None else first, last]


def after(key: SortKey, unique: ColumnElement[Any], descending: bool, cursor: str) -> ColumnElement[bool]:
    """The condition that leaves only the rows behind the cursor. Raises Malformed for a cursor that is not ours."""
    sort, value, last = read_cursor(cursor)
    if sort != _direction(key, descending):
        raise _wrong_cursor()
    if value is not None:
        value = _value_of(key, value)
    elif not key.nullable:
        raise _wrong_cursor()
    beyond_tie = unique < last if descending else unique > last
    if value is None and key.ends is None:
        return and_(key.column.is_(None), beyond_tie)
    # Compared as a pair, because an index can begin at a pair but not at an "or".
    behind = key.last(descending) if value is None else literal(value, key.column.type)
    pair, edge = tuple_(key.placed(descending), unique), tuple_(behind, literal(last, unique.type))
    strict = pair < edge if descending else pair > edge
    return or_(strict, key.column.is_(None)) if key.nullable and key.ends is None else strict


def cursor_after(key: SortKey, descending: bool, value: Any, last: int) -> str:
    """The cursor behind a row with this sort value and unique number."""
    if isinstance(value, datetime):
        value = rfc3339(value)
    elif isinstance(value, date):
        value = value.isoformat()
    text = json.dumps([_direction(key, descending), value, last], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[str, Any, int]:
    """The sort, value and unique number in a cursor. Raises Malformed."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        sort, value, last = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, TypeError, binascii.Error, RecursionError) as error:
        raise _wrong_cursor() from error
    if not isinstance(sort, str) or type(last) is not int or not -(2**63) <= last < 2**63:
        raise _wrong_cursor()
    return sort, value, last


def cut_page(rows: Sequence[Any], page: Page, key: SortKey, descending: bool) -> Listing:
    """A page out of ``limit + 1`` rows; each row is a mapping with ``_sort`` and ``_id`` beside its own keys."""
    shown = list(rows[: page.limit])
    if len(rows) <= page.limit:
        return Listing(shown, None)
    return Listing(shown, cursor_after(key, descending, shown[-1]["_sort"], shown[-1]["_id"]))


def _direction(key: SortKey, descending: bool) -> str:
    return f"-{key.name}" if descending else key.name


def _value_of(key: SortKey, value: Any) -> Any:
    try:
        if key.kind is datetime and isinstance(value, str):
            return datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
        if key.kind is date and isinstance(value, str):
            return date.fromisoformat(value)
    except ValueError as error:
        raise _wrong_cursor() from error
    if type(value) is not key.kind or (isinstance(value, int) and not -(2**63) <= value < 2**63):
        raise _wrong_cursor()
    if isinstance(value, str) and not STORABLE.fullmatch(value):
        raise _wrong_cursor()
    return value


def _wrong_cursor() -> Malformed:
    return Malformed([Problem("cursor", "cursor-not-ours")])
