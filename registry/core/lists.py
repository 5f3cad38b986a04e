"""Lists: keyset pagination, filters on single columns, and totals."""

from __future__ import annotations

import base64
import binascii
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar, Final, Generic, Protocol, TypeAlias, TypeVar

from sqlalchemy import ColumnElement, Select, and_, func, literal, literal_column, not_, null, or_, select, true, tuple_

from registry.core.clock import local_instant, now, rfc3339, today
from registry.core.database import Instant, db
from registry.core.dialects import estimated_rows, is_sqlite
from registry.core.errors import Invalid, Malformed, Problem
from registry.core.fields import MAX_AMOUNT, is_bin
from registry.core.values import InvalidValue, control_character, exact_day, plain_number

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

    ``count``: the number of rows of all pages, if the page asks for it. ``keys``: of each row the value of the sort.
    """

    items: list[Any]
    next: str | None
    count: int | None = None
    keys: Sequence[Any] = ()


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
        """Return the sort expression."""
        return self.column if self.ends is None else func.coalesce(self.column, self.last(descending))

    def last(self, descending: bool) -> ColumnElement[Any]:
        """Return the value that replaces NULL. Raises ValueError without ``ends``."""
        if self.ends is None:
            raise ValueError(self.name)
        return literal_column(self.ends[0 if descending else 1], self.column.type)


def sort_keys(*columns: Any) -> dict[str, SortKey]:
    """Return the sort keys of columns of tables, by their names."""
    return {
        each.key: SortKey(
            each.key,
            each,
            datetime if isinstance(each.type, Instant) else each.type.python_type,
            nullable=each.nullable,
        )
        for each in columns
    }


# A function where the column depends on the policy or the database.
Sort: TypeAlias = SortKey | Callable[[], SortKey]


def chosen_sort(sorts: Mapping[str, Sort], sort: str) -> tuple[SortKey, bool]:
    """Return the key of ``name`` or ``-name``, and whether it descends. Raises Malformed for another name."""
    key = sorts.get(sort.removeprefix("-"))
    if key is None:
        raise Malformed([Problem("sort", "not-a-choice", {"options": ", ".join(sorts)})])
    return key if isinstance(key, SortKey) else key(), sort.startswith("-")


def literal_limit(count: int) -> ColumnElement[int]:
    """Return a LIMIT inlined in the statement: PostgreSQL plans badly for a LIMIT that is a bound parameter."""
    return literal(count, literal_execute=True)


def order_by(key: SortKey, unique: ColumnElement[Any], descending: bool) -> list[ColumnElement[Any]]:
    """Return the ORDER BY of a keyset page: NULLs last, ties broken by a unique column in the same direction."""
    first, last = (column.desc() if descending else column.asc() for column in (key.placed(descending), unique))
    # NULLS LAST, and not a separate IS NULL term, lets an index on the column serve the ascending order.
    return [first.nulls_last() if key.nullable and key.ends is None else first, last]


def after(key: SortKey, unique: ColumnElement[Any], descending: bool, cursor: str) -> ColumnElement[bool]:
    """Return the condition for rows after the cursor. Raises Malformed (``invalid-cursor``)."""
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
    """Return the cursor for the rows after the one with this sort value and unique id."""
    if isinstance(value, datetime):
        value = rfc3339(value)
    elif isinstance(value, date):
        value = value.isoformat()
    text = json.dumps([_direction(key, descending), value, last], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[str, Any, int]:
    """Return the sort order, sort value and unique id in a cursor. Raises Malformed (``invalid-cursor``)."""
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
    keys = [row["_sort"] for row in items]
    if len(rows) <= page.limit:
        return Listing(items, None, keys=keys)
    return Listing(items, cursor_after(key, descending, keys[-1], items[-1]["_id"]), keys=keys)


def read_page(
    statement: Select[*tuple[Any, ...]],
    page: Page,
    unique: Any,
    sorts: Mapping[str, Sort] | None = None,
    default: str = "id",
) -> Listing:
    """Read a page of a statement, in the order of the page, as mappings with ``_sort`` and ``_id`` beside its columns.

    Of a statement of one model the objects themselves. ``default``: the sort order unless the page has another one. A
    list without sorts is in the order of the unique column.
    Raises Malformed for a wrong sort or cursor.
    """
    key, descending = chosen_sort(sorts or {"id": SortKey("id", unique, int)}, page.sort or default)
    of_objects = len(statement.column_descriptions) == 1 and isinstance(statement.column_descriptions[0]["type"], type)
    if page.cursor is not None:
        statement = statement.where(after(key, unique, descending, page.cursor))
    statement = statement.add_columns(key.column.label("_sort"), unique.label("_id"))
    statement = statement.order_by(None).order_by(*order_by(key, unique, descending)).limit(page.limit + 1)
    listing = build_page(db.session.execute(statement).mappings().all(), page, key, descending)
    return replace(listing, items=[next(iter(row.values())) for row in listing.items]) if of_objects else listing


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


Column = ColumnElement[Any] | Callable[[], ColumnElement[Any]]
SEVERAL = f"One or several, at most {MAX_VALUES}, with commas or by repeating the parameter."


@dataclass(frozen=True, slots=True)
class ColumnFilter(ABC):
    """A filter on a column: one class for each kind of values.

    ``column`` is a function where it depends on the day or the policy. ``takes`` describes the values where the kind
    does not say enough.
    """

    values: ClassVar[str]
    column: Column
    takes: str = field(default="", kw_only=True)

    def condition(self, value: str) -> ColumnElement[bool]:
        """Return the SQL condition for a filter value. Raises InvalidValue."""
        return self.compared(self.column() if callable(self.column) else self.column, value)

    @abstractmethod
    def compared(self, column: ColumnElement[Any], value: str) -> ColumnElement[bool]:
        """Return the condition on the column itself. Raises InvalidValue."""


@dataclass(frozen=True, slots=True)
class ChoiceFilter(ColumnFilter):
    """One or more codes of a fixed set, separated by commas."""

    values: ClassVar[str] = "codes"

    options: tuple[str, ...]

    def compared(self, column: ColumnElement[Any], value: str) -> ColumnElement[bool]:
        """Return the condition on the column itself. Raises InvalidValue."""
        return column.in_(choices(value, self.options))


@dataclass(frozen=True, slots=True)
class CodesFilter:
    """One or more codes of a fixed set, of which ``search`` makes the condition."""

    values: ClassVar[str] = "codes"
    search: Callable[[list[str]], ColumnElement[bool]]
    options: tuple[str, ...]
    takes: str = ""

    def condition(self, value: str) -> ColumnElement[bool]:
        """Return the SQL condition for a filter value. Raises InvalidValue."""
        return self.search(choices(value, self.options))


@dataclass(frozen=True, slots=True)
class TextFilter(ColumnFilter):
    """One or more texts, separated by commas."""

    values: ClassVar[str] = "texts"

    def compared(self, column: ColumnElement[Any], value: str) -> ColumnElement[bool]:
        """Return the condition on the column itself. Raises InvalidValue."""
        return column.in_(split_values(value))


@dataclass(frozen=True, slots=True)
class BeginningFilter(ColumnFilter):
    """One or more beginnings of texts, separated by commas."""

    values: ClassVar[str] = "beginnings of texts"

    def compared(self, column: ColumnElement[Any], value: str) -> ColumnElement[bool]:
        """Return the condition on the column itself. Raises InvalidValue."""
        return or_(*(column.startswith(text, autoescape=True) for text in split_values(value)))


@dataclass(frozen=True, slots=True)
class BinFilter(ColumnFilter):
    """One or more BINs, separated by commas: a well-formed one that nobody has matches nothing."""

    values: ClassVar[str] = "BINs"

    def compared(self, column: ColumnElement[Any], value: str) -> ColumnElement[bool]:
        """Return the condition on the column itself. Raises InvalidValue."""
        return column.in_(bin_numbers(value))


@dataclass(frozen=True, slots=True)
class BooleanFilter(ColumnFilter):
    """``true`` or ``false``."""

    values: ClassVar[str] = "true or false"

    def compared(self, column: ColumnElement[Any], value: str) -> ColumnElement[bool]:
        """Return the condition on the column itself. Raises InvalidValue."""
        return column.is_(is_true(value))


@dataclass(frozen=True, slots=True)
class PredicateFilter(ColumnFilter):
    """``true`` or ``false`` of a condition that is never NULL: without ``IS``, so that an index can serve it."""

    values: ClassVar[str] = "true or false"

    def compared(self, column: ColumnElement[Any], value: str) -> ColumnElement[bool]:
        """Return the condition on the column itself. Raises InvalidValue."""
        return column if is_true(value) else not_(column)


@dataclass(frozen=True, slots=True)
class RangeFilter(ColumnFilter):
    """The base of filters with the first (``end="from"``) or last (``end="to"``) value to match, or the exact one."""

    end: str = ""

    def compared(self, column: ColumnElement[Any], value: str) -> ColumnElement[bool]:
        """Return the condition on the column itself. Raises InvalidValue."""
        edge, included = self.edge(value)
        before: ColumnElement[bool] = column <= edge if included else column < edge
        after: ColumnElement[bool] = column >= edge
        equal: ColumnElement[bool] = column == edge
        return {"from": after, "to": before}.get(self.end, equal)

    @abstractmethod
    def edge(self, value: str) -> tuple[Any, bool]:
        """Return the value to compare with, and whether it is itself in the range. Raises InvalidValue."""


@dataclass(frozen=True, slots=True)
class DateFilter(RangeFilter):
    """A date."""

    values: ClassVar[str] = "date"

    def edge(self, value: str) -> tuple[Any, bool]:
        """Return the date."""
        return exact_day(value), True


@dataclass(frozen=True, slots=True)
class AmountFilter(RangeFilter):
    """An amount in whole tenge."""

    values: ClassVar[str] = "whole tenge"

    def edge(self, value: str) -> tuple[Any, bool]:
        """Return the amount."""
        amount = plain_number(value, 16)
        if amount is None or amount > MAX_AMOUNT:
            raise InvalidValue("expected-whole-number")
        return amount, True


@dataclass(frozen=True, slots=True)
class InstantFilter(RangeFilter):
    """A day or a time, of an Instant column."""

    values: ClassVar[str] = "date or instant"

    def edge(self, value: str) -> tuple[Any, bool]:
        """Return the time, or the beginning or end of the day."""
        return parse_range_edge(value, self.end)


@dataclass(frozen=True, slots=True)
class TimestampFilter(InstantFilter):
    """The same of a column of RFC 3339 texts."""

    def edge(self, value: str) -> tuple[Any, bool]:
        """Return the text of the time."""
        edge, included = parse_range_edge(value, self.end)
        return rfc3339(edge), included


@dataclass(frozen=True, slots=True)
class WordsFilter:
    """Words to search for; ``search`` returns the condition for the text. ``takes`` describes the texts.

    ``blank``: whether the list takes a text of spaces alone.
    """

    values: ClassVar[str] = "words"

    search: Callable[[str], ColumnElement[bool]]
    takes: str = "Words; each matches the beginning of a word."
    blank: bool = True

    def condition(self, value: str) -> ColumnElement[bool]:
        """Return the SQL condition for a filter value. Raises InvalidValue."""
        if len(value) > MAX_VALUE_LENGTH or control_character(value) is not None:
            raise InvalidValue("not-usable")
        if not (value if self.blank else value.strip()):
            raise InvalidValue("value-missing")
        return self.search(value)


@dataclass(frozen=True, slots=True)
class NullFilter:
    """Names of fields, separated by commas: all of them have no value."""

    values: ClassVar[str] = "names of fields without a value"

    columns: Mapping[str, Column]
    takes: str = ""

    @property
    def options(self) -> tuple[str, ...]:
        """The names."""
        return tuple(self.columns)

    def condition(self, value: str) -> ColumnElement[bool]:
        """Return the SQL condition for a filter value. Raises InvalidValue."""
        columns = [self.columns[name] for name in choices(value, self.options)]
        return and_(*((column() if callable(column) else column).is_(None) for column in columns))


@dataclass(frozen=True, slots=True)
class CustomFilter:
    """Values of another kind of filter, of which ``search`` makes the condition. It raises InvalidValue."""

    search: Callable[[str], ColumnElement[bool]]
    kind: PlainFilter
    takes: str = ""

    def condition(self, value: str) -> ColumnElement[bool]:
        """Return the SQL condition for a filter value. Raises InvalidValue."""
        return self.search(value)


@dataclass(frozen=True, slots=True)
class ReaderFilter:
    """A filter that depends on who reads the list: ``of`` makes it, without a reader only to describe its values."""

    of: Callable[[Any], PlainFilter | CustomFilter]

    def condition(self, value: str) -> ColumnElement[bool]:
        """Raise TypeError: there is none without a reader."""
        raise TypeError(value)


PlainFilter: TypeAlias = ColumnFilter | CodesFilter | WordsFilter | NullFilter
Filter: TypeAlias = PlainFilter | CustomFilter | ReaderFilter


def kind_of(known: Filter) -> PlainFilter:
    """Return the filter whose values a filter takes."""
    if isinstance(known, ReaderFilter):
        return kind_of(known.of(None))
    return known.kind if isinstance(known, CustomFilter) else known


def date_filters(name: str, column: Column) -> dict[str, Filter]:
    """Return the three filters of a date column: ``name``, ``name_from`` and ``name_to``."""
    return {name: DateFilter(column), **range_filters(DateFilter, name, column)}


def instant_filters(name: str, column: Column) -> dict[str, Filter]:
    """Return the two filters of an Instant column, ``name_from`` and ``name_to``."""
    return range_filters(InstantFilter, name, column)


def range_filters(kind: type[RangeFilter], name: str, column: Column) -> dict[str, Filter]:
    """Return the two filters of a range of this kind, ``name_from`` and ``name_to``."""
    return {f"{name}_{end}": kind(column, end) for end in ("from", "to")}


def parse_range_edge(value: str, end: str) -> tuple[datetime, bool]:
    """Return the beginning (``from``) or end (``to``) of a time range, and whether it is inclusive.

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


def conditions(filters: Mapping[str, Filter], raw: Mapping[str, str]) -> list[ColumnElement[bool]]:
    """Return the SQL conditions of a list. Those that ``not`` names are negated: what has no value fits them.

    ``not`` names filters that were sent, and not ``q``. Raises Malformed with a problem for each unknown filter or
    invalid value.
    """
    named: dict[str, ColumnElement[bool]] = {}
    negated: list[str] = []
    problems = []
    # ``not`` last: its problems come after those of the filters.
    for name, value in sorted(raw.items(), key=lambda item: item[0] == NOT):
        try:
            if name == NOT:
                negated = choices(value, tuple(each for each in raw if each not in (NOT, WORDS)))
            elif name in filters:
                named[name] = filters[name].condition(value)
            else:
                problems.append(Problem(name, "unknown-parameter", {"name": name}))
        except InvalidValue as error:
            problems.append(Problem(name, error.code, error.params))
    if problems:
        raise Malformed(problems)
    return [each.is_not(true()) if name in negated else each for name, each in named.items()]


def is_true(value: str) -> bool:
    """Return whether ``true`` or ``false`` is ``true``. Raises InvalidValue for another text."""
    if value not in ("true", "false"):
        raise InvalidValue("expected-true-or-false")
    return value == "true"


def choices(value: str, options: Sequence[str]) -> list[str]:
    """Return the comma-separated values, each one of the options. Raises InvalidValue."""
    values = split_values(value)
    for each in values:
        if each not in options:
            raise InvalidValue("not-a-choice", options=", ".join(options))
    return values


def bin_numbers(value: str) -> list[str]:
    """Return the comma-separated BINs. Raises InvalidValue for what is not one."""
    values = split_values(value)
    if not all(map(is_bin, values)):
        raise InvalidValue("bin-invalid")
    return values


def split_values(value: str) -> list[str]:
    """Return the comma-separated values, trimmed, each once.

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
    """Return the page with the number of rows of the whole list, if it asks for it. ``ids`` makes the query of all
    their ids.

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


# Declarations of lists: what API, pages, exports and saved views all read.


class Reader(Protocol):
    """Who reads a list."""

    def require(self, permission: Any) -> None:
        """Raise unless the reader has the permission."""


Actor = TypeVar("Actor", bound=Reader)


def _as_read(_actor: object, rows: Sequence[Any]) -> Sequence[Any]:
    return rows


# How much of a list is counted, so that no list costs more.
MAX_COUNTED: Final = 10_000


@dataclass(frozen=True, slots=True)
class ListTotals:
    """``total``: the number of rows of a list, None when there are more than ``MAX_COUNTED``.

    ``before``: how many come before the page, None when these are more than that. ``previous``: the cursor of the
    previous page; None when that is the first one, or unknown.
    """

    total: int | None
    before: int | None
    previous: str | None


def _without_page_filters(raw: Mapping[str, str]) -> tuple[Mapping[str, str], list[ColumnElement[bool]]]:
    return raw, []


@dataclass(frozen=True, slots=True, kw_only=True)
class ListDeclaration(Generic[Actor]):
    """A list of records: who may read it, and how it is filtered, sorted, counted and added up.

    ``name``: in addresses, and of its files. ``negatable``, ``counted``: whether the API takes ``not`` and ``count``.
    ``split``: takes the filters that only pages have from the others, as conditions. ``statement``: the query of some
    columns of the rows that an actor sees and that match; ``reads`` names sorts whose columns are among them.
    ``unique``: the column that breaks ties. ``amount``: the name of the sort that is added up, and the id of what has
    the amount, which counts once.
    """

    name: str
    permission: Any
    filters: Mapping[str, Filter] = field(default_factory=dict)
    sorts: Mapping[str, Sort] = field(default_factory=dict)
    default_sort: str = "-id"
    negatable: bool = False
    counted: bool = False
    split: Callable[[Mapping[str, str]], tuple[Mapping[str, str], list[ColumnElement[bool]]]] = _without_page_filters
    statement: Callable[..., Select[Any]] | None = None
    unique: ColumnElement[Any] = field(default_factory=true)
    amount: tuple[str, ColumnElement[Any]] | None = None

    def criteria(self, actor: Actor, raw: Mapping[str, str]) -> list[ColumnElement[bool]]:
        """Return the conditions of the filters. Raises Malformed."""
        named = {
            name: each.of(actor) if isinstance(each, ReaderFilter) else each for name, each in self.filters.items()
        }
        return conditions(named, raw)

    def sort_key(self, sort: str | None) -> tuple[SortKey, bool]:
        """Return the key and the direction of ``name`` or ``-name``, or the default. Raises Malformed for others."""
        return chosen_sort(self.sorts, sort or self.default_sort)

    def matching(
        self,
        actor: Actor,
        raw: Mapping[str, str],
        *columns: ColumnElement[Any],
        reads: Sequence[str] = (),
        only: Sequence[ColumnElement[bool]] = (),
    ) -> Select[Any]:
        """Return the query of these columns of the rows that match, by filters of pages too. Raises Malformed.

        ``only``: further conditions.
        """
        shared, of_pages = self.split(raw)
        if self.statement is None:
            raise TypeError(self.name)
        split_off = [name for name in raw if name not in shared]
        return self.statement(actor, shared, *columns, reads=[*reads, *split_off], only=[*only, *of_pages])

    def count(
        self,
        actor: Actor,
        raw: Mapping[str, str],
        most: int,
        *,
        reads: Sequence[str] = (),
        only: Sequence[ColumnElement[bool]] = (),
    ) -> int | None:
        """Count the rows that match; None for more than ``most``. Raises Malformed for an invalid filter."""
        matching = self.matching(actor, raw, self.unique, reads=reads, only=only)
        rows = matching.limit(literal_limit(most + 1)).subquery()
        count = db.session.scalar(select(func.count()).select_from(rows)) or 0
        return None if count > most else count

    def totals(self, actor: Actor, raw: Mapping[str, str], page: Page) -> ListTotals:
        """Count the rows of a list and those before the page. Raises Malformed for a wrong filter, sort or cursor."""
        total = self.count(actor, raw, MAX_COUNTED)
        if page.cursor is None:
            return ListTotals(total, 0, None)
        key, descending = self.sort_key(page.sort)
        rest = after(key, self.unique, descending, page.cursor)
        before = self.count(actor, raw, MAX_COUNTED, reads=[key.name], only=[not_(rest)])
        if before is None or before <= page.limit:
            return ListTotals(total, before, None)
        rows = self.matching(actor, raw, key.column, self.unique, reads=[key.name])
        rows = rows.order_by(None).order_by(*order_by(key, self.unique, descending))
        value, last = db.session.execute(rows.offset(before - page.limit - 1).limit(1)).one()
        return ListTotals(total, before, cursor_after(key, descending, value, last))

    def group_totals(self, actor: Actor, raw: Mapping[str, str], group: str = "") -> dict[Any, tuple[int, int]]:
        """Return the number of rows and the sum for each value of a sort; without one of the whole list, as None."""
        summed, owner = self.amount or ("", self.unique)
        of = self.sort_key(group)[0].column if group else null()
        amount = self.sort_key(summed)[0].column if summed else literal(0)
        columns = (of.label("of"), owner.label("owner"), amount.label("amount"))
        rows = self.matching(actor, raw, *columns, reads=[group, summed]).subquery()
        counted = select(*rows.c, func.count().label("number")).group_by(*rows.c).subquery()
        sums = select(counted.c["of"], func.sum(counted.c.number), func.sum(counted.c.amount)).group_by(counted.c["of"])
        return {value: (int(count), int(total or 0)) for value, count, total in db.session.execute(sums)}


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordList(ListDeclaration[Actor]):
    """A list that is read from one statement.

    ``rows``: the statement of the rows that an actor sees, joined with all that filters and sorts compare. ``unique``:
    also the order of a list without ``sorts``. ``shown``: what the list gives of the rows of a page; it journals
    restricted projects among them as read.
    """

    rows: Callable[[Actor], Select[*tuple[Any, ...]]]
    shown: Callable[[Actor, Sequence[Any]], Sequence[Any]] = _as_read

    def matching(
        self,
        actor: Actor,
        raw: Mapping[str, str],
        *columns: ColumnElement[Any],
        reads: Sequence[str] = (),  # noqa: ARG002 - the rows are joined with all
        only: Sequence[ColumnElement[bool]] = (),
    ) -> Select[Any]:
        """Return the query of these columns of the rows that match, without columns of all. Raises Malformed."""
        statement = self.rows(actor).where(*self.criteria(actor, raw), *only)
        return statement.with_only_columns(*columns, maintain_column_froms=True) if columns else statement

    def read(
        self, actor: Actor, raw: Mapping[str, str], page: Page, *, only: Sequence[ColumnElement[bool]] = ()
    ) -> Listing:
        """Return a page of the list. ``only``: further conditions on its rows.

        Raises RoleNotAllowed, and Malformed for an invalid filter, sort or cursor.
        """
        actor.require(self.permission)
        statement = self.matching(actor, raw, only=only)
        listing = read_page(statement, page, self.unique, self.sorts, self.default_sort)
        return replace(listing, items=list(self.shown(actor, listing.items)))


Item = TypeVar("Item")


def every_page(
    read: Callable[[Page], Listing], convert: Callable[[list[Any]], Item], sort: str | None = None
) -> Iterator[Item]:
    """Each page of a list, converted as soon as it is read: loaded objects belong to the session.

    Errors of the first page are raised at once, not when the iteration begins.
    """

    def page_after(cursor: str | None) -> tuple[Item, str | None]:
        listing = read(Page(MAX_LIMIT, cursor, sort))
        return convert(listing.items), listing.next

    def pages(converted: Item, cursor: str | None) -> Iterator[Item]:
        yield converted
        while cursor is not None:
            converted, cursor = page_after(cursor)
            yield converted

    return pages(*page_after(None))
