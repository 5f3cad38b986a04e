"""Open vocabularies: in answers, the codes of a vocabulary are those of today, and later releases may add others.

By the policy of versions a release may add codes. A generated client must read an answer with a code that it does not
know, so answers have plain strings with ``x-extensible-enum``; what is sent stays an ``enum``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

CODES: Final = "x-extensible-enum"
REFERENCE: Final = "#/components/schemas/"


class SchemaSentAndShown(ValueError):
    """A schema with codes is part of requests and of answers: what is sent would no longer be closed."""


def open_vocabularies(specification: dict[str, Any]) -> None:
    """Replace ``enum`` by ``x-extensible-enum`` in the schemas of all answers. Raises SchemaSentAndShown."""
    schemas = specification["components"]["schemas"]
    shown, sent = [], []
    for methods in specification["paths"].values():
        for name, operation in methods.items():
            if name != "parameters":
                sent += [operation.get("requestBody", {}), operation.get("parameters", [])]
                shown += [response.get("content", {}) for response in operation["responses"].values()]
    answers, requests = _components(shown, schemas), _components(sent, schemas)
    for name in answers & requests:
        if any("enum" in part for part in _parts(schemas[name])):
            raise SchemaSentAndShown(name)
    for part in _parts([*shown, *(schemas[name] for name in answers)]):
        codes = part.get("enum")
        if isinstance(codes, list) and "type" in part:
            del part["enum"]
            part[CODES] = [code for code in codes if code is not None]


def _components(part: Any, schemas: Mapping[str, Any]) -> set[str]:
    """The names of the schemas to which a part refers, also by way of others."""
    names: set[str] = set()
    waiting = [part]
    while waiting:
        for each in _parts(waiting.pop()):
            name = str(each.get("$ref", "")).removeprefix(REFERENCE)
            if name in schemas and name not in names:
                names.add(name)
                waiting.append(schemas[name])
    return names


def _parts(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        yield part
    if isinstance(part, dict | list):
        for each in part.values() if isinstance(part, dict) else part:
            yield from _parts(each)
