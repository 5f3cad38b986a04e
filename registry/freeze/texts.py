"""Texts of the law: which languages they must have, and the mark of those that the catalogues translate."""

from __future__ import annotations

from collections.abc import Callable, Mapping

# The acts are published in these; notices to agencies and decisions are written in them.
OFFICIAL_LANGUAGES = ("kk", "ru")
# Stands in for a text that a language lacks.
DEFAULT_LANGUAGE = "en"
# Every text of a policy file has these. Texts in further languages are optional, so that stored versions stay valid.
REQUIRED_LANGUAGES = (*OFFICIAL_LANGUAGES, DEFAULT_LANGUAGE)

Translate = Callable[[str], str]


def lazy_text(text: str) -> str:
    """Mark a text for the catalogues; it is translated when it is displayed."""
    return text


def in_language(texts: Mapping[str, str], language: str) -> str:
    """Return the text in ``language``, in English when it has none."""
    return texts.get(language) or texts[DEFAULT_LANGUAGE]
