"""Texts of decisions in Kazakh and Russian, beside the one text that clients of one language send and read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from registry.core.errors import Problem
from registry.core.languages import OFFICIAL_LANGUAGES, Language

# The texts of a decision that its agency reads.
BILINGUAL: Final = ("reason", "legal_basis")
TEXTS: Final = tuple(f"{name}_{language}" for name in BILINGUAL for language in OFFICIAL_LANGUAGES)
# Letters of the Kazakh alphabet that the Russian one lacks. The Cyrillic і is Belarusian and Ukrainian too; neither
# is an official language here.
KAZAKH_LETTERS: Final = frozenset("ӘәҒғҚқҢңӨөҰұҮүҺһІі")


def language_of(text: str) -> Language:
    """Return ``kk`` for a text with a letter that only Kazakh has, else ``ru``."""
    return "kk" if KAZAKH_LETTERS.intersection(text) else "ru"


def with_both_languages(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values with each text under its language, and the text without a language for those who read that.

    A text without a language goes to ``language``, or else to the language that it is recognised as; where that
    language has a text of its own, it stays as it is. Without one it is the Kazakh text, or the Russian one.
    """
    completed = dict(values)
    for name in BILINGUAL:
        given = values.get(name)
        if given is not None and not any(values.get(f"{name}_{language}") for language in OFFICIAL_LANGUAGES):
            completed[f"{name}_{values.get('language') or language_of(given)}"] = given
        if given is None:
            texts = (values.get(f"{name}_{language}") for language in OFFICIAL_LANGUAGES)
            completed[name] = next((text for text in texts if text), None)
    return completed


def contradictions(values: Mapping[str, Any]) -> list[Problem]:
    """Return a problem for each text without a language that differs from the texts with one."""
    problems = []
    for name in BILINGUAL:
        in_languages = [other for language in OFFICIAL_LANGUAGES if values.get(other := f"{name}_{language}")]
        text = values.get(name)
        if text is not None and in_languages and text not in [values[other] for other in in_languages]:
            problems.append(Problem(f"/{name}", "text-differs", {"other": in_languages[0]}))
    return problems
