"""Multipart forms with a file: their schema fields, and how the bad rows of a file are shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import fields

from registry.core.translations import Language, message
from registry.core.values import InvalidValue, plain_number
from registry.http.requests import SentFile

MAX_ID_DIGITS: Final = 9
TABLE_TEXT: Final = "CSV (UTF-8, UTF-16 or cp1251; comma, semicolon or tab) or XLSX, up to 20 MiB."
ROW_ERROR_PROPERTIES: Final[dict[str, Any]] = {
    "row": {"type": "integer", "description": "The spreadsheet's own number; its header is row 1."},
    "column": {"type": ["string", "null"], "description": "Null when the row as a whole is wrong."},
    "code": {"type": "string"},
    "message": {"type": "string"},
    "value": {
        "type": ["string", "null"],
        "description": "The cell, shortened to 200 characters; null for an empty one.",
    },
}


class UploadedFile(fields.Field[SentFile]):
    """A file, which must be there."""

    default_error_messages = {"required": "required"}  # noqa: RUF012 - as marshmallow declares it

    def __init__(self, description: str) -> None:
        super().__init__(required=True, metadata={"description": description})

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> SentFile:  # noqa: ARG002 - marshmallow's
        if not isinstance(value, SentFile):
            raise InvalidValue("expected-file")
        return value


class FormFlag(fields.Field[bool]):
    """``true`` or ``false`` as a form has it; false when it is absent."""

    def __init__(self, description: str) -> None:
        super().__init__(load_default=False, metadata={"description": description})

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:  # noqa: ARG002 - marshmallow's
        if not isinstance(value, str):
            raise InvalidValue("expected-text")
        if value not in ("true", "false"):
            raise InvalidValue("expected-true-or-false")
        return value == "true"


class FormNumber(fields.Field[int]):
    """The id of a row as a form has it; None when it is absent."""

    def __init__(self, description: str) -> None:
        # Called, because a value would be documented as the default, and null is no text.
        super().__init__(load_default=lambda: None, metadata={"description": description})

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:  # noqa: ARG002 - marshmallow's
        if not isinstance(value, str):
            raise InvalidValue("expected-text")
        number = plain_number(value, MAX_ID_DIGITS)
        if number is None:
            raise InvalidValue("expected-whole-number")
        return number


class DryRun(FormFlag):
    """Whether the file is only checked."""

    def __init__(self) -> None:
        super().__init__("Write nothing, tell everything.")


def upload_schema(_converter: object, field: fields.Field[Any], **_kwargs: object) -> dict[str, Any]:
    """apispec's attribute function: the JSON Schema of a file and of the flags beside it."""
    if isinstance(field, UploadedFile):
        return {"type": "string", "format": "binary"}
    if isinstance(field, FormNumber):
        return {"type": "string", "pattern": f"^[0-9]{{1,{MAX_ID_DIGITS}}}$"}
    return {"type": "string", "enum": ["true", "false"], "default": "false"} if isinstance(field, FormFlag) else {}


def row_error(error: Mapping[str, Any], language: Language) -> dict[str, Any]:
    """Return a bad row, with its message in a language."""
    return {
        "row": error["row"],
        "column": error["column"],
        "code": error["code"],
        "message": message(error["code"], language, error["params"]),
        "value": error.get("value"),
    }
