"""Parts of the specification that are worked out: vocabularies, the size of integers, and examples."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from registry.accounts.roles import Role, Scope
from registry.accounts.vocabulary import AccountKind, AccountStatus
from registry.agencies.vocabulary import Region
from registry.cases.vocabulary import DecisionKind, Outcome, ReasonCode
from registry.cases.vocabulary import Status as CaseStatus
from registry.flags.vocabulary import AuditStatus, FlagStatus
from registry.flags.vocabulary import Trigger as AuditTrigger
from registry.freeze.vocabulary import AgencyKind, Choices, Placement, Severity, Stage, WorkType
from registry.letters.models import LetterKind
from registry.projects.vocabulary import DocumentKind, FreezeStatus, Funding, ObjectKind, Sector
from registry.requests.models import RequestState

# Closed vocabularies as components of the specification, to which every place with their codes refers.

Schema = Mapping[str, Any]
NULL: Final = "OrNull"
VOCABULARIES: Final[Mapping[str, type[Choices]]] = {
    "AccountKind": AccountKind,
    "AccountStatus": AccountStatus,
    "AgencyKind": AgencyKind,
    "AuditStatus": AuditStatus,
    "AuditTrigger": AuditTrigger,
    "CaseOutcome": Outcome,
    "CaseStatus": CaseStatus,
    "DecisionKind": DecisionKind,
    "DocumentKind": DocumentKind,
    "FlagStatus": FlagStatus,
    "FreezeStatus": FreezeStatus,
    "Funding": Funding,
    "LetterKind": LetterKind,
    "ObjectKind": ObjectKind,
    "Placement": Placement,
    "ReasonCode": ReasonCode,
    "Region": Region,
    "RequestState": RequestState,
    "Role": Role,
    "Scope": Scope,
    "Sector": Sector,
    "Severity": Severity,
    "Stage": Stage,
    "WorkType": WorkType,
}


def share_enums(specification: dict[str, Any]) -> None:
    """Replace each list of the codes of a vocabulary by a reference; with null among them, to another component."""
    names = {choices.codes(): name for name, choices in VOCABULARIES.items()}
    used: dict[str, dict[str, Any]] = {}
    _share(specification, names, used)
    specification["components"]["schemas"] |= dict(sorted(used.items()))


def _share(part: Any, names: dict[tuple[str, ...], str], used: dict[str, dict[str, Any]]) -> None:
    if isinstance(part, list):
        for each in part:
            _share(each, names, used)
    elif isinstance(part, dict):
        codes = part.get("enum")
        if isinstance(codes, list) and "type" in part:
            name = names.get(tuple(code for code in codes if code is not None))
            if name is not None:
                name += NULL if None in codes else ""
                used[name] = {"type": part.pop("type"), "enum": part.pop("enum")}
                part["$ref"] = f"#/components/schemas/{name}"
        for each in part.values():
            _share(each, names, used)


# Open vocabularies: in answers, the codes of a vocabulary are those of today, and later releases may add others.
#
# By the policy of versions a release may add codes. A generated client must read an answer with a code that it does
# not know, so answers have plain strings with ``x-extensible-enum``; what is sent stays an ``enum``.

CODES: Final = "x-extensible-enum"
COMPONENTS: Final = "#/components/"
REFERENCE: Final = f"{COMPONENTS}schemas/"


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
    shown.append(specification["webhooks"])
    answers, requests = (referenced(part, specification)["schemas"] for part in (shown, sent))
    for name in answers & requests:
        if any("enum" in part for part in _parts(schemas[name])):
            raise SchemaSentAndShown(name)
    for part in _parts([*shown, *(schemas[name] for name in answers)]):
        codes = part.get("enum")
        if isinstance(codes, list) and "type" in part:
            del part["enum"]
            part[CODES] = [code for code in codes if code is not None]


def referenced(part: Any, specification: Schema) -> dict[str, set[str]]:
    """Return the names of the components to which a part refers, also by way of others, by their kind."""
    names: dict[str, set[str]] = {kind: set() for kind in specification["components"]}
    waiting = [part]
    while waiting:
        for each in _parts(waiting.pop()):
            kind, _, name = str(each.get("$ref", "")).removeprefix(COMPONENTS).partition("/")
            if name in specification["components"].get(kind, ()) and name not in names[kind]:
                names[kind].add(name)
                waiting.append(specification["components"][kind][name])
    return names


def _parts(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        yield part
    if isinstance(part, dict | list):
        for each in part.values() if isinstance(part, dict) else part:
            yield from _parts(each)


# The size of integers in the specification: generators of typed languages take 32 bits where nothing says 64.

MAX_32_BITS: Final = 2**31 - 1
INT64: Final = "int64"


def add_integer_formats(part: Any) -> None:
    """Give each integer that may need more than 32 bits the format ``int64``: sums of tenge, numbers of changes.

    Ids too, whose limit in paths is that of 32 bits: they have one type everywhere.
    """
    if isinstance(part, list):
        for each in part:
            add_integer_formats(each)
    elif isinstance(part, dict):
        if _is_integer(part.get("type")) and part.get("maximum", MAX_32_BITS) >= MAX_32_BITS:
            part["format"] = INT64
        for each in part.values():
            add_integer_formats(each)


def _is_integer(types: Any) -> bool:
    # A value that may be a text too has no format: it would be one of texts.
    return types == "integer" or (isinstance(types, list) and set(types) - {"null"} == {"integer"})


# Examples of JSON bodies that have none written by hand, made from their schemas.

JSON: Final = "application/json"
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


# Query parameters that several operations have, as components: a list and its exports take the same filters.


def share_parameters(specification: dict[str, Any]) -> None:
    """Replace each query parameter that stands in several operations by a reference to a component.

    Its name is that of the parameter, behind the name of the tag where only the operations of one tag have it.
    """
    components = specification["components"]["parameters"]
    uses: dict[str, list[tuple[str, list[Any], int]]] = {}
    for methods in specification["paths"].values():
        for operation in (each for name, each in methods.items() if name != "parameters"):
            for place, parameter in enumerate(operation["parameters"]):
                if parameter.get("in") == "query":
                    use = (operation["tags"][0], operation["parameters"], place)
                    uses.setdefault(json.dumps(parameter), []).append(use)
    for text, places in uses.items():
        if len(places) > 1:
            parameter = json.loads(text)
            tags = {tag for tag, _, _ in places}
            words = f"{places[0][0]} {parameter['name']}" if len(tags) == 1 else parameter["name"]
            name = re.sub(r"[^a-z0-9]+", " ", words).title().replace(" ", "")
            while name in components:
                name += "Of" + places[0][0].title().replace("-", "")
            components[name] = parameter
            for _, parameters, place in places:
                parameters[place] = {"$ref": f"#/components/parameters/{name}"}
