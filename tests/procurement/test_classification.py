"""The list of codes and words by which a contract is about information technology."""

from __future__ import annotations

from pathlib import Path

import pytest
from marshmallow import ValidationError

from registry.procurement.classification import it_words

SHIPPED = it_words("")


@pytest.mark.parametrize(
    ("codes", "text_kk", "text_ru", "verdict"),
    [
        (["620230.000.000000"], None, "Услуги", (True, "6202")),
        (["262011.100.000001"], None, "Программное обеспечение", (False, "2620")),
        (["171214", "620111"], None, None, (True, "6201")),
        ([], None, "Сопровождение информационных систем", (True, "информационн систем")),
        ([], None, "Портал школьного питания", (True, "портал")),
        ([], None, "Мебель для портала услуг", (False, "мебел")),
        ([], "Мектеп тамақтануының ақпараттық жүйесі", None, (True, "ақпараттық жүйе")),
        ([], "Акпараттык жуйе", "", (True, "ақпараттық жүйе")),
        ([], "Ақпараттық жүйе операторларын оқыту", None, (False, "оқыту")),
        ([], None, "Обучение работе с сайтом", (False, "обучен")),
        ([], None, "Комплексные работы в сфере информационных технологий «под ключ»", (True, "информационн технолог")),
        ([], None, "Услуги по технической поддержке сайтов", (True, "поддержк * сайт")),
        ([], None, "Услуги по техническому обслуживанию пожарной сигнализации", (False, "пожарн")),
        ([], None, "ИТ-системы", (True, "ит. систем")),
        ([], None, "Итоги года", (False, None)),
        ([], None, None, (False, None)),
    ],
)
def test_contract_is_it_by_its_codes_else_by_what_is_bought(
    codes: list[str], text_kk: str | None, text_ru: str | None, verdict: tuple[bool, str | None]
) -> None:
    assert SHIPPED.verdict(codes, text_kk, text_ru) == verdict


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("[codes", "is not valid TOML in UTF-8"),
        ('[codes]\nit = ["62x"]', "codes.it: '62x': expected the beginning of a code"),
        ("[codes]\nit = [6201]", "codes.it: expected a list of texts"),
        ('[words]\nother = ["№"]', "words.other: '№' has no word"),
        ("[phrases]", "phrases: unknown, expected only codes, words"),
    ],
)
def test_list_with_a_mistake_is_refused_with_its_place(tmp_path: Path, content: str, error: str) -> None:
    path = tmp_path / "words.toml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValidationError, match=error.replace("[", "\\[")):
        it_words(str(path))


def test_list_of_the_operator_replaces_the_shipped_one(tmp_path: Path) -> None:
    path = tmp_path / "words.toml"
    path.write_text('[words]\nit = ["дрон"]\n', encoding="utf-8")
    assert it_words(str(path)).verdict(["6201"], None, "Дроны") == (True, "дрон")
    assert it_words(str(path)).verdict(["6201"], None, "Портал") == (False, None)
