"""Cursors of keyset pagination: what they contain, and which are refused."""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.core.errors import Malformed
from registry.core.lists import SortKey, after, cursor_after, read_cursor
from tests.core.paged import (
    AT,
    DAY,
    INVALID,
    KEYS,
    LETTERS,
    PAGED,
    REQUIRED,
    TEXT,
    WHOLE,
    a_cursor,
    codes_of,
    decoded,
    sql,
)


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


@pytest.mark.parametrize(
    ("value", "content"),
    [
        (None, None),
        (5, 5),
        ("Ә?>", "Ә?>"),
        (date(2026, 3, 2), "2026-03-02"),
        (datetime(2026, 3, 2, 4, 5, 6, 789, tzinfo=UTC), "2026-03-02T04:05:06.000789Z"),
    ],
)
def test_cursor_contains_sort_value_and_id(value: Any, content: Any) -> None:
    cursor = cursor_after(TEXT, False, value, 7)
    assert decoded(cursor) == ["text", content, 7]
    assert decoded(cursor_after(TEXT, True, value, 7)) == ["-text", content, 7]
    assert "=" not in cursor and "+" not in cursor and "/" not in cursor


def test_cursor_is_compact_and_not_escaped() -> None:
    cursor = cursor_after(TEXT, False, "Ә", 7)
    assert base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode() == '["text","Ә",7]'


def test_cursor_of_the_other_direction_is_malformed() -> None:
    assert codes_of(WHOLE, a_cursor(["whole", 5, 7]), descending=True) == INVALID
    assert codes_of(WHOLE, a_cursor(["-whole", 5, 7])) == INVALID


@pytest.mark.parametrize("whole", [-(2**63), 2**63 - 1])
def test_cursor_has_64_bit_values_and_ids(whole: int) -> None:
    assert sql(after(REQUIRED, PAGED.c.id, False, a_cursor(["whole", whole, whole]))).endswith(f"> ({whole}, {whole})")
    beyond = whole - 1 if whole < 0 else whole + 1
    assert codes_of(REQUIRED, a_cursor(["whole", beyond, 7])) == INVALID
    assert codes_of(REQUIRED, a_cursor(["whole", 5, beyond])) == INVALID


@pytest.mark.parametrize(
    ("key", "content", "value"),
    [
        (DAY, "2026-03-02", date(2026, 3, 2)),
        (AT, "2026-03-02T04:05:06.000789Z", datetime(2026, 3, 2, 4, 5, 6, 789, tzinfo=UTC)),
        (TEXT, "a\n😀", "a\n😀"),
    ],
)
def test_cursor_value_is_read_as_the_type_of_its_column(key: SortKey, content: str, value: Any) -> None:
    condition = after(key, PAGED.c.id, False, a_cursor([key.name, content, 7]))
    assert sorted(condition.compile().params.values(), key=str) == sorted([value, 7], key=str)


@pytest.mark.parametrize(
    ("key", "content"),
    [
        (DAY, "2026-02-30"),
        (DAY, "02.03.2026"),
        (AT, "2026-03-02T04:05:06Z"),
        (AT, "2026-03-02"),
        (TEXT, "a\x00b"),
        (TEXT, "a\ud800"),
        (WHOLE, "5"),
        (WHOLE, False),
        (REQUIRED, None),
    ],
)
def test_cursor_value_of_another_type_is_malformed(key: SortKey, content: Any) -> None:
    assert codes_of(key, a_cursor([key.name, content, 7])) == INVALID
