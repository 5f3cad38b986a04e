"""Filters of lists by the SQL that they become, and all pages of a list."""

from __future__ import annotations

import pytest
from sqlalchemy import ColumnElement, Text, column, literal_column

from registry.core.errors import Malformed, Problem
from registry.core.lists import (
    AmountFilter,
    BeginningFilter,
    CodesFilter,
    Listing,
    Page,
    PredicateFilter,
    TimestampFilter,
    WordsFilter,
    every_page,
)
from registry.core.values import InvalidValue

AT: ColumnElement[str] = column("at", Text)
FLAGGED: ColumnElement[bool] = literal_column("flagged")


def sql(condition: ColumnElement[bool]) -> str:
    return str(condition.compile(compile_kwargs={"literal_binds": True}))


def test_day_ends_before_the_midnight_after_it_in_almaty() -> None:
    assert sql(TimestampFilter(AT, "from").condition("2026-03-02")) == "at >= '2026-03-01T19:00:00.000000Z'"
    assert sql(TimestampFilter(AT, "to").condition("2026-03-02")) == "at < '2026-03-02T19:00:00.000000Z'"


def test_instant_is_itself_in_the_range() -> None:
    assert (
        sql(TimestampFilter(AT, "to").condition("2026-03-02T10:00:00+05:00")) == "at <= '2026-03-02T05:00:00.000000Z'"
    )


def test_predicate_is_negated_without_a_comparison() -> None:
    assert sql(PredicateFilter(FLAGGED).condition("true")) == "flagged"
    assert sql(PredicateFilter(FLAGGED).condition("false")) == "NOT flagged"


def test_column_that_depends_on_the_day_is_made_for_each_request() -> None:
    days = iter(["on_monday", "on_tuesday"])
    known = AmountFilter(lambda: literal_column(next(days)), "from")
    assert [sql(known.condition("5")) for _ in range(2)] == ["on_monday >= 5", "on_tuesday >= 5"]


def test_beginnings_are_alternatives_and_taken_literally() -> None:
    assert (
        sql(BeginningFilter(AT).condition("047,1%"))
        == "(at LIKE '047' || '%' ESCAPE '/') OR (at LIKE '1/%' || '%' ESCAPE '/')"
    )


@pytest.mark.parametrize("value", ["5.0", "-1", "", "1e3", "99999999999999999"])
def test_amount_is_a_whole_number_of_tenge(value: str) -> None:
    with pytest.raises(InvalidValue) as error:
        AmountFilter(AT, "from").condition(value)
    assert error.value.code == "expected-whole-number"


def test_codes_come_to_the_condition_once_each() -> None:
    known = CodesFilter(lambda codes: literal_column(" and ".join(codes)), ("a", "b", "c"))
    assert sql(known.condition("c,a,c")) == "c and a"


def test_text_of_spaces_is_missing_where_a_list_does_not_take_it() -> None:
    assert sql(WordsFilter(lambda text: literal_column(repr(text))).condition(" ")) == "' '"
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
