"""The report as PDF/A-2u: structure, long tables, footers, corrections and hostile texts."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from registry.government_reports.document import pdf_of_report
from tests.government_reports.test_document import CONTENT, COUNTS, FIGURES
from tests.pdf_structure import assert_pdf_a_2u, text_of

pytestmark = pytest.mark.sqlite_only
KAZAKH = "Ә Ғ Қ Ң Ө Ұ Ү Һ І ә ғ қ ң ө ұ ү һ і ₸ № «»"
MANY = [
    {"key": f"{place:012}", "name_kk": f"Мекеме {place}", "name_ru": f"Учреждение {place}", "name_en": None, **COUNTS}
    for place in range(100)
]


def test_same_report_has_the_same_bytes() -> None:
    assert pdf_of_report(CONTENT, "kk") == pdf_of_report(CONTENT, "kk") != pdf_of_report(CONTENT, "ru")


@pytest.mark.parametrize("language", ["kk", "ru"])
def test_report_has_the_structure_of_pdf_a_2u(language: str) -> None:
    assert_pdf_a_2u(pdf_of_report(CONTENT, language))


def test_long_table_repeats_its_header_on_every_page(tmp_path: Path) -> None:
    text = text_of(pdf_of_report(replace(CONTENT, figures={**FIGURES, "by_agency": MANY}), "ru"), tmp_path)
    if text is None:
        return
    pages = [page for page in text.split("\f") if "Учреждение" in page]
    assert len(pages) >= 3
    assert all("Организация" in page and "Без" in page for page in pages)
    assert [f"Учреждение {place} " in text for place in range(100)] == [True] * 100


def test_every_page_has_the_number_the_hash_and_its_place(tmp_path: Path) -> None:
    text = text_of(pdf_of_report(CONTENT, "ru"), tmp_path)
    if text is None:
        return
    pages = text.rstrip("\f").split("\f")
    for place, page in enumerate(pages, start=1):
        assert f"№ 2026-1, версия 1. SHA-256 данных: {'ab' * 32}" in page
        assert f"Страница {place} из {len(pages)}" in page
    kazakh = text_of(pdf_of_report(CONTENT, "kk"), tmp_path) or ""
    assert f"1-бет, барлығы {len(pages)}" in kazakh


def test_kazakh_letters_are_in_the_text(tmp_path: Path) -> None:
    text = text_of(pdf_of_report(replace(CONTENT, texts={"findings_kk": KAZAKH}), "kk"), tmp_path)
    assert text is None or KAZAKH in text


@pytest.mark.parametrize("text", ["#panic()", "$x^2$ *b* _i_ `c` \\ // @a <b> = h\n- i", "]) #sys.inputs [", "\x00a"])
def test_markup_is_printed_and_not_run(text: str, tmp_path: Path) -> None:
    named = [{**MANY[0], "name_ru": text}]
    content = replace(CONTENT, texts={"findings_ru": text}, figures={**FIGURES, "by_agency": named}, responsible=text)
    printed = text_of(pdf_of_report(content, "ru"), tmp_path)
    words = re.sub(r"\s|\x00", "", text)
    assert printed is None or re.sub(r"\s", "", printed).count(words) >= 2


def test_correction_says_what_changed(tmp_path: Path) -> None:
    changes = [
        {"field": "findings_kk", "before": "Ескі.", "after": "Жаңа."},
        {"field": "findings_ru", "before": "Старое.", "after": "Первое."},
        {"field": "by_region/71/projects", "before": "1300", "after": "1200"},
    ]
    content = replace(CONTENT, version=2, correction_reason="Ошибка в сумме.", changes=changes)
    printed = text_of(pdf_of_report(content, "ru"), tmp_path)
    if printed is None:
        return
    table = printed.partition("Что меняет эта версия")[2].partition("Введение")[0]
    assert "Старое." in table and "Первое." in table and "Ескі." not in table
    assert re.search(r"По регионам\. Астана: Проекты +1 300 +1 200", table)
