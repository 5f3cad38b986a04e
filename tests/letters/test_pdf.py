"""Letters as PDF/A-2u: bytes, conformance marks, the letters of Kazakh, and hostile texts."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from registry.letters.pdf import DISPLAYED, displayable, letter_pdf

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


def text_of(pdf: bytes, folder: Path) -> str:
    file = folder / "letter.pdf"
    file.write_bytes(pdf)
    read = subprocess.run(["pdftotext", "-layout", str(file), "-"], capture_output=True, check=True, timeout=30)
    return read.stdout.decode()


def test_same_letter_has_the_same_bytes() -> None:
    assert letter_pdf(a_letter("Бір", "Екі")) == letter_pdf(a_letter("Бір", "Екі"))


def test_pdf_says_that_it_is_pdf_a_2u_with_an_output_intent_and_embedded_fonts() -> None:
    pdf = letter_pdf(a_letter(KAZAKH))
    assert b"<pdfaid:part>2</pdfaid:part>" in pdf and b"<pdfaid:conformance>U</pdfaid:conformance>" in pdf
    assert b"/GTS_PDFA1" in pdf and b"/JavaScript" not in pdf and b"/EmbeddedFile" not in pdf
    fonts = len(re.findall(rb"/Type\s*/FontDescriptor", pdf))
    assert fonts == len(re.findall(rb"/FontFile[23]?\b", pdf)) > 0


@pytest.mark.parametrize("text", ["#panic()", "$x^2$ *b* _i_ `c` \\ // @a <b> = h\n- i", "]) #sys.inputs [", "\x00a"])
def test_markup_in_texts_is_printed_and_not_run(text: str) -> None:
    assert letter_pdf(a_letter(text)).startswith(b"%PDF")
    assert letter_pdf(a_letter(text, steps=True)).startswith(b"%PDF")


def test_texts_of_10_000_characters_and_without_spaces_fit() -> None:
    assert letter_pdf(a_letter("Ж" * 10_000, "сөз " * 2_500)).startswith(b"%PDF")


def test_characters_without_a_glyph_become_boxes() -> None:
    assert displayable("а😀б") == "а□б" and displayable("العربية") == "□□□□□□□"
    assert displayable("a\u202eb\u00adc\u200d") == "abc"
    assert letter_pdf(a_letter("😀 العربية 漢字")).startswith(b"%PDF")


def test_every_character_that_is_kept_has_a_glyph() -> None:
    every = "".join(chr(code) for first, last in DISPLAYED for code in range(first, last + 1))
    assert letter_pdf(a_letter(every)).startswith(b"%PDF")


def test_kazakh_letters_are_in_the_text_of_the_pdf(tmp_path: Path) -> None:
    try:
        text = text_of(letter_pdf(a_letter(KAZAKH)), tmp_path)
    except FileNotFoundError:
        # Without poppler the glyphs are still checked by the tests above.
        return
    assert KAZAKH in text and text.count("Нұсқама") == 2
