"""What the routes that take a file have in common: the fields beside it, and how its bad rows are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from registry.api.declared import Call
from registry.core.errors import Invalid, Problem
from registry.core.field_types import Choice, InvalidValue, Kind
from registry.core.languages import Language
from registry.core.messages import message

FILE_SCHEMA: Final = {
    "type": "string",
    "format": "binary",
    "description": "CSV (UTF-8 or cp1251; comma or semicolon) or XLSX, up to 20 MiB.",
}
DRY_RUN_SCHEMA: Final = {
    "type": "string",
    "enum": ["true", "false"],
    "default": "false",
    "description": "Write nothing, tell everything.",
}
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


@dataclass(frozen=True, slots=True)
class Required:
    """A field of a form that must be there."""

    kind: Kind

    def accept(self, value: object) -> Any:
        """What the kind makes of it. Raises InvalidValue, also for a missing one."""
        accepted = self.kind.accept(value)
        if accepted is None:
            raise InvalidValue("required")
        return accepted


class TrueOrFalse:
    """``true`` or ``false`` as a form writes it; false when it is not there."""

    def accept(self, value: object) -> bool:
        """The boolean. Raises InvalidValue."""
        if value not in (None, "true", "false"):
            raise InvalidValue("expected-true-or-false")
        return value == "true"


def form_values(call: Call, **kinds: Kind) -> dict[str, Any]:
    """The fields of a form as their kinds accept them. Raises Invalid naming each that is refused."""
    accepted: dict[str, Any] = {}
    problems = []
    for name, kind in kinds.items():
        try:
            accepted[name] = kind.accept(call.values.get(name))
        except InvalidValue as refused:
            problems.append(Problem(f"/{name}", refused.code, dict(refused.params)))
    if problems:
        raise Invalid(problems)
    return accepted


def one_of(options: Sequence[str]) -> Kind:
    """A field that must be one of some words."""
    return Required(Choice(tuple(options)))


def told(error: Mapping[str, Any], language: Language) -> dict[str, Any]:
    """A bad row, with its message in a language."""
    return {
        "row": error["row"],
        "column": error["column"],
        "code": error["code"],
        "message": message(error["code"], language, error["params"]),
    }
