"""Likely duplicates as they are shown: one name each, in a language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from registry.core.languages import DEFAULT_LANGUAGE, OFFICIAL_LANGUAGES, Language


def similar_items(similar: Iterable[Mapping[str, Any]], language: Language) -> list[dict[str, Any]]:
    """Number, agency, name, score and reasons of each; the name in the language, else in the nearest one it has."""
    order = [f"name_{code}" for code in (language, *reversed(OFFICIAL_LANGUAGES), DEFAULT_LANGUAGE)]
    shown = ("number", "agency", "score", "reasons")
    return [
        {**{name: each[name] for name in shown}, "name": next(each[name] for name in order if each[name])}
        for each in similar
    ]
