"""Reduced words: one for Kazakh, Russian and English, whatever the ending."""

from __future__ import annotations

from typing import Final

import pytest

from registry.core.search import project_words
from registry.projects.fingerprints import COMMON_STEMS, fingerprint, stems

PINNED: Final = [
    -16849,
    -10972,
    -4577,
    -5054,
    5996,
    11066,
    3765,
    -8194,
    -25456,
    9954,
    -6742,
    10001,
    None,
    -25537,
    None,
    6648,
]
pytestmark = pytest.mark.sqlite_only


@pytest.mark.parametrize(
    ("kazakh", "russian"),
    [
        ("мемлекеттік сатып алу", "государственные закупки"),
        ("медициналық", "медицинского"),
        ("Ақпараттық жүйесі", "ИНФОРМАЦИОННОЙ СИСТЕМЫ"),
        ("электрондық кезегі", "электронной очереди"),
        ("деректер базасы", "базы данных"),
        ("екінші кезең", "2-я очередь"),
        ("2-ші кезек", "II этап"),
    ],
)
def test_words_of_both_languages_have_the_same_stem(kazakh: str, russian: str) -> None:
    assert set(stems(russian)) <= set(stems(kazakh))


def test_stems_ignore_case_yo_and_endings() -> None:
    assert stems("Учёта ОБОРУДОВАНИЯ") == stems("учета оборудованием")


def test_words_with_other_meanings_stay_apart() -> None:
    assert stems("школа") != stems("больница")
    assert stems("part") != stems("partner")
    assert stems(None) == []


def test_words_about_how_are_common_and_words_about_what_are_not() -> None:
    assert set(stems("Создание единой информационной системы для РК")) <= COMMON_STEMS
    assert COMMON_STEMS.isdisjoint(stems("поликлиника очередь школа"))


def test_fingerprint_keeps_its_values() -> None:
    """A change of these values needs another VERSION, by which stored fingerprints are written again."""
    values = {
        "name_ru": "Электронная очередь в поликлинику",
        "purpose": "Запись к врачу",
        "contract_number": "№ 12/К",
        "url": "https://www.Ochered.kz/",
    }

    row = fingerprint(values, project_words(values))

    assert list(row.values()) == PINNED


def test_fingerprint_of_nothing_is_empty_and_of_common_words_is_not() -> None:
    nothing = fingerprint({}, project_words({}))
    common = {"name_ru": "Информационная система"}

    assert set(nothing.values()) == {None}
    assert fingerprint(common, project_words(common))["name_1"] is not None


def test_equal_values_are_equal_however_they_are_written() -> None:
    first = {"contract_number": "12 / к", "url": "http://ochered.kz"}
    second = {"contract_number": "№12-К", "url": "https://www.ochered.kz/"}

    assert fingerprint(first, project_words(first)) == fingerprint(second, project_words(second))
