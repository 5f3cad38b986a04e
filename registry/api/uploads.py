"""Multipart forms with a file: their schema fields, and how the bad rows of a file are shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import ValidationError, fields, missing

from registry.core.field_types import InvalidValue, Kind
from registry.core.languages import Language
from registry.core.messages import message
from registry.core.schema_fields import Wrong
from registry.http.request_bodies import SentFile

TABLE_TEXT: Final = "CSV (UTF-8 or cp1251; comma or semicolon) or XLSX, up to 20 MiB."
ROW_ERROR_PROPERTIES: Final[dict[str, Any]] = {
    "row": {"type": "integer", "description": "The spreadsheet's own number; its header is row 1."},
    "column": {"type": ["string", "null"], "description": "Null when the row as a whole is wrong."},
    "code": {"type": "string"},
    "message": {"type": "string"},
}
ROW_ERROR_EXAMPLE: Final[dict[str, Any]] = {
    "row": 17,
    "column": "bin",
    "code": "bin-invalid",
    "message": "Not a valid BIN: 12 digits, the last a check digit.",
}


class FormField(fields.Field[Any]):
    """The base of the fields of a form, each with its JSON Schema."""

    default_error_messages = {"required": "required"}  # noqa: RUF012 - as marshmallow declares it

    def __init__(
        self, description: str, json_schema: Mapping[str, Any], *, required: bool = False, load_default: Any = missing
    ) -> None:
        super().__init__(required=required, load_default=load_default, metadata={"description": description})
        self.json_schema = json_schema


class UploadedFile(FormField):
    """A file, which must be there."""

    def __init__(self, description: str) -> None:
        super().__init__(description, {"type": "string", "format": "binary"}, required=True)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> SentFile:  # noqa: ARG002 - marshmallow's
        if not isinstance(value, SentFile):
            raise ValidationError(["expected-file"])
        return value


class FormText(FormField):
    """A text beside the file, as its kind accepts it."""

    def __init__(
        self, kind: Kind, description: str, json_schema: Mapping[str, Any], *, required: bool = False, **options: Any
    ) -> None:
        super().__init__(description, json_schema, required=required, **options)
        self.kind = kind

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:  # noqa: ARG002 - marshmallow's
        try:
            return self.kind.accept(value)
        except InvalidValue as error:
            raise ValidationError([Wrong(error.code, error.params)]) from error


class TrueOrFalse:
    """``true`` or ``false`` as a form writes it."""

    def accept(self, value: object) -> bool:
        """The boolean. Raises InvalidValue."""
        if not isinstance(value, str):
            raise InvalidValue("expected-text")
        if value not in ("true", "false"):
            raise InvalidValue("expected-true-or-false")
        return value == "true"


def dry_run_field() -> FormText:
    """Whether the file is only tried; false when it is not said."""
    schema = {"type": "string", "enum": ["true", "false"], "default": "false"}
    return FormText(TrueOrFalse(), "Write nothing, tell everything.", schema, load_default=False)


def form_field_schema(_converter: object, field: fields.Field[Any], **_kwargs: object) -> dict[str, Any]:
    """apispec's attribute function: the JSON Schema of a form field."""
    return dict(field.json_schema) if isinstance(field, FormField) else {}


def row_error(error: Mapping[str, Any], language: Language) -> dict[str, Any]:
    """A bad row, with its message in a language."""
    return {
        "row": error["row"],
        "column": error["column"],
        "code": error["code"],
        "message": message(error["code"], language, error["params"]),
    }
