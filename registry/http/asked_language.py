"""The language that the caller asks for."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from flask import request
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from registry.language.languages import DEFAULT_LANGUAGE, Language

# The first is what ``*`` means.
OFFERED: Final[tuple[Language, ...]] = ("en", "kk", "ru")


def asked_language() -> Language:
    """The best of our languages by ``Accept-Language`` and its q-values, English when none fits."""
    return _best(request.headers.get("Accept-Language", ""))


# Browsers and programs send a few headers, and each of them always.
@lru_cache(maxsize=256)
def _best(header: str) -> Language:
    best = parse_accept_header(header, LanguageAccept).best_match(OFFERED)
    return next((language for language in OFFERED if language == best), DEFAULT_LANGUAGE)
