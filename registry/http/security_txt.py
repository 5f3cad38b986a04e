"""``/.well-known/security.txt`` (RFC 9116): whom to tell about a vulnerability of this installation."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from flask import Blueprint, Flask, Response

from registry.core.clock import now
from registry.core.languages import LANGUAGES
from registry.http.cross_origin import origin_of
from registry.http.http_errors import RouteNotFound
from registry.settings import Settings

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
