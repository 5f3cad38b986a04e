"""Text search of cases: by the number of the case or project, words of the project, and words of its agency."""

from __future__ import annotations

from itertools import pairwise

from sqlalchemy import ColumnElement, and_, false, or_

from registry.agencies.queries import ids_with_each
from registry.cases.models import Case
from registry.core.search import contains_words, words_of
from registry.projects.models import Project
from registry.projects.word_search import has_words

# Numbers of cases fit into 64 bits.
MAX_ID_DIGITS = 18


def case_search(text: str) -> ColumnElement[bool]:
    """The condition on cases joined with their projects: each word is in the project or in its agency.

    A whole number also finds the case with this number. A text without a word finds nothing.
    """
    words = _longest(words_of(text))
    if not words:
        return false()
    agencies = ids_with_each(words)
    in_project = [word for word in words if not agencies[word]]
    conditions = [has_words(Case.project_id.expression, in_project)] if in_project else []
    for word in words:
        if agencies[word]:
            has_word = contains_words(Project.words.expression, [word])
            conditions.append(or_(has_word, Project.agency_id.in_(sorted(agencies[word]))))
    number = case_number(text)
    return and_(*conditions) if number is None else or_(and_(*conditions), Case.id == number)


def case_number(text: str) -> int | None:
    """The number of a case that the text is, with or without ``#`` or ``№`` before it; None for any other text."""
    number = text.strip().lstrip("#№").strip()
    return int(number) if number.isascii() and number.isdigit() and len(number) <= MAX_ID_DIGITS else None


def _longest(words: list[str]) -> list[str]:
    """Each word once, and none that is the beginning of another: what has the longer one has it too.

    The ids of agencies in the statement are then at most as many as the words of their names.
    """
    return [word for word, following in pairwise([*sorted({*words}), ""]) if not following.startswith(word)]
