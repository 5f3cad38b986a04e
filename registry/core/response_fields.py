"""Read-only marshmallow fields of responses, and the JSON Schema of every field for apispec."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from marshmallow import fields

from registry.core.clock import rfc3339
from registry.core.fields import InputField, nullable


class ReadOnly(fields.Field[Any]):
    """A read-only value with an explicit JSON Schema; dates are serialised as ``YYYY-MM-DD``."""

    def __init__(self, description: str, json_schema: Mapping[str, Any], *, label: str = "") -> None:
        super().__init__(dump_only=True, metadata={"description": description, "label": label})
        self.json_schema = json_schema

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:  # noqa: ARG002 - marshmallow's
        return value.isoformat() if isinstance(value, date) else value


class Timestamp(fields.Field[Any]):
    """A read-only instant, serialised as RFC 3339 in UTC with Z."""

    def __init__(self, description: str, *, nullable: bool = False, label: str = "") -> None:
        super().__init__(dump_only=True, allow_none=nullable, metadata={"description": description, "label": label})

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:  # noqa: ARG002 - marshmallow's
        return rfc3339(value) if isinstance(value, datetime) else value


def field_json_schema(_converter: object, field: fields.Field[Any], **_kwargs: object) -> dict[str, Any]:
    """The JSON Schema of a field: an attribute function for apispec."""
    if isinstance(field, Timestamp):
        return nullable({"type": "string", "format": "date-time"}, allow_none=bool(field.allow_none))
    if isinstance(field, ReadOnly):
        return dict(field.json_schema)
    if isinstance(field, InputField):
        return nullable(field.json_schema, allow_none=bool(field.allow_none))
    return {}
