"""The Kazakh collation, and cursor pages sorted by it."""

from __future__ import annotations

import random

import pytest
from flask import Flask
from sqlalchemy import literal, select, text, union_all

from registry.agencies.queries import AGENCY_LIST
from registry.core.collation import ALPHABET, compare, kazakh_key, sort_in_kazakh
from registry.core.database import db
from registry.core.lists import Page
from tests.factories import ADMINISTRATOR, an_agency

NAMES = (
    "1-мектеп",
    "Ақмола",
    "Алматы",
    "Әділет",
    "әкімдік",
    "Әкімдік",
    "Бюро",
    "Ғылым",
    "Қаржы",
    "Өнер",
    "Ұлттық",
    "Үкімет",
)
NAMES += ("Ыбырай", "Ішкі істер", "Экология", "IT-парк")


def sorted_by_database(values: list[str]) -> list[str]:
    rows = union_all(*(select(literal(value).label("value")) for value in values)).subquery()
    return list(db.session.scalars(select(rows.c.value).order_by(sort_in_kazakh(rows.c.value))))


def by_icu() -> bool:
    """True when the collation has the full order: on SQLite always, on PostgreSQL only with ICU."""
    if db.engine.dialect.name == "sqlite":
        return True
    return db.session.scalar(text("SELECT collprovider = 'i' FROM pg_collation WHERE collname = 'kazakh'"))


def test_collation_follows_the_kazakh_alphabet() -> None:
    letters = list(ALPHABET)
    random.Random(42).shuffle(letters)
    assert "".join(sorted(letters, key=kazakh_key)) == ALPHABET


def test_names_sort_in_kazakh_order(app: Flask) -> None:
    ordered = sorted_by_database(random.Random(1).sample(NAMES, len(NAMES)))
    assert ordered == (list(NAMES) if by_icu() else sorted(NAMES))


def test_different_texts_never_compare_as_equal() -> None:
    texts = ["әкімдік", "Әкімдік", "Әкімдік ", "", "\u00a0", "а", "a", "А", "ß", "ss"]
    for one in texts:
        for other in texts:
            assert compare(one, other) == -compare(other, one)
            assert (compare(one, other) == 0) is (one == other)


@pytest.mark.parametrize("sort", ["name_kk", "-name_kk"])
def test_agency_pages_follow_the_kazakh_order(app: Flask, sort: str) -> None:
    for name in random.Random(2).sample([*NAMES, *NAMES], 2 * len(NAMES)):
        an_agency(name_kk=name)
    an_agency()
    seen, cursor = [], None
    while True:
        page = AGENCY_LIST.read(ADMINISTRATOR, {}, Page(limit=3, cursor=cursor, sort=sort))
        seen += [row["name_kk"] for row in page.items]
        cursor = page.next
        if cursor is None:
            break
    ordered = sorted_by_database([*NAMES, *NAMES])
    assert seen == [*(reversed(ordered) if sort.startswith("-") else ordered), None]
