"""Parts of JSON Schemas that fields and responses share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

# Blank counts as missing, as in any text; the JSON Schema formats email and uri would reject it.
HTTP_ADDRESS: Final = r"[Hh][Tt][Tt][Pp][Ss]?://\S+"
# A text that is not empty after trimming.
NOT_BLANK: Final = "[^\\s\\u001c-\\u001f\\u0085]"
DAY_SCHEMA: Final = {"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}

# A date or a timestamp. Its format is its own: of a choice of two schemas, generators of typed languages make a class.
DAY_OR_INSTANT_SCHEMA: Final = {"type": "string", "format": "date-or-date-time"}


def shown_object(properties: Mapping[str, Any], sometimes: tuple[str, ...] = ()) -> dict[str, Any]:
    """The JSON Schema of an object in a response: all properties are required except the ``sometimes`` ones."""
    required = [name for name in properties if name not in sometimes]
    return {"type": "object", "required": required, "properties": dict(properties)}


def object_of(**properties: Any) -> dict[str, Any]:
    """The JSON Schema of an object in a response with these properties, all required."""
    return shown_object(properties)


def nullable(schema: dict[str, Any], *, allow_none: bool = True) -> dict[str, Any]:
    """The JSON Schema that also allows null."""
    if not allow_none:
        return schema
    with_null = schema | {"type": [schema["type"], "null"]}
    if "enum" in schema:
        with_null["enum"] = [*schema["enum"], None]
    return with_null
