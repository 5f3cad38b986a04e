"""Keyset pagination: each row once and in order for every sort key, cursors, the Kazakh collation, filters as SQL."""

from __future__ import annotations

import base64
import itertools
import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, assume, given, settings, strategies as st
from sqlalchemy import (
    ColumnElement,
    Connection,
    Text,
    column,
    delete,
    insert,
    literal,
    literal_column,
    select,
    text,
    union_all,
)

from registry.agencies.queries import AGENCY_LIST
from registry.core import lists as pagination
from registry.core.database import ALPHABET, compare_kazakh, db, kazakh_key, sort_in_kazakh
from registry.core.errors import Malformed, Problem
from registry.core.lists import (
    AmountFilter,
    BeginningFilter,
    CodesFilter,
    Listing,
    Page,
    PredicateFilter,
    SortKey,
    TimestampFilter,
    WordsFilter,
    after,
    build_page,
    cursor_after,
    every_page,
    order_by,
    read_cursor,
)
from registry.core.values import InvalidValue
from tests.core.paged import (
    AT,
    DAY,
    ENDS,
    INVALID,
    KEYS,
    KINDS,
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
from tests.factories import ADMINISTRATOR, an_agency

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


NAMES = (
    "1-мектеп",
    "Ақмола",
    "Алматы",
    "Әділет",
    "әкімдік",
    "Әкімдік",
    "Бюро",
    "Ғылым",
    "Қаржы",
    "Өнер",
    "Ұлттық",
    "Үкімет",
)
NAMES += ("Ыбырай", "Ішкі істер", "Экология", "IT-парк")


def sorted_by_database(values: list[str]) -> list[str]:
    rows = union_all(*(select(literal(value).label("value")) for value in values)).subquery()
    return list(db.session.scalars(select(rows.c.value).order_by(sort_in_kazakh(rows.c.value))))


def by_icu() -> bool:
    """True when the collation has the full order: on SQLite always, on PostgreSQL only with ICU."""
    if db.engine.dialect.name == "sqlite":
        return True
    return db.session.scalar(text("SELECT collprovider = 'i' FROM pg_collation WHERE collname = 'kazakh'"))


def test_collation_follows_the_kazakh_alphabet() -> None:
    letters = list(ALPHABET)
    random.Random(42).shuffle(letters)
    assert "".join(sorted(letters, key=kazakh_key)) == ALPHABET


def test_names_sort_in_kazakh_order(app: Flask) -> None:
    ordered = sorted_by_database(random.Random(1).sample(NAMES, len(NAMES)))
    assert ordered == (list(NAMES) if by_icu() else sorted(NAMES))


def test_different_texts_never_compare_as_equal() -> None:
    texts = ["әкімдік", "Әкімдік", "Әкімдік ", "", "\u00a0", "а", "a", "А", "ß", "ss"]
    for one in texts:
        for other in texts:
            assert compare_kazakh(one, other) == -compare_kazakh(other, one)
            assert (compare_kazakh(one, other) == 0) is (one == other)


@pytest.mark.parametrize("sort", ["name_kk", "-name_kk"])
def test_agency_pages_follow_the_kazakh_order(app: Flask, sort: str) -> None:
    for name in random.Random(2).sample([*NAMES, *NAMES], 2 * len(NAMES)):
        an_agency(name_kk=name)
    an_agency()
    seen, cursor = [], None
    while True:
        page = AGENCY_LIST.read(ADMINISTRATOR, {}, Page(limit=3, cursor=cursor, sort=sort))
        seen += [row["name_kk"] for row in page.items]
        cursor = page.next
        if cursor is None:
            break
    ordered = sorted_by_database([*NAMES, *NAMES])
    assert seen == [*(reversed(ordered) if sort.startswith("-") else ordered), None]


SOME_INSTANT: ColumnElement[str] = column("at", Text)
FLAGGED: ColumnElement[bool] = literal_column("flagged")


def condition_sql(condition: ColumnElement[bool]) -> str:
    return str(condition.compile(compile_kwargs={"literal_binds": True}))


def test_day_ends_before_the_midnight_after_it_in_almaty() -> None:
    assert (
        condition_sql(TimestampFilter(SOME_INSTANT, "from").condition("2026-03-02"))
        == "at >= '2026-03-01T19:00:00.000000Z'"
    )
    assert (
        condition_sql(TimestampFilter(SOME_INSTANT, "to").condition("2026-03-02"))
        == "at < '2026-03-02T19:00:00.000000Z'"
    )


def test_instant_is_itself_in_the_range() -> None:
    assert (
        condition_sql(TimestampFilter(SOME_INSTANT, "to").condition("2026-03-02T10:00:00+05:00"))
        == "at <= '2026-03-02T05:00:00.000000Z'"
    )


def test_predicate_is_negated_without_a_comparison() -> None:
    assert condition_sql(PredicateFilter(FLAGGED).condition("true")) == "flagged"
    assert condition_sql(PredicateFilter(FLAGGED).condition("false")) == "NOT flagged"


def test_column_that_depends_on_the_day_is_made_for_each_request() -> None:
    days = iter(["on_monday", "on_tuesday"])
    known = AmountFilter(lambda: literal_column(next(days)), "from")
    assert [condition_sql(known.condition("5")) for _ in range(2)] == ["on_monday >= 5", "on_tuesday >= 5"]


def test_beginnings_are_alternatives_and_taken_literally() -> None:
    assert (
        condition_sql(BeginningFilter(SOME_INSTANT).condition("047,1%"))
        == "(at LIKE '047' || '%' ESCAPE '/') OR (at LIKE '1/%' || '%' ESCAPE '/')"
    )


@pytest.mark.parametrize("value", ["5.0", "-1", "", "1e3", "99999999999999999"])
def test_amount_is_a_whole_number_of_tenge(value: str) -> None:
    with pytest.raises(InvalidValue) as error:
        AmountFilter(SOME_INSTANT, "from").condition(value)
    assert error.value.code == "expected-whole-number"


def test_codes_come_to_the_condition_once_each() -> None:
    known = CodesFilter(lambda codes: literal_column(" and ".join(codes)), ("a", "b", "c"))
    assert condition_sql(known.condition("c,a,c")) == "c and a"


def test_text_of_spaces_is_missing_where_a_list_does_not_take_it() -> None:
    assert condition_sql(WordsFilter(lambda text: literal_column(repr(text))).condition(" ")) == "' '"
    with pytest.raises(InvalidValue) as error:
        WordsFilter(lambda text: literal_column(text), blank=False).condition(" ")
    assert error.value.code == "value-missing"


def test_every_page_is_converted_before_the_next_one_is_read() -> None:
    done: list[str] = []

    def read(page: Page) -> Listing:
        done.append(f"read {page.cursor} by {page.sort}")
        return Listing([page.cursor], {None: "second", "second": None}[page.cursor])

    def convert(items: list[str]) -> list[str]:
        done.append(f"converted {items}")
        return items

    assert list(every_page(read, convert, "id")) == [[None], ["second"]]
    assert done == ["read None by id", "converted [None]", "read second by id", "converted ['second']"]


def test_error_of_the_first_page_is_raised_before_the_pages_are_asked_for() -> None:
    def read(_page: Page) -> Listing:
        raise Malformed([Problem("sort", "not-a-choice")])

    with pytest.raises(Malformed):
        every_page(read, list)
