"""Reads a body by its schema and tells every field that is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError

from registry.core.errors import Problem
from registry.core.schema_fields import Body, Wrong


def load_values(schema: Schema, sent: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """The accepted values, and what is wrong with the others: unknown and read-only names among them."""
    read_only = schema.READ_ONLY if isinstance(schema, Body) else frozenset()
    problems = [Problem(pointer(name), "read-only-field") for name in sent if name in read_only]
    writable = {name: value for name, value in sent.items() if name not in read_only}
    try:
        values = schema.load(writable)
    except ValidationError as error:
        values = error.valid_data if isinstance(error.valid_data, dict) else {}
        messages: dict[str, list[object]] = error.messages_dict
        problems += [_problem(name, found) for name, many in messages.items() for found in many]
    return dict(values), problems


def pointer(name: str) -> str:
    """The JSON pointer of a field of the body (RFC 6901)."""
    return "/" + name.replace("~", "~0").replace("/", "~1")


def _problem(name: str, found: object) -> Problem:
    if isinstance(found, Wrong):
        return Problem(pointer(name), found.code, dict(found.params))
    return Problem(pointer(name), str(found))
