"""What of a specification would break a client of an earlier one, by "Versions" in docs/reference/api.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]
METHODS = ("get", "post", "put", "patch", "delete")
UPPER = ("maximum", "maxLength", "maxItems")
LOWER = ("minimum", "minLength", "minItems")


def breaking_changes(old: Schema, new: Schema) -> list[str]:
    """Every change that breaks a client of ``old``, by operation and place; empty when ``new`` only adds."""
    return sorted(set(_Comparison(old, new).changes()))


class _Comparison:
    def __init__(self, old: Schema, new: Schema) -> None:
        self.old = old
        self.new = new

    def changes(self) -> Iterator[str]:
        for path, methods in self.old["paths"].items():
            for method in METHODS:
                if method not in methods:
                    continue
                name = f"{method.upper()} {path}"
                new_methods = self.new["paths"].get(path, {})
                if method not in new_methods:
                    yield f"{name}: removed"
                    continue
                old, new = methods[method], new_methods[method]
                if old["operationId"] != new["operationId"]:
                    yield f"{name}: operationId renamed"
                yield from self._parameters(
                    name, _parameters(self.old, methods, old), _parameters(self.new, new_methods, new)
                )
                yield from self._request(name, old.get("requestBody"), new.get("requestBody"))
                yield from self._responses(name, old["responses"], new["responses"])

    def _parameters(self, name: str, old: dict[str, Schema], new: dict[str, Schema]) -> Iterator[str]:
        for each, parameter in old.items():
            if each not in new:
                yield f"{name}: parameter {each} removed"
                continue
            if new[each].get("required") and not parameter.get("required"):
                yield f"{name}: parameter {each} required"
            yield from self._sent(f"{name}: parameter {each}", parameter["schema"], new[each]["schema"], ())
        yield from (
            f"{name}: parameter {each} new and required"
            for each, parameter in new.items()
            if each not in old and parameter.get("required")
        )

    def _request(self, name: str, old: Schema | None, new: Schema | None) -> Iterator[str]:
        if old is None:
            if new is not None and new.get("required"):
                yield f"{name}: body new and required"
            return
        if new is None:
            yield f"{name}: body removed"
            return
        if new.get("required") and not old.get("required"):
            yield f"{name}: body required"
        for kind, content in old["content"].items():
            if kind not in new["content"]:
                yield f"{name}: body {kind} removed"
            else:
                yield from self._sent(f"{name}: body", content["schema"], new["content"][kind]["schema"], ())

    def _responses(self, name: str, old: Schema, new: Schema) -> Iterator[str]:
        for status, response in old.items():
            # Which errors an operation has may change.
            if not status.startswith("2"):
                continue
            if status not in new:
                yield f"{name}: {status} removed"
                continue
            was, now = resolved(self.old, response), resolved(self.new, new[status])
            for kind, content in was.get("content", {}).items():
                if kind not in now.get("content", {}):
                    yield f"{name}: {status} {kind} removed"
                else:
                    shown = now["content"][kind].get("schema", {})
                    yield from self._shown(f"{name}: {status}", content.get("schema", {}), shown, ())

    def _sent(self, place: str, old: Schema, new: Schema, seen: tuple[object, ...]) -> Iterator[str]:
        """What a client sends: everything that was accepted must be."""
        if (key := (old.get("$ref"), new.get("$ref"))) in seen:
            return
        seen = (*seen, key) if any(key) else seen
        old, new = resolved(self.old, old), resolved(self.new, new)
        types, accepted = _types(old), _types(new)
        if accepted and (
            missing := (types or {"anything"}) - accepted - ({"integer"} if "number" in accepted else set())
        ):
            yield f"{place}: {', '.join(sorted(missing))} not accepted"
        if "enum" in new:
            missing = {str(value) for value in old.get("enum", ("anything",))} - {str(value) for value in new["enum"]}
            if missing:
                yield f"{place}: {', '.join(sorted(missing))} not accepted"
        yield from (f"{place}: {limit} lower" for limit in UPPER if new.get(limit, 1e99) < old.get(limit, 1e99))
        yield from (f"{place}: {limit} higher" for limit in LOWER if new.get(limit, -1e99) > old.get(limit, -1e99))
        properties = new.get("properties", {})
        for name, schema in old.get("properties", {}).items():
            if name in properties:
                yield from self._sent(f"{place}/{name}", schema, properties[name], seen)
            elif new.get("additionalProperties") is not True:
                yield f"{place}/{name}: removed"
        yield from (
            f"{place}/{name}: required" for name in new.get("required", ()) if name not in old.get("required", ())
        )
        if "items" in old and "items" in new:
            yield from self._sent(f"{place}[]", old["items"], new["items"], seen)

    def _shown(self, place: str, old: Schema, new: Schema, seen: tuple[object, ...]) -> Iterator[str]:
        """What a client is shown: everything that was there must be, of the same types."""
        if (key := (old.get("$ref"), new.get("$ref"))) in seen:
            return
        seen = (*seen, key) if any(key) else seen
        old, new = resolved(self.old, old), resolved(self.new, new)
        types = _types(old)
        if types and (added := (_types(new) or {"anything"}) - types):
            yield f"{place}: may be {', '.join(sorted(added))}"
        properties = new.get("properties", {})
        for name, schema in old.get("properties", {}).items():
            if name not in properties:
                yield f"{place}/{name}: removed"
                continue
            if name in old.get("required", ()) and name not in new.get("required", ()):
                yield f"{place}/{name}: not always there"
            yield from self._shown(f"{place}/{name}", schema, properties[name], seen)
        if "items" in old:
            yield from self._shown(f"{place}[]", old["items"], new.get("items", {}), seen)


def _parameters(specification: Schema, methods: Schema, operation: Schema) -> dict[str, Schema]:
    listed = [
        resolved(specification, each) for each in (*methods.get("parameters", ()), *operation.get("parameters", ()))
    ]
    return {f"{each['in']} {each['name']}": each for each in listed}


def resolved(specification: Schema, part: Schema) -> Schema:
    """What a part refers to, or the part itself."""
    while "$ref" in part:
        inner: Any = specification
        for name in part["$ref"].removeprefix("#/").split("/"):
            inner = inner[name]
        part = inner
    return part


def _types(schema: Schema) -> set[str]:
    """The types that a schema allows; empty for any."""
    if "anyOf" in schema:
        return set().union(*(_types(branch) for branch in schema["anyOf"]))
    types = schema.get("type", ())
    return {types} if isinstance(types, str) else set(types)
