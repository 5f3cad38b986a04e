"""JSON as this service writes it: letters as they are, keys in the order given."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask.json.provider import DefaultJSONProvider


class PlainJson(DefaultJSONProvider):
    """ASCII escapes would double Cyrillic."""

    ensure_ascii = False
    sort_keys = False

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        """Without spaces between the parts."""
        return super().dumps(obj, **{"separators": (",", ":"), **kwargs})


def attach_json(app: Flask) -> None:
    """Make it the application's."""
    app.json = PlainJson(app)
