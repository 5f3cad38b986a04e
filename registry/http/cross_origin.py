"""Cross-origin protection: a form is accepted only from a page of this service (Fetch Metadata, else ``Origin``)."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from flask import Flask, current_app, request, url_for

from registry.http.http_errors import CrossOriginRequest

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
    """The origin of an address as browsers write it."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = "" if parts.port in (None, DEFAULT_PORTS.get(parts.scheme)) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def own_address(endpoint: str) -> str:
    """The address of a page as browsers know it, for those who come back from another site."""
    origin = current_app.extensions[PUBLIC_ORIGIN]
    return f"{origin}{url_for(endpoint)}" if origin else url_for(endpoint, _external=True)


def _own_origins() -> tuple[str | None, ...]:
    # Behind a proxy whose X-Forwarded-Proto is not believed the scheme seems to be http.
    host = request.host.lower()
    return f"{request.scheme}://{host}", f"https://{host}", current_app.extensions[PUBLIC_ORIGIN]
