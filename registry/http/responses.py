"""Responses: JSON as this service writes it, and compression."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from flask import Flask, Response, request
from flask.json.provider import DefaultJSONProvider
from flask_compress import Compress

from registry.core.clock import rfc3339

# JSON as this service writes it: letters as they are, keys in the order given.


def plain(value: Any) -> Any:
    """Dates as ``YYYY-MM-DD``, instants as RFC 3339; Flask's own would be HTTP dates. Raises TypeError for the rest."""
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in JSON")


class PlainJson(DefaultJSONProvider):
    """ASCII escapes would double Cyrillic."""

    ensure_ascii = False
    sort_keys = False
    default = staticmethod(plain)

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        """Without spaces between the parts."""
        return super().dumps(obj, **{"separators": (",", ":"), **kwargs})


def init_json(app: Flask) -> None:
    """Make it the application's."""
    app.json = PlainJson(app)


# Compression of responses by Flask-Compress, without encodings that a request excludes.


class AcceptedCompress(Compress):
    """Flask-Compress, whose own choice takes ``gzip;q=0`` for gzip (RFC 9110, 12.5.3: it is not acceptable)."""

    def after_request(self, response: Response | None) -> Response:
        """Compress by what the request accepts; ``*`` is left out where something is excluded."""
        accepted = request.accept_encodings
        if any(quality == 0 for _, quality in accepted):
            usable = [f"{name};q={quality}" for name, quality in accepted if quality > 0 and name != "*"]
            request.environ["HTTP_ACCEPT_ENCODING"] = ", ".join(usable)
        return super().after_request(response)
