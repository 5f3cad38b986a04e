"""The query parameters that a list's filters become."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from registry.api.fields import DAY_SCHEMA
from registry.http.queries import Parameter
from registry.records.plain_filters import Days, Moments, PlainFilter, Texts, Words, YesNoWords

SEVERAL = "One or several, with commas."


def plain_parameters(filters: Mapping[str, PlainFilter]) -> tuple[Parameter, ...]:
    """The parameters of a list whose filters are plain ones."""
    return tuple(Parameter(name, *_described(known)) for name, known in filters.items())


def _described(known: PlainFilter) -> tuple[str, dict[str, Any]]:
    match known:
        case Words(options=options):
            return SEVERAL, {"type": "array", "minItems": 1, "items": {"type": "string", "enum": list(options)}}
        case Texts():
            return SEVERAL, {"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1}}
        case YesNoWords():
            return "true or false.", {"type": "boolean"}
        case Days(end=end):
            return f"{_EDGES[end]} date.", dict(DAY_SCHEMA)
        case Moments(end=end):
            return f"{_EDGES[end]} day in Almaty, or instant (RFC 3339).", {"type": "string"}


_EDGES = {"": "This", "from": "From this", "to": "Up to this"}
