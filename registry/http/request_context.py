"""Ids of requests, and the language that the caller asks for."""

from __future__ import annotations

import re
import uuid
from typing import Final

from flask import Flask, Response, request
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from registry.core.translations import DEFAULT_LANGUAGE, LANGUAGES, Language

# Request ids: made here; on every answer, log line and journal entry. What a caller sends stands beside them.

HEADER = "X-Request-ID"
# Kept with the request itself: flask.g outlives it wherever an application context was pushed before.
KEPT = "registry.request_id"
SHAPE = re.compile(r"[A-Za-z0-9._:-]{1,64}")


def init_request_ids(app: Flask) -> None:
    """Give every request an id and every answer its header."""

    @app.after_request
    def show(response: Response) -> Response:
        response.headers[HEADER] = request_id()
        return response


def request_id() -> str:
    """Return the id of the present request, always the service's own: a caller could send that of another request."""
    if KEPT not in request.environ:
        request.environ[KEPT] = uuid.uuid4().hex
    return str(request.environ[KEPT])


def client_request_id() -> str:
    """Return what the caller sent as ``X-Request-ID``, empty when nothing usable was sent."""
    sent = request.headers.get(HEADER, "")
    return sent if SHAPE.fullmatch(sent) else ""


# The language that the caller asks for.

# The first is what ``*`` means.
OFFERED: Final = (DEFAULT_LANGUAGE, *(language for language in LANGUAGES if language != DEFAULT_LANGUAGE))


def request_locale() -> Language:
    """Return the best of our languages by ``Accept-Language`` and its q-values, English when none fits."""
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
