"""Security headers on every answer, errors included."""

from __future__ import annotations

from typing import Final

from flask import Flask, Response, request

from registry.settings import Settings

NOTHING_ALLOWED = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
A_YEAR = 31_536_000
USUAL: Final = {
    "Content-Security-Policy": NOTHING_ALLOWED,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: with it a browser sends "Origin: null" with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def init_security_headers(app: Flask, settings: Settings) -> None:
    """Set the headers that an answer does not set itself."""
    public_is_https = (settings.public_url or "").startswith("https:")

    @app.after_request
    def protect(response: Response) -> Response:
        headers = dict(USUAL)
        # Looked up once: each look at werkzeug's headers goes through all of them.
        there = {name.lower() for name in response.headers.keys()}  # noqa: SIM118 - iterating gives pairs
        # An answer with a tag may be kept by the caller's own cache, but is asked for again each time.
        asked_again = request.method in ("GET", "HEAD") and "etag" in there
        headers["Cache-Control"] = "private, no-cache" if asked_again else "no-store"
        if public_is_https or request.is_secure:
            headers["Strict-Transport-Security"] = f"max-age={A_YEAR}; includeSubDomains"
        for name, value in headers.items():
            if name.lower() not in there:
                response.headers.add(name, value)
        return response
