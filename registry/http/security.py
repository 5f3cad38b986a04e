"""Security of responses: cross-origin protection of forms, security headers, and ``/.well-known/security.txt``."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Response, current_app, request, url_for

from registry.core.clock import now
from registry.core.translations import LANGUAGES
from registry.http.http_errors import CrossOriginRequest, RouteNotFound
from registry.settings import Settings

# Cross-origin protection: a form is accepted only from a page of this service (Fetch Metadata, else ``Origin``).

PUBLIC_ORIGIN: Final = "registry.public_origin"
# "none": the person asked for it, not a page; a sibling host or another port is "same-site".
ALLOWED_SITES: Final = ("same-origin", "none")
DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def attach_cross_origin(app: Flask, public_url: str | None) -> None:
    """Keep the origin under which browsers know the service, when the operator has named it."""
    app.extensions[PUBLIC_ORIGIN] = None if public_url is None else origin_of(public_url)


def require_same_origin() -> None:
    """Raise CrossOriginRequest when a browser says that a page of another origin sent the request.

    Programs send neither header and pass: the form token is what they must have.
    """
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None:
        if site not in ALLOWED_SITES:
            raise CrossOriginRequest
    # Over plain HTTP browsers send no Fetch Metadata except to the machine itself.
    elif origin is not None and origin not in _own_origins():
        raise CrossOriginRequest


def origin_of(url: str) -> str:
    """Return the origin of an address as browsers write it."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = "" if parts.port in (None, DEFAULT_PORTS.get(parts.scheme)) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def own_address(endpoint: str) -> str:
    """Return the address of a page as browsers know it, for those who come back from another site."""
    origin = current_app.extensions[PUBLIC_ORIGIN]
    return f"{origin}{url_for(endpoint)}" if origin else url_for(endpoint, _external=True)


def _own_origins() -> tuple[str | None, ...]:
    # Behind a proxy whose X-Forwarded-Proto is not believed the scheme seems to be http.
    host = request.host.lower()
    return f"{request.scheme}://{host}", f"https://{host}", current_app.extensions[PUBLIC_ORIGIN]


# Security headers on every answer, errors included.

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


# ``/.well-known/security.txt`` (RFC 9116): whom to tell about a vulnerability of this installation.

PATH: Final = "/.well-known/security.txt"
# The contact is as current as the running service: whoever stored the file asks again after this.
VALID_FOR: Final = timedelta(days=30)


def init_security_txt(app: Flask, settings: Settings) -> None:
    """Register the route; without REGISTRY_SECURITY_CONTACT it answers 404."""
    security = Blueprint("security", __name__)

    @security.get(PATH)
    def security_txt() -> Response:
        if settings.security_contact is None:
            raise RouteNotFound
        expires = now() + VALID_FOR
        lines = [
            f"Contact: {settings.security_contact}",
            f"Expires: {expires:%Y-%m-%dT00:00:00Z}",
            f"Preferred-Languages: {', '.join(LANGUAGES)}",
        ]
        if settings.public_url is not None:
            lines.append(f"Canonical: {origin_of(settings.public_url)}{PATH}")
        return Response("".join(f"{line}\n" for line in lines), content_type="text/plain; charset=utf-8")

    app.register_blueprint(security)
