"""Parameters of paths and queries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from flask import request
from werkzeug.routing import BaseConverter, Map, ValidationError

from registry.core.errors import Malformed, Problem
from registry.core.lists import COUNTS, DEFAULT_LIMIT, MAX_LIMIT, Page

# What stands for a record in addresses: ids of rows, and the references of agencies.

ROW_ID: Final = "row_id"
EXTERNAL_ID: Final = "external_id"


class RowIdConverter(BaseConverter):
    """The id of a row: a positive number that the database's integers hold, in ASCII digits."""

    regex = "[1-9][0-9]{0,9}"
    LARGEST = 2**31 - 1

    def __init__(self, url_map: Map) -> None:
        super().__init__(url_map)

    def to_python(self, value: str) -> int:
        """Return the number; a larger one names no row."""
        number = int(value)
        if number > self.LARGEST:
            raise ValidationError
        return number


class ExternalIdConverter(BaseConverter):
    """An agency's own reference: the rest of the path, decoded, with every character that it has."""

    regex = "(?s:.+)"
    part_isolating = False


# Query parameters: only those that a route declares. A parameter of a list may be repeated, any other not.


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter: its name, its meaning and JSON Schema. ``required``: a request without it is malformed.

    ``former``: the name that it had; it goes on working, and is not documented.
    """

    name: str
    description: str
    schema: dict[str, Any] = field(default_factory=lambda: {"type": "string"})
    required: bool = False
    former: str = ""

    @property
    def takes_several(self) -> bool:
        """Whether it takes several values, with commas or repeated."""
        return bool(self.schema.get("type") == "array")


LIMIT: Final = Parameter(
    "limit",
    "How many items a page has at most.",
    {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
)
CURSOR: Final = Parameter("cursor", "`next` of the page before.", {"type": "string", "pattern": "^[0-9A-Za-z_-]+$"})
COUNT: Final = Parameter(
    "count",
    "Adds the number of items of all pages, as `count`: `exact`, or `estimated` from statistics, which is fast for any "
    "number.",
    {"type": "string", "enum": list(COUNTS)},
)
SORT: Final = "sort"


def page_parameters(sorts: tuple[str, ...]) -> tuple[Parameter, ...]:
    """Return the parameters of a paged list that can be sorted by these fields."""
    if not sorts:
        return (LIMIT, CURSOR)
    words = [*sorts, *(f"-{name}" for name in sorts)]
    text = "The field to sort by; a leading `-` turns the order round."
    return (LIMIT, CURSOR, Parameter(SORT, text, {"type": "string", "enum": words}))


def read_query(known: Mapping[str, Parameter]) -> dict[str, str]:
    """Return the parameters that were sent, several values of one with commas: ``a=x&a=y`` means ``a=x,y``.

    Raises Malformed naming each that is unknown, not text, or repeated where one value is taken.
    """
    problems = []
    accepted: dict[str, str] = {}
    for name, values in request.args.lists():
        parameter = known.get(name) or next((each for each in known.values() if name and each.former == name), None)
        if parameter is None:
            problems.append(Problem(name, "unknown-parameter", {"name": name}))
        elif (len(values) > 1 and not parameter.takes_several) or parameter.name in accepted:
            problems.append(Problem(name, "parameter-repeated"))
        elif any(ord(letter) < 32 or letter in "\x7f\ufffd" for letter in "".join(values)):
            problems.append(Problem(name, "not-usable"))
        else:
            accepted[parameter.name] = ",".join(values)
    if problems:
        raise Malformed(problems)
    return accepted


def take_page(sent: dict[str, str]) -> Page:
    """Take limit, cursor, sort and count out of the parameters.

    Raises Malformed for a limit outside 1 to 500 and for a sort without a field; which fields a list has, it knows.
    """
    limit = sent.pop(LIMIT.name, None)
    number = DEFAULT_LIMIT
    if limit is not None:
        usable = limit.isascii() and limit.isdigit() and len(limit) <= 4
        number = int(limit) if usable else 0
        if not 1 <= number <= MAX_LIMIT:
            raise Malformed([Problem(LIMIT.name, "limit-out-of-range", {"largest": MAX_LIMIT})])
    sort = sent.pop(SORT, None)
    if sort == "":
        raise Malformed([Problem(SORT, "value-missing")])
    count = sent.pop(COUNT.name, None)
    if count is not None and count not in COUNTS:
        raise Malformed([Problem(COUNT.name, "not-a-choice", {"options": ", ".join(COUNTS)})])
    return Page(number, sent.pop(CURSOR.name, None), sort, count)


def next_link(cursor: str) -> str:
    """Return the ``Link`` header that leads to the next page of this very list."""
    query = [(name, value) for name, value in request.args.items(multi=True) if name != CURSOR.name]
    return f'<{request.path}?{urlencode([*query, (CURSOR.name, cursor)])}>; rel="next"'
