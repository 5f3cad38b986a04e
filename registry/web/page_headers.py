"""Response headers of pages: content security policy and language."""

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
    """Set the content security policy, which allows this host only, and the language."""
    if response.mimetype == "text/html":
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        # A page that must not query the database does not know the user's language either.
        response.headers["Content-Language"] = locale_without_database()
    return response
