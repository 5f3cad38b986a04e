"""Schema fields that leave the judging of a value to its kind, so that API and imports have one rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, ClassVar, NamedTuple

from marshmallow import RAISE, Schema, ValidationError, fields

from registry.core.bin_numbers import SHAPE as BIN_SHAPE
from registry.core.clock import rfc3339
from registry.core.errors import Problem
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
    """What a kind refused: a code of the catalogue and its parameters."""

    code: str
    params: Mapping[str, object] = field(default_factory=dict)


class Accepted(fields.Field[Any]):
    """A value of a kind. A missing one (null, blank text) is None, and is refused where it is required.

    ``clearable`` is False for a field of a change that may stay away, but not be emptied.
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
            kept = self.kind.accept(value)
        except InvalidValue as refused:
            raise ValidationError([Wrong(refused.code, refused.params)]) from refused
        if kept is None and self.required:
            raise ValidationError(["required"])
        return kept

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:  # noqa: ARG002 - marshmallow's
        return value.isoformat() if isinstance(value, date) else value


class Moment(fields.Field[Any]):
    """An instant, shown as RFC 3339 in UTC with Z."""

    def __init__(self, description: str, *, nullable: bool = False) -> None:
        super().__init__(dump_only=True, allow_none=nullable, metadata={"description": description})

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:  # noqa: ARG002 - marshmallow's
        return rfc3339(value) if isinstance(value, datetime) else value


class Shown(fields.Field[Any]):
    """A value that is only shown, with its JSON Schema written out; dates as ``YYYY-MM-DD``."""

    def __init__(self, description: str, json_schema: Mapping[str, Any]) -> None:
        super().__init__(dump_only=True, metadata={"description": description})
        self.json_schema = json_schema

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:  # noqa: ARG002 - marshmallow's
        return value.isoformat() if isinstance(value, date) else value


class Body(Schema):
    """The base of what is sent and shown. Unknown names are refused; READ_ONLY ones by that name.

    What is shown has every field but the SOMETIMES ones, and may get new ones in any version.
    """

    READ_ONLY: ClassVar[frozenset[str]] = frozenset()
    # Of what is shown: not in every answer.
    SOMETIMES: ClassVar[frozenset[str]] = frozenset()
    error_messages = {"unknown": "unknown-field"}  # noqa: RUF012 - as marshmallow declares it

    class Meta:
        """Unknown names are refused."""

        unknown = RAISE

    def dump(self, obj: Any, *, many: bool | None = None) -> Any:
        """What is shown of an object or a mapping.

        Of a mapping in a fifth of marshmallow's time (a page of 500 projects in 10 ms instead of 50): our fields show
        each value under its own name.
        """
        if not isinstance(obj, Mapping):
            return super().dump(obj, many=many)
        return {name: _json_ready(obj[name]) for name in self.dump_fields if name in obj}

    def handle_error(self, error: ValidationError, data: Any, **kwargs: Any) -> None:  # noqa: ARG002 - marshmallow's
        """Tell read-only names from unknown ones."""
        for name in self.READ_ONLY.intersection(error.messages_dict):
            error.messages_dict[name] = ["read-only-field"]


class Loaded(NamedTuple):
    """The values that a schema accepted, and what is wrong with the others."""

    values: dict[str, Any]
    problems: tuple[Problem, ...]


class LenientBody(Body):
    """A body whose ``load`` returns Loaded and raises nothing: its service adds problems and raises all at once."""

    def load(self, data: Any, **kwargs: Any) -> Any:
        """The values that are accepted, and what is wrong with the others."""
        try:
            return Loaded(super().load(data, **kwargs), ())
        except ValidationError as error:
            values = error.valid_data if isinstance(error.valid_data, dict) else {}
            return Loaded(values, body_problems(error.messages_dict))


def body_problems(messages: Mapping[str, Iterable[object]]) -> tuple[Problem, ...]:
    """marshmallow's messages as problems, each with the JSON pointer of its field (RFC 6901)."""
    return tuple(_problem(_pointer(name), found) for name, many in messages.items() for found in many)


def parameter_problems(messages: Mapping[str, Iterable[object]]) -> tuple[Problem, ...]:
    """marshmallow's messages as problems, each with the name of its query parameter."""
    return tuple(_problem(name, found) for name, many in messages.items() for found in many)


def _pointer(name: str) -> str:
    return "/" + name.replace("~", "~0").replace("/", "~1")


def _problem(pointer: str, found: object) -> Problem:
    if isinstance(found, Wrong):
        return Problem(pointer, found.code, dict(found.params))
    return Problem(pointer, str(found))


def _json_ready(value: Any) -> Any:
    if isinstance(value, datetime):
        return rfc3339(value)
    return value.isoformat() if isinstance(value, date) else value


# Blank is missing, as in any text: the formats email and uri would refuse it.
HTTP_ADDRESS = r"[Hh][Tt][Tt][Pp][Ss]?://\S+"
# A text with something in it after trimming.
NOT_BLANK = "[^\\s\\u001c-\\u001f\\u0085]"
DAY_SCHEMA = {"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}


def schema_of_kind(kind: Kind) -> dict[str, Any]:
    """The JSON Schema of what a kind accepts, without null."""
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
    """What apispec asks for each field."""
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
    """The schema of an object inside an answer: every property is there but the ``sometimes`` ones."""
    required = [name for name in properties if name not in sometimes]
    return {"type": "object", "required": required, "properties": dict(properties)}


def nullable(schema: dict[str, Any], *, allow_none: bool = True) -> dict[str, Any]:
    """The schema that takes null too."""
    if not allow_none:
        return schema
    with_null = schema | {"type": [schema["type"], "null"]}
    if "enum" in schema:
        with_null["enum"] = [*schema["enum"], None]
    return with_null
