"""The language that the caller asks for."""

from __future__ import annotations

from flask import request

from registry.language.languages import DEFAULT_LANGUAGE, LANGUAGES, Language

# The first is what ``*`` means.
OFFERED = sorted(LANGUAGES, key=lambda language: language != DEFAULT_LANGUAGE)


def asked_language() -> Language:
    """The best of our languages by ``Accept-Language`` and its q-values, English when none fits."""
    found = request.accept_languages.best_match(OFFERED)
    return DEFAULT_LANGUAGE if found is None else found
