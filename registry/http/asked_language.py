"""The language that the caller asks for."""

from __future__ import annotations

from typing import Final

from flask import request

from registry.language.languages import DEFAULT_LANGUAGE, Language

# The first is what ``*`` means.
OFFERED: Final[tuple[Language, ...]] = ("en", "kk", "ru")


def asked_language() -> Language:
    """The best of our languages by ``Accept-Language`` and its q-values, English when none fits."""
    best = request.accept_languages.best_match(OFFERED)
    return next((language for language in OFFERED if language == best), DEFAULT_LANGUAGE)
