"""Scoring of possible duplicates, and the stems of words that it compares."""

from __future__ import annotations

from typing import Any, Final

import pytest

from registry.core.search import project_words
from registry.projects.fingerprints import COMMON_STEMS, fingerprint, stems
from registry.projects.similarity import record_of, scores

pytestmark = pytest.mark.sqlite_only

QUEUE = {"name_ru": "Электронная очередь в поликлинику города Астаны", "purpose": "Запись к врачу без очереди"}


def score(first: dict[str, Any], second: dict[str, Any], *, agency: int = 1) -> tuple[int, tuple[str, ...]]:
    (result,) = scores(record_of(1, first), [record_of(agency, second)])
    return result.score, result.reasons


def test_the_same_record_scores_100() -> None:
    assert score(QUEUE, QUEUE) == (100, ("name", "purpose"))


def test_order_case_typing_errors_and_common_words_hardly_lower_the_score() -> None:
    renamed = {"name_ru": "СОЗДАНИЕ ИС «Поликлинка: очередь электронная», г. Астана"}

    value, reasons = score(QUEUE, renamed)

    assert value >= 75
    assert reasons == ("name",)


def test_translated_name_is_similar() -> None:
    value, reasons = score({"name_ru": "Электронная очередь в поликлинику"}, {"name_kk": "Емханаға электрондық кезек"})

    assert value >= 90
    assert reasons == ("name",)


def test_projects_on_other_things_are_not_similar() -> None:
    value, reasons = score(QUEUE, {"name_ru": "Информационная система учёта лесного фонда", "purpose": "Учёт деревьев"})

    assert value < 40
    assert reasons == ()


def test_other_numbers_lower_the_score() -> None:
    same, _ = score({"name_ru": "Реестр лицензий, релиз 8.5"}, {"name_ru": "Лицензии, реестр, релиз 8.5"})
    other, _ = score({"name_ru": "Реестр лицензий, релиз 8.5"}, {"name_ru": "Реестр лицензий, релиз 9.6"})

    assert same == 100
    assert other < 65


@pytest.mark.parametrize(
    ("first", "second", "is_like"),
    [
        ("Мектеп күнделігі 2", "«Қызмет-2» электрондық кадр есебі", False),
        ("Сервис 2", "Портал 2", False),
        ("Портал «Озёра 2»", "Озёра-2, портал", True),
        ("1С 8.3", "1С: 8.3", True),
    ],
)
def test_number_alone_makes_no_two_names_alike(first: str, second: str, *, is_like: bool) -> None:
    assert (score({"name_ru": first}, {"name_ru": second})[0] >= 50) == is_like


@pytest.mark.parametrize(
    ("field", "value"),
    [("object_code", "MZ-1"), ("contract_number", "12-К"), ("supplier_bin", "050340004478"), ("url", "https://a.kz")],
)
def test_equal_value_raises_the_score_and_is_a_reason(field: str, value: str) -> None:
    other = {"name_ru": "Электронная очередь граждан"}
    plain, _ = score(QUEUE, other)

    raised, reasons = score({**QUEUE, field: value}, {**other, field: value})

    assert raised > plain
    assert field in reasons


def test_contract_number_of_another_agency_counts_less() -> None:
    first, second = {**QUEUE, "contract_number": "12"}, {"name_ru": "Очередь граждан", "contract_number": "12"}

    assert score(first, second, agency=2)[0] < score(first, second)[0]


def test_words_that_all_candidates_have_count_less() -> None:
    names = ["Портал недр: карта скважин", "Портал недр: отчёты", "Портал недр: лицензии", "Портал недр: платежи"]
    records = [record_of(1, {"name_ru": name}) for name in names]

    results = scores(record_of(1, {"name_ru": "Недра, портал: карты скважин"}), records)

    assert results[0].score == 100
    assert max(result.score for result in results[1:]) < 60


def test_records_without_words_score_nothing() -> None:
    assert score({"name_ru": "—"}, {"name_ru": "!"}) == (0, ())


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
