"""Keyset pagination: each row appears once and in order, for every sort key."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, insert, select

from registry.core import lists as pagination
from registry.core.lists import Page, SortKey, after, build_page, order_by
from tests.core.paged import ENDS, KEYS, KINDS, LETTERS, PAGED, REQUIRED, WHOLE, a_cursor, decoded, sql

# A cursor carries whatever a name may hold: no-break spaces, newlines, letters beyond the basic plane.


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


EXAMPLES = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


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


def test_page_has_50_rows_by_default() -> None:
    assert (Page().limit, Page().cursor, Page().sort) == (50, None, None)


def test_page_has_500_rows_at_most() -> None:
    assert pagination.MAX_LIMIT == 500


@pytest.mark.parametrize(
    ("key", "content", "ascending", "descending"),
    [
        (REQUIRED, 5, "(paged.whole, paged.id) > (5, 7)", "(paged.whole, paged.id) < (5, 7)"),
        (
            WHOLE,
            5,
            "(paged.whole, paged.id) > (5, 7) OR paged.whole IS NULL",
            "(paged.whole, paged.id) < (5, 7) OR paged.whole IS NULL",
        ),
        (
            WHOLE,
            None,
            "paged.whole IS NULL AND paged.id > 7",
            "paged.whole IS NULL AND paged.id < 7",
        ),
        (
            ENDS,
            5,
            "(coalesce(paged.whole, 9), paged.id) > (5, 7)",
            "(coalesce(paged.whole, -1), paged.id) < (5, 7)",
        ),
        (
            ENDS,
            None,
            "(coalesce(paged.whole, 9), paged.id) > (9, 7)",
            "(coalesce(paged.whole, -1), paged.id) < (-1, 7)",
        ),
    ],
)
def test_condition_continues_after_the_cursor(key: SortKey, content: Any, ascending: str, descending: str) -> None:
    assert sql(after(key, PAGED.c.id, False, a_cursor(["whole", content, 7]))) == ascending
    assert sql(after(key, PAGED.c.id, True, a_cursor(["-whole", content, 7]))) == descending


@pytest.mark.parametrize(
    ("key", "ascending", "descending"),
    [
        (REQUIRED, ["paged.whole ASC", "paged.id ASC"], ["paged.whole DESC", "paged.id DESC"]),
        (WHOLE, ["paged.whole ASC NULLS LAST", "paged.id ASC"], ["paged.whole DESC NULLS LAST", "paged.id DESC"]),
        (
            ENDS,
            ["coalesce(paged.whole, 9) ASC", "paged.id ASC"],
            ["coalesce(paged.whole, -1) DESC", "paged.id DESC"],
        ),
    ],
)
def test_order_places_nulls_last_and_breaks_ties_by_id(
    key: SortKey, ascending: list[str], descending: list[str]
) -> None:
    assert [sql(each) for each in order_by(key, PAGED.c.id, False)] == ascending
    assert [sql(each) for each in order_by(key, PAGED.c.id, True)] == descending


def test_key_without_ends_has_no_value_for_null() -> None:
    with pytest.raises(ValueError, match=r"^whole$"):
        WHOLE.last(False)


def test_limit_is_inlined_in_the_statement() -> None:
    compiled = select(PAGED.c.id).limit(pagination.literal_limit(3)).compile()
    assert "POSTCOMPILE" in str(compiled)
    assert list(compiled.params.values()) == [3]


def test_page_continues_only_when_there_are_more_rows_than_its_limit() -> None:
    rows = [{"_sort": value, "_id": number} for number, value in enumerate([30, 20, 10], 1)]
    full = build_page(rows, Page(limit=3), WHOLE, True)
    assert (full.items, full.next) == (rows, None)
    first = build_page(rows, Page(limit=2), WHOLE, True)
    assert first.items == rows[:2]
    assert decoded(first.next) == ["-whole", 20, 2]
    assert build_page([], Page(limit=2), WHOLE, False).items == []
