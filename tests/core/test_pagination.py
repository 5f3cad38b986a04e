"""Keyset pagination: each row appears once and in order, for every sort key."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Column, Connection, Date, Integer, MetaData, Table, Text, delete, insert, select

from registry.core.database import Instant
from registry.core.errors import Malformed
from registry.core.pagination import Page, SortKey, after, build_page, cursor_after, order_by, read_cursor

PAGED = Table(
    "paged",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("whole", BigInteger),
    Column("text", Text),
    Column("day", Date),
    Column("at", Instant),
    prefixes=["TEMPORARY"],  # the service's role may make no others
)
KINDS: dict[str, type] = {"whole": int, "text": str, "day": date, "at": datetime}
KEYS = {name: SortKey(name, PAGED.c[name], kind, nullable=True) for name, kind in KINDS.items()}
# A cursor carries whatever a name may hold: no-break spaces, newlines, letters beyond the basic plane.
LETTERS = st.text(st.sampled_from("aЯә \u00a0\n\t'\"\\%₸😀"), max_size=3)
FEW = {
    "whole": st.integers(-2, 2) | st.sampled_from([-(2**63), 2**63 - 1]),
    "text": LETTERS,
    "day": st.dates(date(2026, 1, 1), date(2026, 1, 4)),
    "at": st.datetimes(datetime(2026, 1, 1), datetime(2026, 1, 1, 0, 0, 1), timezones=st.just(UTC)),
}
ROWS = st.lists(st.fixed_dictionaries({name: st.none() | values for name, values in FEW.items()}), max_size=12)


@pytest.fixture
def paged(app: Flask, connection: Connection) -> Connection:
    PAGED.create(connection)
    return connection


def page_of(connection: Connection, key: SortKey, descending: bool, limit: int, cursor: str | None) -> Any:
    statement = select(key.column.label("_sort"), PAGED.c.id.label("_id"))
    if cursor is not None:
        statement = statement.where(after(key, PAGED.c.id, descending, cursor))
    rows = connection.execute(statement.order_by(*order_by(key, PAGED.c.id, descending)).limit(limit + 1))
    return build_page([dict(row) for row in rows.mappings()], Page(limit=limit), key, descending)


def walk(connection: Connection, key: SortKey, descending: bool, limit: int) -> list[dict[str, Any]]:
    seen: list[dict[str, Any]] = []
    cursor = None
    while True:
        listing = page_of(connection, key, descending, limit, cursor)
        seen += listing.items
        cursor = listing.next
        if cursor is None:
            return seen
        assert len(listing.items) == limit


def fill(connection: Connection, rows: list[dict[str, Any]]) -> None:
    for number, row in enumerate(rows, 1):
        connection.execute(insert(PAGED).values(id=number, **row))


EXAMPLES = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@EXAMPLES
@given(rows=ROWS, name=st.sampled_from(sorted(KEYS)), descending=st.booleans(), limit=st.integers(1, 5))
def test_cursor_pages_return_each_row_once_and_in_order(
    paged: Connection,
    each_example: Callable[[], AbstractContextManager[None]],
    rows: list[dict[str, Any]],
    name: str,
    descending: bool,
    limit: int,
) -> None:
    with each_example():
        fill(paged, rows)
        seen = walk(paged, KEYS[name], descending, limit)
        assert sorted(row["_id"] for row in seen) == list(range(1, len(rows) + 1))
        present = [row["_sort"] for row in seen if row["_sort"] is not None]
        assert [row["_sort"] for row in seen] == present + [None] * (len(seen) - len(present))
        if name != "text":  # whose order is the database's
            assert present == sorted(present, reverse=descending)
        for one, next_one in itertools.pairwise(seen):
            if one["_sort"] == next_one["_sort"]:
                assert (one["_id"] > next_one["_id"]) is descending


@EXAMPLES
@given(rows=ROWS, name=st.sampled_from(sorted(KEYS)), descending=st.booleans(), gone=st.integers(0, 3))
def test_inserts_and_deletes_between_pages_shift_no_other_row(
    paged: Connection,
    each_example: Callable[[], AbstractContextManager[None]],
    rows: list[dict[str, Any]],
    name: str,
    descending: bool,
    gone: int,
) -> None:
    with each_example():
        fill(paged, rows)
        first = page_of(paged, KEYS[name], descending, 4, None)
        assume(first.next is not None)
        shown = [row["_id"] for row in first.items]
        paged.execute(delete(PAGED).where(PAGED.c.id == shown[gone]))
        paged.execute(insert(PAGED).values(id=1000, **dict.fromkeys(KINDS)))
        rest, cursor = [], first.next
        while cursor is not None:
            listing = page_of(paged, KEYS[name], descending, 4, cursor)
            rest += [row["_id"] for row in listing.items]
            cursor = listing.next
        others = set(range(1, len(rows) + 1)) - set(shown)
        assert set(rest) - {1000} == others
        assert len(rest) == len(set(rest))


def a_cursor(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "ä",
        "!!!!",
        "=",
        a_cursor(None),
        a_cursor([]),
        a_cursor({"whole": 1}),
        a_cursor(["whole", 1]),
        a_cursor(["whole", 1, 2, 3]),
        a_cursor(["whole", 1, "2"]),
        a_cursor(["whole", 1, True]),
        a_cursor(["whole", 1, 2**63]),
        a_cursor(["whole", 2**63, 1]),
        a_cursor(["whole", 1.5, 1]),
        a_cursor(["whole", True, 1]),
        a_cursor(["whole", "1", 1]),
        a_cursor(["whole", [1], 1]),
        a_cursor(["-whole", 1, 1]),
        a_cursor(["text", "a", 1]),
        a_cursor([1, 1, 1]),
        base64.urlsafe_b64encode(b"[" * 100_000).decode().rstrip("="),
        base64.urlsafe_b64encode(b"\xff\xfe").decode().rstrip("="),
        base64.urlsafe_b64encode(b'["whole", ' + b"9" * 5000 + b", 1]").decode().rstrip("="),
        base64.urlsafe_b64encode(b'["whole", NaN, 1]').decode().rstrip("="),
    ],
)
def test_invalid_cursor_is_malformed(cursor: str) -> None:
    with pytest.raises(Malformed) as refused:
        after(KEYS["whole"], PAGED.c.id, False, cursor)
    assert [(problem.pointer, problem.code) for problem in refused.value.problems] == [("cursor", "invalid-cursor")]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("text", "a\x00"),
        ("text", "\ud800"),
        ("text", 1),
        ("day", "2026-02-30"),
        ("day", 5),
        ("at", "2026-01-01"),
        ("at", 1),
    ],
)
def test_cursor_with_a_value_that_its_column_cannot_hold_is_malformed(name: str, value: Any) -> None:
    with pytest.raises(Malformed):
        after(KEYS[name], PAGED.c.id, False, a_cursor([name, value, 1]))


def test_cursor_with_null_is_malformed_for_a_non_nullable_column() -> None:
    key = SortKey("whole", PAGED.c.whole, int)
    with pytest.raises(Malformed):
        after(key, PAGED.c.id, False, cursor_after(key, False, None, 1))


@given(value=st.none() | LETTERS | st.integers(), last=st.integers(-(2**63), 2**63 - 1))
def test_cursor_round_trips(value: Any, last: int) -> None:
    cursor = cursor_after(KEYS["text"], True, value, last)
    assert cursor.isascii()
    assert read_cursor(cursor) == ("-text", value, last)
