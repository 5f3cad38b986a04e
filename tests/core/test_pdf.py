"""Documents as PDF: which characters are displayed, where words break, and what happens when typst fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.core.pdf import DocumentNotMade, displayable, make_pdf

pytestmark = pytest.mark.sqlite_only


def test_characters_without_a_glyph_become_boxes() -> None:
    assert displayable("а😀б") == "а□б" and displayable("العربية") == "□□□□□□□"
    assert displayable("a\u202eb\u00adc\u200d") == "abc"


def test_long_words_get_places_to_break() -> None:
    assert displayable("Ж" * 41) == "Ж" * 40 + "\u200b" + "Ж"
    assert displayable("Ж" * 40 + " " + "Ж" * 39) == "Ж" * 40 + "\u200b " + "Ж" * 39


def test_digest_stays_in_one_piece() -> None:
    digest = "0123456789abcdef" * 4
    assert displayable(f"SHA-256: {digest}.") == f"SHA-256: {digest}."


def test_layout_that_fails_makes_no_document(tmp_path: Path) -> None:
    layout = tmp_path / "broken.typ"
    layout.write_text("#panic()")
    with pytest.raises(DocumentNotMade) as raised:
        make_pdf(layout, "QL-2026-000001", {})
    assert (raised.value.code, raised.value.status) == ("document-not-made", 503)
