"""Lists: keyset pagination, filters on single columns, and totals."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, literal, literal_column, or_, select, true, tuple_

from registry.core.bulk import estimated_rows
from registry.core.clock import local_instant, now, rfc3339, today
from registry.core.database import Model, db
from registry.core.dialects import is_sqlite
from registry.core.errors import Invalid, Malformed, Problem
from registry.core.fields import is_bin
from registry.core.values import InvalidValue, control_character, exact_day

# Keyset pagination: a cursor holds the sort values of the last row returned, so that every page costs the same.

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


def read_page(
    statement: Select[*tuple[Any, ...]], page: Page, unique: Any, sorts: Mapping[str, SortKey], default: str
) -> Listing:
    """Read a page of a statement, in the order of the page, as mappings with ``_sort`` and ``_id`` beside its columns.

    ``default``: the sort order unless the page has another one. Raises Malformed for a wrong sort or cursor.
    """
    key, descending = chosen_sort(sorts, page.sort or default)
    if page.cursor is not None:
        statement = statement.where(after(key, unique, descending, page.cursor))
    statement = statement.add_columns(key.column.label("_sort"), unique.label("_id"))
    statement = statement.order_by(None).order_by(*order_by(key, unique, descending)).limit(page.limit + 1)
    return build_page(db.session.execute(statement).mappings().all(), page, key, descending)


def read_objects(
    statement: Select[*tuple[Any, ...]], page: Page, model: type[Model], sorts: Mapping[str, SortKey], default: str
) -> Listing:
    """Read a page of the objects of a model, as ``read_page`` does."""
    listing = read_page(statement, page, model.id, sorts, default)  # type: ignore[attr-defined] # every listed one has
    return Listing([row[model.__name__] for row in listing.items], listing.next)


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


# List filters on single columns: codes, texts, booleans, dates and time ranges.

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


# Totals of lists on request: exact, or as PostgreSQL's planner estimates them.


def with_count(listing: Listing, ids: Callable[[], Select[Any]], page: Page) -> Listing:
    """The page with the number of rows of the whole list, if it asks for it. ``ids`` makes the query of all their ids.

    SQLite estimates nothing and counts.
    """
    if page.count is None:
        return listing
    if page.count == ESTIMATED and not is_sqlite():
        return replace(listing, count=estimated_rows(db.session(), ids()))
    return replace(listing, count=db.session.scalar(select(func.count()).select_from(ids().subquery())) or 0)


# ``known_at``: the past moment as of which something is asked.

NAME = "known_at"


def parse_known_at(text: str) -> datetime:
    """Return the instant of an RFC 3339 timestamp, or the end of a local date; of today's, the present.

    Raises Invalid for another text and for a moment after the present.
    """
    try:
        edge, included = parse_range_edge(text, "to")
    except InvalidValue as error:
        raise Invalid([Problem(NAME, error.code, error.params)]) from error
    if not included and text == today().isoformat():
        return now()
    if edge > now():
        raise Invalid([Problem(NAME, "known-at-in-future")])
    return edge if included else edge - timedelta(microseconds=1)


def known_at_of(query: Mapping[str, Any]) -> datetime | None:
    """Return the instant of the parameter of a query, None without it. Raises Invalid as ``parse_known_at``."""
    text = query.get(NAME)
    return None if text is None else parse_known_at(text)
