"""Search of projects by words, planned by how common the words are: both databases would read too much otherwise.

Common words fill a page from the first rows of a list. Rare words are looked up first: in an index of all words on
PostgreSQL, by one pass over an index of the search texts on SQLite, which is a sixth of the table.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session

from registry.core.bulk import estimated_rows, table_of
from registry.core.database import TRANSACTION_OPEN, db
from registry.core.dialects import has_word_index
from registry.core.pagination import literal_limit
from registry.core.search import contains_words, matches_words
from registry.projects.models import Project

PROJECT: Final = table_of(Project).c
# PostgreSQL: reading and sorting this many rows from the index takes a hundredth of a second.
INDEX_SCAN_LIMIT: Final = 10_000
# SQLite: more are common, and the pass ends with the first ones.
MAX_IDS: Final = 1_000
_KNOWN: Final = "registry.word_search"
Rare = Select[tuple[int]] | tuple[int, ...]


def has_words(project_id: ColumnElement[int], words: list[str]) -> ColumnElement[bool]:
    """The condition that a project has each word as a prefix, for a statement with a column of project ids.

    The statement must also have ``projects``, which is read for common words only.
    """
    rare = with_rare_words(project_id, words)
    return contains_words(PROJECT.words, words) if rare is None else rare


def with_rare_words(project_id: ColumnElement[int], words: list[str]) -> ColumnElement[bool] | None:
    """The condition on a column of project ids for words that few projects have; None for common words."""
    session, key = db.session(), tuple(words)
    known: tuple[object, dict[tuple[str, ...], Rare | None]] = session.info.get(_KNOWN, (None, {}))
    # A page asks several times: for the rows, the totals and other lists. A transaction that writes asks each time.
    if session.info.get(TRANSACTION_OPEN) or known[0] is not session.get_transaction():
        known = (None, {})
    if key not in known[1]:
        rare = _indexed(session, words) if has_word_index() else _listed(session, words)
        known[1][key] = rare
        session.info[_KNOWN] = (session.get_transaction(), known[1])
    matching = known[1][key]
    return None if matching is None else project_id.in_(matching)


def _indexed(session: Session, words: list[str]) -> Select[tuple[int]] | None:
    """The planner estimates correctly how common a word is, but may still scan a whole list for a rare one."""
    matches = select(PROJECT.id).where(matches_words(PROJECT.words, words))
    if estimated_rows(session, matches) > INDEX_SCAN_LIMIT:
        return None
    hits = matches.cte("hits").prefix_with("MATERIALIZED")
    return select(hits.c.id)


def _listed(session: Session, words: list[str]) -> tuple[int, ...] | None:
    matches: Select[Any] = select(PROJECT.id).where(contains_words(PROJECT.words, words))
    ids = tuple(session.scalars(matches.limit(literal_limit(MAX_IDS + 1))))
    return None if len(ids) > MAX_IDS else ids
