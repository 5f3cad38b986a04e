"""Security headers on every answer, errors included."""

from __future__ import annotations

from flask import Flask, Response, request

from registry.settings import Settings

NOTHING_ALLOWED = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
A_YEAR = 31_536_000


def attach_headers(app: Flask, settings: Settings) -> None:
    """Set the headers that an answer does not set itself."""
    public_is_https = (settings.public_url or "").startswith("https:")

    @app.after_request
    def protect(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("Content-Security-Policy", NOTHING_ALLOWED)
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("X-Frame-Options", "DENY")
        headers.setdefault("Referrer-Policy", "no-referrer")
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        # An answer with a tag may be kept by the caller's own cache, but is asked for again each time.
        headers.setdefault(
            "Cache-Control",
            "private, no-cache" if request.method in ("GET", "HEAD") and "ETag" in headers else "no-store",
        )
        if public_is_https or request.is_secure:
            headers.setdefault("Strict-Transport-Security", f"max-age={A_YEAR}; includeSubDomains")
        return response
