"""Agency queries: the paginated list with filters and search, and the tree."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Select, func, select
from sqlalchemy.orm import aliased

from registry.accounts.agency_tree import topmost
from registry.accounts.roles import Actor, Permission
from registry.agencies.fields import CHANGEABLE
from registry.agencies.models import Agency, Region
from registry.core import lists
from registry.core.clock import rfc3339
from registry.core.database import db, sort_in_kazakh
from registry.core.lists import SortKey
from registry.core.search import folded_words, may_have_error, similar_beginnings
from registry.freeze.vocabulary import AgencyKind
from registry.journal.service import JournalEntry


def open_agencies_below(top: Agency | None, limit: int) -> list[tuple[Agency, int]]:
    """Return the open agencies directly below one, or at the top, each with how many are directly below it; by BIN."""
    child = aliased(Agency)
    below = select(func.count(child.id)).where(child.parent_id == Agency.id, child.closed_on.is_(None))
    level = Agency.parent_id.is_(None) if top is None else Agency.parent_id == top.id
    statement = select(Agency, below.correlate(Agency).scalar_subquery()).where(level, Agency.closed_on.is_(None))
    return [(agency, count) for agency, count in db.session.execute(statement.order_by(Agency.bin).limit(limit))]


def agencies_above(agency: Agency) -> list[Agency]:
    """Return the agencies above, the top one first."""
    above: list[Agency] = []
    current = agency.parent
    while current is not None:
        above.append(current)
        current = None if current.parent_id is None else db.session.get(Agency, current.parent_id)
    return above[::-1]


def ids_with_words(query: str, *, misspelt: bool = False) -> list[int]:
    """Return the ids of agencies that have each query word as a prefix of a word of their BIN or of a name.

    ``misspelt``: a word that no agency has is taken for one with a typing error.
    """
    words = folded_words(query)
    return [] if not words else sorted(set.intersection(*ids_with_each(words, misspelt=misspelt).values()))


def ids_with_each(words: Iterable[str], *, misspelt: bool = False) -> dict[str, set[int]]:
    """Return the ids of agencies by folded word: those that have a word of their BIN or of a name that begins with it.

    Matched in Python: SQLite's lower() does not support Cyrillic, and agencies are few.
    """
    rows = db.session.execute(select(Agency.id, Agency.bin, Agency.name_kk, Agency.name_ru, Agency.name_en))
    parts = {agency: _words_of(*texts) for agency, *texts in rows}
    ids_by_word = {word: _with_beginnings(parts, [word]) for word in words}
    for word, ids in ids_by_word.items():
        if misspelt and not ids and may_have_error(word, ids_by_word):
            ids |= _with_beginnings(parts, similar_beginnings(word, set("".join(parts.values()).split())))
    return ids_by_word


def _with_beginnings(parts: Mapping[int, str], beginnings: Iterable[str]) -> set[int]:
    marked = [f" {each}" for each in beginnings]
    return {key for key, words in parts.items() if any(each in words for each in marked)}


PARENT: Final = aliased(Agency)


def _rows(_actor: Actor) -> Select[Any]:
    successor = aliased(Agency)
    return (
        select(
            Agency.bin,
            *(getattr(Agency, name) for name in CHANGEABLE if name != "parent_bin"),
            PARENT.bin.label("parent_bin"),
            Agency.closed_on,
            successor.bin.label("successor_bin"),
            Agency.version,
        )
        .outerjoin(PARENT, PARENT.id == Agency.parent_id)
        .outerjoin(successor, successor.id == Agency.successor_id)
    )


# The sort of other lists by their agency: the names may be the same, the BINs are not.
BY_NAME: Final = SortKey("agency", Agency.name_ru.expression + " " + Agency.bin.expression, str)

AGENCY_LIST: Final = lists.RecordList(
    name="agencies",
    permission=Permission.AGENCIES_READ,
    rows=_rows,
    unique=Agency.id.expression,
    filters={
        "kind": lists.ChoiceFilter(Agency.kind.expression, AgencyKind.codes()),
        "region": lists.ChoiceFilter(Agency.region.expression, Region.codes()),
        "bin": lists.BinFilter(Agency.bin.expression),
        "parent_bin": lists.BinFilter(PARENT.bin.expression, takes=f"BINs of the agencies above. {lists.SEVERAL}"),
        "is_closed": lists.PredicateFilter(
            Agency.closed_on.is_not(None), takes="true: those that another one succeeded; false: the others."
        ),
        "q": lists.WordsFilter(
            lambda text: Agency.id.in_(ids_with_words(text, misspelt=True)),
            "Words, or their beginnings, in names and BIN.",
        ),
    },
    sorts={
        **lists.sort_keys(Agency.bin.expression),
        "name_kk": SortKey("name_kk", sort_in_kazakh(Agency.name_kk.expression), str, nullable=True),
        "name_ru": SortKey("name_ru", sort_in_kazakh(Agency.name_ru.expression), str, nullable=True),
        **lists.sort_keys(Agency.kind.expression, Agency.region.expression),
    },
    default_sort="bin",
)


# To fold the words of 2,000 takes 15 ms of each search, of which the search of the register makes two.
@lru_cache(maxsize=20_000)
def _words_of(*texts: str | None) -> str:
    return "".join(f" {word}" for text in texts if text for word in folded_words(text))


# The kinds of agencies at an earlier moment, from the journal: an agency has no revisions of its own.

SUBJECT = "agency:"


def kinds_known_at(at: datetime) -> dict[str, str]:
    """Return the kind of each agency by BIN as known at the moment; later agencies have their first kind."""
    return _known_at(at, "kind", dict(db.session.execute(select(Agency.bin, Agency.kind)).all()))


def tops_known_at(at: datetime) -> dict[str, str]:
    """Return the topmost agency above each agency by BIN as known at the moment."""
    parent = aliased(Agency)
    present = select(Agency.bin, parent.bin).outerjoin(parent, parent.id == Agency.parent_id)
    return topmost(_known_at(at, "parent_bin", dict(db.session.execute(present).all())))


def _known_at(at: datetime, field: str, values: dict[str, Any]) -> dict[str, Any]:
    """Undo in the values by BIN what changed later of a field."""
    later = (
        select(JournalEntry.subject, JournalEntry.details)
        .where(JournalEntry.action == "agency.changed", JournalEntry.at > rfc3339(at))
        .order_by(JournalEntry.seq.desc())
    )
    for subject, details in db.session.execute(later):
        for change in json.loads(details)["changes"]:
            if change["field"] == field:
                values[subject.removeprefix(SUBJECT)] = change["old"]
    return values
