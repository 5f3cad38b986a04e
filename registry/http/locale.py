"""The language that the caller asks for."""

from __future__ import annotations

from typing import Final

from flask import request
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from registry.core.translations import DEFAULT_LANGUAGE, LANGUAGES, Language

# The first is what ``*`` means.
OFFERED: Final = (DEFAULT_LANGUAGE, *(language for language in LANGUAGES if language != DEFAULT_LANGUAGE))


def request_locale() -> Language:
    """The best of our languages by ``Accept-Language`` and its q-values, English when none fits."""
    return _best(request.headers.get("Accept-Language", ""))


def _best(header: str) -> Language:
    # Of equal ones ``*`` comes last, the others as they were sent.
    asked = sorted(parse_accept_header(header, LanguageAccept), key=lambda tag: -tag[1])
    refused = {tag.lower() for tag, quality in asked if not quality}
    offered = [language for language in OFFERED if language not in refused]
    for tag, quality in asked:
        # As RFC 4647 looks a range up: kk-KZ asks for kk. Werkzeug's own choice tries every exact tag first.
        primary = tag.lower().partition("-")[0]
        fits = [language for language in offered if primary in (language, "*")] if quality else []
        if fits:
            return fits[0]
    return DEFAULT_LANGUAGE
