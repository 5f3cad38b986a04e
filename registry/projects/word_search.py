"""Search of projects by words, planned by how common the words are: both databases would read too much otherwise.

Common words fill a page from the first rows of a list. Rare words are looked up first: in an index of all words on
PostgreSQL, by one pass over an index of the search texts on SQLite, which is a sixth of the table. Words that nobody
has are taken for typing errors. What only restricted projects have counts as missing, so that nobody learns of it.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session

from registry.core.database import TRANSACTION_OPEN, db, table_of
from registry.core.dialects import estimated_rows, has_word_index
from registry.core.lists import literal_limit
from registry.core.search import (
    REFERENCE,
    Query,
    contains_text,
    contains_words,
    folded_words,
    matches_words,
    may_have_error,
    reference_of,
    similar_beginnings,
)
from registry.projects.models import Project
from registry.projects.visibility import IS_RESTRICTED

PROJECT: Final = table_of(Project).c
# PostgreSQL: reading and sorting this many rows from the index takes a hundredth of a second.
INDEX_SCAN_LIMIT: Final = 10_000
# SQLite: more are common, and the pass ends with the first ones.
MAX_IDS: Final = 1_000
# Search texts that are read for words similar to a misspelt one.
MAX_TEXTS: Final = 2_000
NOT_RESTRICTED: Final = PROJECT.id.not_in(select(PROJECT.id).where(IS_RESTRICTED))
_KNOWN: Final = "registry.word_search"
Rare = Select[tuple[int]] | tuple[int, ...]


class _Plan(NamedTuple):
    """The query with what misspelt words may mean, and the projects that match it; None for common words."""

    query: Query
    rare: Rare | None


def search_query(text: str, *, references: bool) -> Query | None:
    """Return what a text asks; None without a word. ``references``: it may be an external id or a contract number."""
    words = folded_words(text)
    return Query(tuple((word,) for word in words), reference_of(text) if references else "") if words else None


def has_words(project_id: ColumnElement[int], query: Query) -> ColumnElement[bool]:
    """Return the condition that a project matches, for a statement with a column of project ids.

    The statement must also have ``projects``, which is read for common words only.
    """
    session = db.session()
    known: tuple[object, dict[Query, _Plan]] = session.info.get(_KNOWN, (None, {}))
    # A page asks several times: for the rows, the totals and other lists. A transaction that writes asks each time.
    if session.info.get(TRANSACTION_OPEN) or known[0] is not session.get_transaction():
        known = (None, {})
    if query not in known[1]:
        known[1][query] = _plan(session, query)
        session.info[_KNOWN] = (session.get_transaction(), known[1])
    plan = known[1][query]
    return contains_words(PROJECT.words, plan.query) if plan.rare is None else project_id.in_(plan.rare)


def _plan(session: Session, query: Query) -> _Plan:
    rare = _indexed(session, query) if has_word_index() else _listed(session, query)
    if rare is None or _is_known(session, PROJECT.id.in_(rare)):
        return _Plan(query, rare)
    spellings = [
        (word, *(_similar(session, word) if may_have_error(word, query.words) else ())) for (word,) in query.words
    ]
    corrected = query._replace(words=tuple(spellings))
    if corrected == query:
        return _Plan(query, rare)
    return _Plan(corrected, _indexed(session, corrected) if has_word_index() else _listed(session, corrected))


def _indexed(session: Session, query: Query) -> Select[tuple[int]] | None:
    """Return the planner estimates correctly how common a word is, but may still scan a whole list for a rare one."""
    matches = select(PROJECT.id).where(matches_words(PROJECT.words, query))
    if estimated_rows(session, matches) > INDEX_SCAN_LIMIT:
        return None
    hits = matches.cte().prefix_with("MATERIALIZED")
    return select(hits.c.id)


def _listed(session: Session, query: Query) -> tuple[int, ...] | None:
    matches: Select[Any] = select(PROJECT.id).where(contains_words(PROJECT.words, query))
    ids = tuple(session.scalars(matches.limit(literal_limit(MAX_IDS + 1))))
    return None if len(ids) > MAX_IDS else ids


def _is_known(session: Session, condition: ColumnElement[bool]) -> bool:
    known = select(PROJECT.id).where(condition, NOT_RESTRICTED).limit(literal_limit(1))
    return session.scalar(known) is not None


def _similar(session: Session, word: str) -> list[str]:
    """Return the beginnings of words that a word with one typing error may mean; none for a word that a project has.

    One half of the word is without the error: words with the first half are in the index of PostgreSQL.
    """
    if _is_known(session, matches_words(PROJECT.words, Query(((word,),)))):
        return []
    beginning, end = word[: len(word) // 2], word[len(word) // 2 :]
    for condition in (matches_words(PROJECT.words, Query(((beginning,),))), contains_text(PROJECT.words, end)):
        texts = select(PROJECT.words).where(condition, NOT_RESTRICTED).limit(literal_limit(MAX_TEXTS))
        words = {each for text in session.scalars(texts) for each in text.split() if not each.startswith(REFERENCE)}
        similar = similar_beginnings(word, (each for each in words if each.startswith(beginning) or end in each))
        if similar:
            return similar
    return []
