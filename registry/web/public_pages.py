"""Pages without sessions: the same for everybody, so that shared caches may keep them.

No cookie is read or set; the language is in the address (``language=ru``), else what the browser prefers.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from flask import make_response, request
from werkzeug.wrappers import Response

from registry.core.translations import LANGUAGES, Language
from registry.http.etag import make_tag, not_modified
from registry.http.locale import request_locale
from registry.http.rate_limit import check_rate_limit
from registry.web.current_user import use_no_session

LANGUAGE: Final = "language"
# Kept, and compared with the tag before each use: what became private leaves caches at once.
CACHEABLE: Final = "public, no-cache"


def begin_public_request() -> None:
    """Treat the request as one of nobody, in the language of its address, and count it for its network address."""
    asked = request.args.get(LANGUAGE)
    use_no_session(next((language for language in LANGUAGES if language == asked), None) or request_locale())
    check_rate_limit(None)


def address_in(language: Language) -> str:
    """The address of this page in another language."""
    others = [(name, value) for name, value in request.args.items(multi=True) if name != LANGUAGE]
    return f"{request.path}?{urlencode([*others, (LANGUAGE, language)])}"


def cacheable_page(page: str) -> Response:
    """The page with its tag; 304 for a browser that has it."""
    tag = make_tag(page)
    response = not_modified(tag)
    if response is None:
        response = make_response(page)
        response.set_etag(tag)
    response.vary.add("Accept-Language")
    response.headers["Cache-Control"] = CACHEABLE
    return response
