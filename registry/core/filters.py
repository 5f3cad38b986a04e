"""List filters on single columns: codes, texts, booleans, dates and time ranges."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, true

from registry.core.bin_numbers import is_bin
from registry.core.clock import local_instant, rfc3339
from registry.core.errors import Malformed, Problem
from registry.core.value_checks import InvalidValue, control_character, exact_day

# Of one value, and how many values a filter takes.
MAX_VALUE_LENGTH = 1000
MAX_VALUES = 500
# The parameter that negates others, and the one that it cannot: the search.
NOT = "not"
WORDS = "q"


@dataclass(frozen=True, slots=True)
class ChoiceFilter:
    """One or more codes of a fixed set, separated by commas."""

    column: ColumnElement[Any]
    options: tuple[str, ...]

    def condition(self, value: str) -> ColumnElement[bool]:
        """The SQL condition for a filter value. Raises InvalidValue."""
        return self.column.in_(choices(value, self.options))


@dataclass(frozen=True, slots=True)
class TextFilter:
    """One or more texts, separated by commas."""

    column: ColumnElement[Any]

    def condition(self, value: str) -> ColumnElement[bool]:
        """The SQL condition for a filter value. Raises InvalidValue."""
        return self.column.in_(split_values(value))


@dataclass(frozen=True, slots=True)
class BinFilter(TextFilter):
    """One or more BINs, separated by commas: a well-formed one that nobody has matches nothing."""

    def condition(self, value: str) -> ColumnElement[bool]:
        """The SQL condition for a filter value. Raises InvalidValue."""
        return self.column.in_(bin_numbers(value))


@dataclass(frozen=True, slots=True)
class BooleanFilter:
    """``true`` or ``false``."""

    column: ColumnElement[Any]

    def condition(self, value: str) -> ColumnElement[bool]:
        """The SQL condition for a filter value. Raises InvalidValue."""
        if value not in ("true", "false"):
            raise InvalidValue("expected-true-or-false")
        return self.column.is_(value == "true")


@dataclass(frozen=True, slots=True)
class DateFilter:
    """A date: the first (``end="from"``) or last (``end="to"``) one to match, or the exact one (no ``end``)."""

    column: ColumnElement[Any]
    end: str = ""

    def condition(self, value: str) -> ColumnElement[bool]:
        """The SQL condition for a filter value. Raises InvalidValue."""
        day = exact_day(value)
        if self.end == "from":
            return self.column >= day
        return self.column <= day if self.end == "to" else self.column == day


@dataclass(frozen=True, slots=True)
class TimestampFilter:
    """The first (``end="from"``) or last (``end="to"``) time to match in a column of RFC 3339 texts."""

    column: ColumnElement[Any]
    end: str

    def condition(self, value: str) -> ColumnElement[bool]:
        """The SQL condition for a filter value. Raises InvalidValue."""
        edge, included = parse_range_edge(value, self.end)
        text = rfc3339(edge)
        if self.end == "from":
            return self.column >= text
        return self.column <= text if included else self.column < text


@dataclass(frozen=True, slots=True)
class InstantFilter:
    """The first (``end="from"``) or last (``end="to"``) time to match in an Instant column."""

    column: ColumnElement[Any]
    end: str

    def condition(self, value: str) -> ColumnElement[bool]:
        """The SQL condition for a filter value. Raises InvalidValue."""
        edge, included = parse_range_edge(value, self.end)
        if self.end == "from":
            return self.column >= edge
        return self.column <= edge if included else self.column < edge


@dataclass(frozen=True, slots=True)
class WordsFilter:
    """Words to search for; ``search`` returns the condition for the text. ``takes`` describes the texts."""

    search: Callable[[str], ColumnElement[bool]]
    takes: str = "Words; each matches the beginning of a word."

    def condition(self, value: str) -> ColumnElement[bool]:
        """The SQL condition for a filter value. Raises InvalidValue."""
        if len(value) > MAX_VALUE_LENGTH or control_character(value) is not None:
            raise InvalidValue("not-usable")
        if not value:
            raise InvalidValue("value-missing")
        return self.search(value)


@dataclass(frozen=True, slots=True)
class NullFilter:
    """Names of fields, separated by commas: all of them have no value."""

    columns: Mapping[str, ColumnElement[Any]]

    def condition(self, value: str) -> ColumnElement[bool]:
        """The SQL condition for a filter value. Raises InvalidValue."""
        return and_(*(self.columns[name].is_(None) for name in choices(value, tuple(self.columns))))


ColumnFilter = (
    WordsFilter | ChoiceFilter | TextFilter | BooleanFilter | DateFilter | TimestampFilter | InstantFilter | NullFilter
)


def date_filters(name: str, column: ColumnElement[Any]) -> dict[str, ColumnFilter]:
    """The three filters of a date column: ``name``, ``name_from`` and ``name_to``."""
    return {
        name: DateFilter(column),
        f"{name}_from": DateFilter(column, "from"),
        f"{name}_to": DateFilter(column, "to"),
    }


def timestamp_filters(name: str, column: ColumnElement[Any]) -> dict[str, ColumnFilter]:
    """The two filters of a column of RFC 3339 texts, ``name_from`` and ``name_to``."""
    return {f"{name}_from": TimestampFilter(column, "from"), f"{name}_to": TimestampFilter(column, "to")}


def instant_filters(name: str, column: ColumnElement[Any]) -> dict[str, ColumnFilter]:
    """The two filters of an Instant column, ``name_from`` and ``name_to``."""
    return {f"{name}_from": InstantFilter(column, "from"), f"{name}_to": InstantFilter(column, "to")}


def parse_range_edge(value: str, end: str) -> tuple[datetime, bool]:
    """The beginning (``from``) or end (``to``) of a time range, and whether it is inclusive.

    A date stands for the whole local day, an RFC 3339 timestamp for that instant. Raises InvalidValue.
    """
    if len(value) > len("YYYY-MM-DD"):
        try:
            instant = datetime.fromisoformat(value)
            if instant.tzinfo is None or not value.isascii():
                raise InvalidValue("expected-date")
            return instant.astimezone(UTC), True
        except ValueError as error:
            raise InvalidValue("expected-date") from error
        except OverflowError as error:
            raise InvalidValue("no-such-date") from error
    day = exact_day(value)
    try:
        return local_instant(day if end == "from" else day + timedelta(days=1), time()), end == "from"
    except OverflowError as error:
        raise InvalidValue("no-such-date") from error


def conditions(filters: Mapping[str, ColumnFilter], raw: Mapping[str, str]) -> list[ColumnElement[bool]]:
    """The SQL conditions of a list. Raises Malformed with a problem for each unknown filter or invalid value."""
    return list(named_conditions(filters, raw).values())


def named_conditions(filters: Mapping[str, ColumnFilter], raw: Mapping[str, str]) -> dict[str, ColumnElement[bool]]:
    """The SQL conditions of a list by the names of their filters; those that ``not`` names are negated.

    Raises Malformed as ``conditions``.
    """
    named: dict[str, ColumnElement[bool]] = {}
    problems = []
    for name, value in raw.items():
        known = filters.get(name)
        if name == NOT:
            continue
        if known is None:
            problems.append(Problem(name, "unknown-parameter", {"name": name}))
            continue
        try:
            named[name] = known.condition(value)
        except InvalidValue as error:
            problems.append(Problem(name, error.code, error.params))
    return negate(named, raw, problems)


def negate(
    named: Mapping[str, ColumnElement[bool]], raw: Mapping[str, str], problems: Iterable[Problem] = ()
) -> dict[str, ColumnElement[bool]]:
    """The conditions by the names of their filters, with those negated that ``not`` names: what has no value fits them.

    ``problems``: of the filters. Raises Malformed with all problems, those of ``not`` among them: it names filters that
    were sent, and not ``q``.
    """
    problems = list(problems)
    negated: list[str] = []
    if NOT in raw:
        try:
            negated = choices(raw[NOT], tuple(name for name in raw if name not in (NOT, WORDS)))
        except InvalidValue as error:
            problems.append(Problem(NOT, error.code, error.params))
    if problems:
        raise Malformed(problems)
    return {name: each.is_not(true()) if name in negated else each for name, each in named.items()}


def choices(value: str, options: Sequence[str]) -> list[str]:
    """The comma-separated values, each one of the options. Raises InvalidValue."""
    values = split_values(value)
    for each in values:
        if each not in options:
            raise InvalidValue("not-a-choice", options=", ".join(options))
    return values


def bin_numbers(value: str) -> list[str]:
    """The comma-separated BINs. Raises InvalidValue for what is not one."""
    values = split_values(value)
    if not all(map(is_bin, values)):
        raise InvalidValue("bin-invalid")
    return values


def split_values(value: str) -> list[str]:
    """The comma-separated values, trimmed, each once.

    Raises InvalidValue for an empty, too long or unprintable one, and for more than 500.
    """
    parts = [part.strip() for part in value.split(",")]
    if len(parts) > MAX_VALUES:
        raise InvalidValue("too-many-values", limit=MAX_VALUES, count=len(parts))
    if any(len(part) > MAX_VALUE_LENGTH for part in parts) or control_character(value) is not None:
        raise InvalidValue("not-usable")
    if not all(parts):
        raise InvalidValue("value-missing")
    return list(dict.fromkeys(parts))
