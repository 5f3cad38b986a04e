"""Letters as PDF/A-2u, in Kazakh and Russian in one document."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from registry.core.languages import OFFICIAL_LANGUAGES
from registry.core.pdf import make_pdf
from registry.core.translations import lazy_text, translate

LAYOUT: Final = Path(__file__).parent / "data" / "letter.typ"
ISSUER: Final = lazy_text("QazTech project register")


def letter_pdf(data: Mapping[str, Any]) -> bytes:
    """Return the letter in Kazakh and Russian. Raises DocumentNotMade."""
    parts = [
        {"language": each, "issuer": translate(ISSUER, each), **data["texts"][each]} for each in OFFICIAL_LANGUAGES
    ]
    document = {"number": data["number"], "date": data["date"], "issuer": ISSUER, "parts": parts}
    return make_pdf(LAYOUT, data["number"], document)
