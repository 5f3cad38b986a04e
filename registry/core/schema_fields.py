"""Marshmallow fields that validate with field types, so that API and imports share one rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, ClassVar

from marshmallow import RAISE, Schema, ValidationError, fields

from registry.core.bin_numbers import SHAPE as BIN_SHAPE
from registry.core.clock import rfc3339
from registry.core.field_types import (
    EMAIL,
    AnyDay,
    Bin,
    Choice,
    Day,
    Email,
    Ids,
    InvalidValue,
    Kind,
    Text,
    Url,
    Whole,
    YesNo,
)


@dataclass(frozen=True, slots=True)
class Wrong:
    """A validation error of a field type: a message code and its parameters."""

    code: str
    params: Mapping[str, object] = field(default_factory=dict)


class Accepted(fields.Field[Any]):
    """A value validated by a field type. A missing value (null, blank text) is None, and invalid where required.

    ``clearable`` is False for a field of a PATCH body that may be absent but not null.
    """

    default_error_messages = {"required": "required", "null": "required"}  # noqa: RUF012 - as marshmallow declares it

    def __init__(
        self, kind: Kind, description: str, *, required: bool = False, clearable: bool = True, **metadata: Any
    ) -> None:
        super().__init__(
            required=required,
            allow_none=clearable and not required,
            metadata={"description": description, **metadata},
        )
        self.kind = kind

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:  # noqa: ARG002 - marshmallow's
        try:
            accepted = self.kind.accept(value)
        except InvalidValue as error:
            raise ValidationError([Wrong(error.code, error.params)]) from error
        if accepted is None and self.required:
            raise ValidationError(["required"])
        return accepted

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:  # noqa: ARG002 - marshmallow's
        return value.isoformat() if isinstance(value, date) else value


class Moment(fields.Field[Any]):
    """A read-only instant, serialised as RFC 3339 in UTC with Z."""

    def __init__(self, description: str, *, nullable: bool = False) -> None:
        super().__init__(dump_only=True, allow_none=nullable, metadata={"description": description})

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:  # noqa: ARG002 - marshmallow's
        return rfc3339(value) if isinstance(value, datetime) else value


class Shown(fields.Field[Any]):
    """A read-only value with an explicit JSON Schema; dates are serialised as ``YYYY-MM-DD``."""

    def __init__(self, description: str, json_schema: Mapping[str, Any]) -> None:
        super().__init__(dump_only=True, metadata={"description": description})
        self.json_schema = json_schema

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:  # noqa: ARG002 - marshmallow's
        return value.isoformat() if isinstance(value, date) else value


class Body(Schema):
    """The base of request and response schemas. Unknown names are errors; READ_ONLY names have an error of their own.

    A response has every field except the SOMETIMES ones; any version may add fields.
    """

    READ_ONLY: ClassVar[frozenset[str]] = frozenset()
    # Fields that not every response has.
    SOMETIMES: ClassVar[frozenset[str]] = frozenset()
    error_messages = {"unknown": "unknown-field"}  # noqa: RUF012 - as marshmallow declares it

    class Meta:
        """Unknown names are errors."""

        unknown = RAISE

    def shown(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The same as ``dump`` for a mapping in a fifth of the time; every field has its attribute's name."""
        return {name: _json_ready(row[name]) for name in self.dump_fields if name in row}


def _json_ready(value: Any) -> Any:
    if isinstance(value, datetime):
        return rfc3339(value)
    return value.isoformat() if isinstance(value, date) else value


# Blank counts as missing, as in any text; the JSON Schema formats email and uri would reject it.
HTTP_ADDRESS = r"[Hh][Tt][Tt][Pp][Ss]?://\S+"
# A text that is not empty after trimming.
NOT_BLANK = "[^\\s\\u001c-\\u001f\\u0085]"
DAY_SCHEMA = {"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}


def schema_of_kind(kind: Kind) -> dict[str, Any]:
    """The JSON Schema of the values that a field type accepts, without null."""
    match kind:
        case Text(limit=limit):
            return {"type": "string", "maxLength": limit}
        case Choice(options=options):
            return {"type": "string", "enum": list(options)}
        case Day() | AnyDay():
            return dict(DAY_SCHEMA)
        case Whole(smallest=smallest, largest=largest):
            return {"type": "integer", "minimum": smallest, "maximum": largest}
        case YesNo():
            return {"type": "boolean"}
        case Ids(most=most):
            item = {"type": "integer", "minimum": 1, "maximum": 2**31 - 1}
            return {"type": "array", "items": item, "minItems": 1, "maxItems": most}
        case Bin():
            return {"type": "string", "format": "bin", "pattern": f"^{BIN_SHAPE.pattern}$"}
        case Email():
            return {"type": "string", "maxLength": 200, "pattern": f"^\\s*({EMAIL.pattern})?\\s*$"}
        case Url():
            return {"type": "string", "maxLength": 200, "pattern": f"^\\s*({HTTP_ADDRESS})?\\s*$"}
    raise TypeError(f"no JSON Schema for {kind!r}")


def json_schema(_converter: object, shown: fields.Field[Any], **_kwargs: object) -> dict[str, Any]:
    """The JSON Schema of a field: an attribute function for apispec."""
    if isinstance(shown, Moment):
        return nullable({"type": "string", "format": "date-time"}, allow_none=bool(shown.allow_none))
    if isinstance(shown, Shown):
        return dict(shown.json_schema)
    if isinstance(shown, Accepted):
        schema = schema_of_kind(shown.kind)
        if shown.required and isinstance(shown.kind, Text):
            schema |= {"minLength": 1, "pattern": NOT_BLANK}
        return nullable(schema, allow_none=bool(shown.allow_none))
    return {}


def shown_object(properties: Mapping[str, Any], sometimes: tuple[str, ...] = ()) -> dict[str, Any]:
    """The JSON Schema of an object in a response: all properties are required except the ``sometimes`` ones."""
    required = [name for name in properties if name not in sometimes]
    return {"type": "object", "required": required, "properties": dict(properties)}


def nullable(schema: dict[str, Any], *, allow_none: bool = True) -> dict[str, Any]:
    """The JSON Schema that also allows null."""
    if not allow_none:
        return schema
    with_null = schema | {"type": [schema["type"], "null"]}
    if "enum" in schema:
        with_null["enum"] = [*schema["enum"], None]
    return with_null
