"""Examples of JSON bodies that have none written by hand, made from their schemas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from registry.api.open_vocabularies import CODES

Schema = Mapping[str, Any]
JSON: Final = "application/json"
REFERENCE: Final = "#/components/schemas/"
# What texts hold, by the names of their properties; any other text is a dash.
TEXTS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("project", "number", "duplicate_of", "target", "other_project"), "QT-2026-0000001-5"),
    **dict.fromkeys(("agency", "bin"), "050340004478"),
    **dict.fromkeys(("successor", "to"), "990340000675"),
    **dict.fromkeys(("by", "asked_by", "proposed_by", "approved_by", "issued_by", "name", "principal"), "a.serikova"),
    **dict.fromkeys(("reason", "reason_ru", "comment"), "Договор подписан до 1 января 2026 года."),
    "reason_kk": "Шарт 2026 жылғы 1 қаңтарға дейін жасалған.",
    "external_id": "MZ-2026-014",
    "action": "claim",
    "act": "No. 17",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}
FORMATS: Final[Mapping[str, str]] = {"date": "2026-03-02", "date-time": "2026-03-02T06:00:00.000000Z"}


def add_examples(specification: dict[str, Any]) -> None:
    """Add an example to each JSON body and response without one; a record is as in the examples written by hand."""
    schemas = specification["components"]["schemas"]
    contents = [content for holder in _holders(specification) for content in _json(holder)]
    written = {
        content["schema"]["$ref"].removeprefix(REFERENCE): content["example"]
        for content in contents
        if "example" in content and "$ref" in content["schema"]
    }
    for content in contents:
        if "example" not in content and content.get("schema"):
            content["example"] = _example(content["schema"], "", schemas, written)


def _holders(specification: Schema) -> Iterator[Schema]:
    for methods in specification["paths"].values():
        for name, operation in methods.items():
            if name != "parameters":
                yield operation.get("requestBody", {})
                yield from operation["responses"].values()


def _json(holder: Schema) -> Iterator[dict[str, Any]]:
    if JSON in holder.get("content", {}):
        yield holder["content"][JSON]


def _example(schema: Schema, name: str, schemas: Schema, written: Mapping[str, Any]) -> Any:
    if "$ref" in schema:
        component = schema["$ref"].removeprefix(REFERENCE)
        return written[component] if component in written else _example(schemas[component], name, schemas, written)
    codes = schema.get("enum") or schema.get(CODES)
    if codes:
        return codes[0]
    types = schema.get("type", "object")
    if "null" in types:
        return None
    match types:
        case "object":
            required = schema.get("required", ())
            properties = schema.get("properties", {})
            return {each: _example(properties[each], each, schemas, written) for each in required}
        case "array":
            return [_example(schema["items"], name, schemas, written)] * schema.get("minItems", 1)
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return False
    return FORMATS.get(schema.get("format", "")) or TEXTS.get(name, "–")
