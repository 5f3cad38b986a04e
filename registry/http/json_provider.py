"""JSON as this service writes it: letters as they are, keys in the order given."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from flask import Flask
from flask.json.provider import DefaultJSONProvider

from registry.core.clock import rfc3339


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
