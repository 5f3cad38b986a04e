"""Filters of the smaller lists: words, texts, whole numbers and date ranges on a column of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement

from registry.core.clock import local_instant, rfc3339
from registry.core.errors import Malformed, Problem
from registry.core.field_types import InvalidValue, control_character, exact_day

LARGEST_ID = 2**31 - 1
LONGEST_VALUE = 1000


@dataclass(frozen=True, slots=True)
class Words:
    """One or several, with commas, of fixed words."""

    column: ColumnElement[Any]
    options: tuple[str, ...]

    def condition(self, value: str) -> ColumnElement[bool]:
        """The condition. Raises InvalidValue."""
        words = split_values(value)
        for word in words:
            if word not in self.options:
                raise InvalidValue("not-a-choice", options=", ".join(self.options))
        return self.column.in_(words)


@dataclass(frozen=True, slots=True)
class Texts:
    """One or several texts, with commas."""

    column: ColumnElement[Any]

    def condition(self, value: str) -> ColumnElement[bool]:
        """The condition. Raises InvalidValue."""
        return self.column.in_(split_values(value))


@dataclass(frozen=True, slots=True)
class YesNoWords:
    """``true`` or ``false``."""

    column: ColumnElement[Any]

    def condition(self, value: str) -> ColumnElement[bool]:
        """The condition. Raises InvalidValue."""
        if value not in ("true", "false"):
            raise InvalidValue("expected-true-or-false")
        return self.column.is_(value == "true")


@dataclass(frozen=True, slots=True)
class Days:
    """A date that a column must not lie before (``from``) or after (``to``), or must be (neither)."""

    column: ColumnElement[Any]
    end: str = ""

    def condition(self, value: str) -> ColumnElement[bool]:
        """The condition. Raises InvalidValue."""
        day = exact_day(value)
        if self.end == "from":
            return self.column >= day
        return self.column <= day if self.end == "to" else self.column == day


@dataclass(frozen=True, slots=True)
class Moments:
    """A time that a column of RFC 3339 texts must not lie before (``from``) or after (``to``)."""

    column: ColumnElement[Any]
    end: str

    def condition(self, value: str) -> ColumnElement[bool]:
        """The condition. Raises InvalidValue."""
        edge, included = parse_range_edge(value, self.end)
        text = rfc3339(edge)
        if self.end == "from":
            return self.column >= text
        return self.column <= text if included else self.column < text


@dataclass(frozen=True, slots=True)
class Instants:
    """A time that a column of instants must not lie before (``from``) or after (``to``)."""

    column: ColumnElement[Any]
    end: str

    def condition(self, value: str) -> ColumnElement[bool]:
        """The condition. Raises InvalidValue."""
        edge, included = parse_range_edge(value, self.end)
        if self.end == "from":
            return self.column >= edge
        return self.column <= edge if included else self.column < edge


PlainFilter = Words | Texts | YesNoWords | Days | Moments | Instants


def day_filters(name: str, column: ColumnElement[Any]) -> dict[str, PlainFilter]:
    """The three filters of a date: itself, ``_from`` and ``_to``."""
    return {name: Days(column), f"{name}_from": Days(column, "from"), f"{name}_to": Days(column, "to")}


def moment_filters(name: str, column: ColumnElement[Any]) -> dict[str, PlainFilter]:
    """The two filters of an instant, ``_from`` and ``_to``."""
    return {f"{name}_from": Moments(column, "from"), f"{name}_to": Moments(column, "to")}


def instant_filters(name: str, column: ColumnElement[Any]) -> dict[str, PlainFilter]:
    """The two filters of an instant that its column holds as one, ``_from`` and ``_to``."""
    return {f"{name}_from": Instants(column, "from"), f"{name}_to": Instants(column, "to")}


def parse_range_edge(value: str, end: str) -> tuple[datetime, bool]:
    """Where a range of time begins (``from``) or ends (``to``), and whether the edge belongs to it.

    A date means the whole local day, an RFC 3339 instant means itself. Raises InvalidValue.
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


def conditions(filters: Mapping[str, PlainFilter], raw: Mapping[str, str]) -> list[ColumnElement[bool]]:
    """The conditions of a list. Raises Malformed naming every filter that does not exist or has a bad value."""
    made, problems = [], []
    for name, value in raw.items():
        known = filters.get(name)
        if known is None:
            problems.append(Problem(name, "unknown-parameter", {"name": name}))
            continue
        try:
            made.append(known.condition(value))
        except InvalidValue as refused:
            problems.append(Problem(name, refused.code, refused.params))
    if problems:
        raise Malformed(problems)
    return made


def split_values(value: str) -> list[str]:
    """The parts between the commas, trimmed. Raises InvalidValue for an empty one, and for what no field can hold."""
    if len(value) > LONGEST_VALUE or control_character(value) is not None:
        raise InvalidValue("not-usable")
    parts = [part.strip() for part in value.split(",")]
    if not all(parts):
        raise InvalidValue("value-missing")
    return parts
