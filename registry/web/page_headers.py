"""What every page answers beside its text: where it may load from and its language."""

from __future__ import annotations

from typing import Final

from werkzeug.wrappers import Response

from registry.web.blueprint import pages
from registry.web.current_user import locale_without_database

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@pages.after_request
def protect(response: Response) -> Response:
    """Let a page load from this host and from nowhere else, and tell its language."""
    if response.mimetype == "text/html":
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        # A page that must not ask the database has not asked for the person's language either.
        response.headers["Content-Language"] = locale_without_database()
    return response
