"""Letters as PDF/A-2u: bytes, conformance marks, the letters of Kazakh, and hostile texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from registry.core.pdf import DISPLAYED
from registry.letters.service import letter_pdf
from tests.pdf_structure import assert_pdf_a_2u, text_of

pytestmark = pytest.mark.sqlite_only
KAZAKH = "Ә Ғ Қ Ң Ө Ұ Ү Һ І ә ғ қ ң ө ұ ү һ і ₸ № «»"


def a_letter(*paragraphs: str, steps: bool = False) -> dict[str, Any]:
    text = {
        "title": "Нұсқама",
        "facts": [["Нөмірі", "QL-2026-000001"]],
        "sections": [{"heading": "Себебі", "paragraphs": list(paragraphs), "steps": steps}],
        "check": "AAAA",
    }
    return {"number": "QL-2026-000001", "date": "2026-03-02", "texts": {"kk": text, "ru": text}}


def test_same_letter_has_the_same_bytes() -> None:
    assert letter_pdf(a_letter("Бір", "Екі")) == letter_pdf(a_letter("Бір", "Екі"))


def test_letter_has_the_structure_of_pdf_a_2u() -> None:
    assert_pdf_a_2u(letter_pdf(a_letter(KAZAKH)))


@pytest.mark.parametrize("text", ["#panic()", "$x^2$ *b* _i_ `c` \\ // @a <b> = h\n- i", "]) #sys.inputs [", "\x00a"])
def test_markup_in_texts_is_printed_and_not_run(text: str) -> None:
    assert letter_pdf(a_letter(text)).startswith(b"%PDF")
    assert letter_pdf(a_letter(text, steps=True)).startswith(b"%PDF")


def test_texts_of_10_000_characters_and_without_spaces_fit() -> None:
    assert letter_pdf(a_letter("Ж" * 10_000, "сөз " * 2_500)).startswith(b"%PDF")


def test_characters_without_a_glyph_are_printed_as_boxes() -> None:
    assert letter_pdf(a_letter("😀 العربية 漢字")).startswith(b"%PDF")


def test_every_character_that_is_kept_has_a_glyph() -> None:
    every = "".join(chr(code) for first, last in DISPLAYED for code in range(first, last + 1))
    assert letter_pdf(a_letter(every)).startswith(b"%PDF")


def test_kazakh_letters_are_in_the_text_of_the_pdf(tmp_path: Path) -> None:
    text = text_of(letter_pdf(a_letter(KAZAKH)), tmp_path)
    # Without poppler the glyphs are still checked by the tests above.
    assert text is None or (KAZAKH in text and text.count("Нұсқама") == 2)
