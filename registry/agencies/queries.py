"""Agency queries: the paginated list with filters and search, and the tree."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import aliased

from registry.accounts.roles import Actor, Permission
from registry.agencies.fields import CHANGEABLE
from registry.agencies.models import Agency
from registry.agencies.vocabulary import Region
from registry.core.clock import rfc3339
from registry.core.collation import sort_in_kazakh
from registry.core.database import db
from registry.core.errors import Malformed, Problem
from registry.core.lists import (
    MAX_VALUE_LENGTH,
    Listing,
    Page,
    SortKey,
    bin_numbers,
    choices,
    read_page,
)
from registry.core.search import words_of
from registry.core.values import InvalidValue, control_character
from registry.freeze.vocabulary import AgencyKind
from registry.journal.service import JournalEntry

SORTS: Final[Mapping[str, SortKey]] = {
    "bin": SortKey("bin", Agency.bin.expression, str),
    "name_kk": SortKey("name_kk", sort_in_kazakh(Agency.name_kk.expression), str, nullable=True),
    "name_ru": SortKey("name_ru", sort_in_kazakh(Agency.name_ru.expression), str, nullable=True),
    "kind": SortKey("kind", Agency.kind.expression, str),
    "region": SortKey("region", Agency.region.expression, str, nullable=True),
}
DEFAULT_SORT: Final = "bin"
OPTIONS: Final[Mapping[str, tuple[str, ...]]] = {"kind": AgencyKind.codes(), "region": Region.codes()}


def list_agencies(
    actor: Actor, filters: Mapping[str, str], page: Page, *, only: Sequence[ColumnElement[bool]] = ()
) -> Listing:
    """A page of agencies as mappings. ``only``: additional conditions on Agency.

    Raises RoleNotAllowed, and Malformed for an invalid filter, sort or cursor.
    """
    actor.require(Permission.AGENCIES_READ)
    parent, successor = aliased(Agency), aliased(Agency)
    statement = (
        select(
            Agency.bin,
            *(getattr(Agency, name) for name in CHANGEABLE if name != "parent_bin"),
            parent.bin.label("parent_bin"),
            Agency.closed_on,
            successor.bin.label("successor_bin"),
            Agency.version,
        )
        .outerjoin(parent, parent.id == Agency.parent_id)
        .outerjoin(successor, successor.id == Agency.successor_id)
        .where(*_conditions(filters, parent.bin.expression), *only)
    )
    return read_page(statement, page, Agency.id, SORTS, DEFAULT_SORT)


def open_agencies_below(top: Agency | None, limit: int) -> list[tuple[Agency, int]]:
    """The open agencies directly below one, or at the top, each with how many are directly below it; by BIN."""
    child = aliased(Agency)
    below = select(func.count(child.id)).where(child.parent_id == Agency.id, child.closed_on.is_(None))
    level = Agency.parent_id.is_(None) if top is None else Agency.parent_id == top.id
    statement = select(Agency, below.correlate(Agency).scalar_subquery()).where(level, Agency.closed_on.is_(None))
    return [(agency, count) for agency, count in db.session.execute(statement.order_by(Agency.bin).limit(limit))]


def agencies_above(agency: Agency) -> list[Agency]:
    """The agencies above, the top one first."""
    above: list[Agency] = []
    current = agency.parent
    while current is not None:
        above.append(current)
        current = None if current.parent_id is None else db.session.get(Agency, current.parent_id)
    return above[::-1]


def _conditions(filters: Mapping[str, str], parent_bin: ColumnElement[Any]) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    problems = []
    for name, value in filters.items():
        try:
            conditions.append(_condition(name, value, parent_bin))
        except InvalidValue as error:
            problems.append(Problem(name, error.code, error.params))
    if problems:
        raise Malformed(problems)
    return conditions


def _condition(name: str, value: str, parent_bin: ColumnElement[Any]) -> ColumnElement[bool]:
    """The condition of one filter. Raises InvalidValue."""
    if name in OPTIONS:
        return getattr(Agency, name).in_(choices(value, OPTIONS[name]))  # type: ignore[no-any-return]
    match name:
        case "bin":
            return Agency.bin.in_(bin_numbers(value))
        case "parent_bin":
            return parent_bin.in_(bin_numbers(value))
        case "is_closed":
            if value not in ("true", "false"):
                raise InvalidValue("expected-true-or-false")
            return Agency.closed_on.is_not(None) if value == "true" else Agency.closed_on.is_(None)
        case "q":
            if len(value) > MAX_VALUE_LENGTH or control_character(value) is not None:
                raise InvalidValue("not-usable")
            if not value:
                raise InvalidValue("value-missing")
            return Agency.id.in_(ids_with_words(value))
    raise InvalidValue("unknown-parameter", name=name)


def ids_with_words(query: str) -> list[int]:
    """The ids of agencies that have each query word as a prefix of a word of their BIN or of a name."""
    words = words_of(query)
    return [] if not words else sorted(set.intersection(*ids_with_each(words).values()))


def ids_with_each(words: Iterable[str]) -> dict[str, set[int]]:
    """The ids of agencies by word: those that have a word of their BIN or of a name that begins with it.

    Matched in Python: SQLite's lower() does not support Cyrillic, and agencies are few.
    """
    ids_by_word: dict[str, set[int]] = {word: set() for word in words}
    rows = db.session.execute(select(Agency.id, Agency.bin, Agency.name_kk, Agency.name_ru, Agency.name_en))
    for agency_id, *texts in rows:
        parts = [part for text in texts if text for part in _words_of(text)]
        for word, ids in ids_by_word.items():
            if any(part.startswith(word) for part in parts):
                ids.add(agency_id)
    return ids_by_word


# Of 5,000 agencies and more. For 2,000 it takes 15 ms of each search, of which the search of the register makes two.
@lru_cache(maxsize=20_000)
def _words_of(text: str) -> tuple[str, ...]:
    return tuple(words_of(text))


# The kinds of agencies at an earlier moment, from the journal: an agency has no revisions of its own.

SUBJECT = "agency:"


def kinds_known_at(at: datetime) -> dict[str, str]:
    """Return the kind of each agency by BIN as known at the moment; later agencies have their first kind."""
    kinds = dict(db.session.execute(select(Agency.bin, Agency.kind)).all())
    later = (
        select(JournalEntry.subject, JournalEntry.details)
        .where(JournalEntry.action == "agency.changed", JournalEntry.at > rfc3339(at))
        .order_by(JournalEntry.seq.desc())
    )
    for subject, details in db.session.execute(later):
        for change in json.loads(details)["changes"]:
            if change["field"] == "kind":
                kinds[subject.removeprefix(SUBJECT)] = change["old"]
    return kinds
