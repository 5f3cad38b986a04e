"""The query parameters that a list's filters become."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from registry.core.fields import MAX_AMOUNT, Bin
from registry.core.filters import (
    MAX_VALUES,
    NOT,
    WORDS,
    BinFilter,
    BooleanFilter,
    ChoiceFilter,
    ColumnFilter,
    DateFilter,
    InstantFilter,
    NullFilter,
    TextFilter,
    TimestampFilter,
    WordsFilter,
)
from registry.core.json_schemas import DAY_OR_INSTANT_SCHEMA, DAY_SCHEMA
from registry.http.query_parameters import Parameter

SEVERAL: Final = f"One or several, at most {MAX_VALUES}, with commas or by repeating the parameter."
EDGES: Final = {"": "This", "from": "From this", "to": "Up to this"}
# What no field can hold, and so no filter takes; several values stand between commas.
NO_CONTROLS: Final = "[^\\u0000-\\u001f\\u007f-\\u009f\\ufffd]"
NO_CONTROLS_NOR_COMMA: Final = "[^\\u0000-\\u001f\\u007f-\\u009f\\ufffd,]"
TEXT_SCHEMA: Final[dict[str, Any]] = {
    "type": "string",
    "pattern": f"^{NO_CONTROLS_NOR_COMMA}*[^\\s,\\u0000-\\u001f\\u007f-\\u009f\\ufffd]{NO_CONTROLS_NOR_COMMA}*$",
}
WORDS_SCHEMA: Final[dict[str, Any]] = {"type": "string", "minLength": 1, "pattern": f"^{NO_CONTROLS}+$"}
MONEY_SCHEMA: Final[dict[str, Any]] = {"type": "integer", "minimum": 0, "maximum": MAX_AMOUNT}
BIN_SCHEMA: Final = Bin().json_schema


def one_of(options: Iterable[str]) -> dict[str, Any]:
    """The schema of one or several fixed words."""
    return several_of({"type": "string", "enum": list(options)})


def several_of(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of one or several values."""
    return {"type": "array", "minItems": 1, "maxItems": MAX_VALUES, "items": dict(schema)}


def plain_parameters(filters: Mapping[str, ColumnFilter]) -> tuple[Parameter, ...]:
    """The parameters of a list whose filters are plain ones."""
    return tuple(Parameter(name, *_described(known)) for name, known in filters.items())


def negatable(parameters: Iterable[Parameter]) -> tuple[Parameter, ...]:
    """The parameters of a list, and ``not``, which negates those that it names."""
    given = tuple(parameters)
    names = one_of(each.name for each in given if each.name != WORDS)
    text = f"Filters of this request to negate: what does not fit them, or has no value. {SEVERAL}"
    return (*given, Parameter(NOT, text, names))


def moment_parameter(name: str, end: str) -> Parameter:
    """A parameter that takes a day or an instant."""
    return Parameter(name, f"{EDGES[end]} day in Almaty, or instant (RFC 3339).", dict(DAY_OR_INSTANT_SCHEMA))


def _described(known: ColumnFilter) -> tuple[str, dict[str, Any]]:
    match known:
        case WordsFilter(takes=takes):
            return takes, dict(WORDS_SCHEMA)
        case ChoiceFilter(options=options):
            return SEVERAL, one_of(options)
        case NullFilter(columns=columns):
            return f"Fields that have no value. {SEVERAL}", one_of(columns)
        case BinFilter():
            return SEVERAL, several_of(BIN_SCHEMA)
        case TextFilter():
            return SEVERAL, several_of(TEXT_SCHEMA)
        case BooleanFilter():
            return "true or false.", {"type": "boolean"}
        case DateFilter(end=end):
            return f"{EDGES[end]} date.", dict(DAY_SCHEMA)
        case TimestampFilter(end=end) | InstantFilter(end=end):
            described = moment_parameter("", end)
            return described.description, described.schema
