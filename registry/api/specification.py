"""Every blueprint of the API, and its specification by flask-smorest: OpenAPI 3.1, security, parameters and errors."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import cache
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import flask_smorest
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.common import resolve_schema_instance
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from flask import Blueprint, Flask, Response, redirect, request, send_from_directory
from werkzeug.wrappers import Response as AnyResponse

from registry.accounts.models import AccountKind, AccountStatus
from registry.accounts.roles import Role, Scope
from registry.agencies.models import Region
from registry.api.blueprint import (
    API_PREFIX,
    ERROR_NAMES,
    ETAG,
    FOR_INTEGRATORS,
    HEADER_COMPONENTS,
    RETRY_AFTER,
    ApiBlueprint,
    ProjectName,
    ReportNumber,
)
from registry.api.parameters import parameter_schema, parameter_style
from registry.api.uploads import upload_schema
from registry.cases.vocabulary import DecisionKind, Outcome, ReasonCode, Status as CaseStatus
from registry.core.errors import RegistryError
from registry.core.fields import NOT_BLANK, BaseSchema, field_json_schema, object_of, shown_object
from registry.core.translations import MESSAGES, MESSAGES_OF
from registry.flags.models import AuditStatus, FlagStatus, Trigger as AuditTrigger
from registry.freeze.vocabulary import AgencyKind, Choices, Placement, Severity, Stage, WorkType
from registry.http.error_handlers import PROBLEM_JSON, TYPE
from registry.http.requests import (
    EXTERNAL_ID,
    MAX_BATCH,
    MAX_BODY,
    MAX_FILE,
    ROW_ID,
    ExternalIdConverter,
    RowIdConverter,
)
from registry.http.responses import make_tag, not_modified
from registry.letters.models import LetterKind
from registry.policies.schemas import RULE
from registry.projects.fields import FIELDS
from registry.projects.schemas import PROJECT_BATCH_ITEM, VERDICT
from registry.projects.vocabulary import DocumentKind, FreezeStatus, Funding, ObjectKind, Sector
from registry.requests.models import RequestState
from registry.webhooks.schemas import MESSAGE

# Parts of the specification that are worked out: vocabularies, the size of integers, and examples.

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


# Those of each slice's ``api`` module.
SLICES: Final = Path(__file__).parents[1]
BLUEPRINTS: Final = tuple(
    blueprint
    for module in sorted(SLICES.glob("*/api.py"))
    for blueprint in vars(import_module(f"registry.{module.parent.name}.api")).values()
    if isinstance(blueprint, ApiBlueprint)
)

TITLE: Final = "Project registry and freeze enforcement"
DESCRIPTION = """The register of state digital projects and of the freeze on new ones outside QazTech.
Every call but this page needs a bearer token. Errors are problem+json (RFC 9457) in the language of `Accept-Language`:
`kk`, `ru` or `en`. A `POST` sent again with the same `Idempotency-Key` within 24 hours gets its first answer again."""
# The document is the same for every installation: it has no address of its own but that of where it is served.
OF_THE_WHOLE: dict[str, Any] = {
    "info": {
        "description": DESCRIPTION,
        "contact": {"name": "The administrators of this installation"},
        "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
    },
    "servers": [{"url": "/", "description": "Where this document is served."}],
    "security": [{"bearer": []}],
}

TEXT: Final = {"type": "string"}
FIELD_PROBLEM: Final = object_of(
    pointer={**TEXT, "description": "JSON pointer, or the query parameter's name."}, code=dict(TEXT), message=TEXT
)
PROBLEM_SCHEMA: Final = shown_object(
    {
        "type": {**TEXT, "format": "uri", "description": "A URN that ends in the error code."},
        "title": TEXT,
        "status": {"type": "integer"},
        "detail": TEXT,
        "instance": {**TEXT, "description": "The path that was called."},
        "trace_id": {**TEXT, "description": "The id of the request, as in `X-Request-ID` and in the logs."},
        "errors": {"type": "array", "items": FIELD_PROBLEM},
    },
    sometimes=("errors",),
)
ERROR_TEXTS = {
    400: "The request is malformed, or has an unknown, repeated or unusable parameter.",
    401: "No token, or one that does not hold.",
    403: "The role does not allow it, or the agency is not one's own.",
    404: "There is no such thing, or the caller may not see it.",
    409: "It does not fit what is there.",
    410: "What was asked for was deleted after its time; `detail` tells what to do.",
    412: "Changed since it was read.",
    413: f"The body is over {MAX_BODY // 1024**2} MiB (of a batch {MAX_BATCH // 1024**2}), or the file over "
    f"{MAX_FILE // 1024**2} MiB.",
    415: "The body's type is not taken here.",
    422: "The body is invalid; `errors` names each wrong field.",
    428: "`If-Match` is missing.",
    429: "Too many requests within a minute; `Retry-After` tells the seconds to wait.",
    500: "A mistake in the service; its log has more under the trace id.",
    503: "The database does not answer, is busy, or has no room, or too many files are read; `type` and `detail` tell.",
}
RETRIED = (429, 503)
# Headers that operations take, by the name of the component.
PARAMETERS: Final[dict[str, dict[str, Any]]] = {
    "AcceptLanguage": {"name": "Accept-Language", "schema": {**TEXT, "default": "en"}, "example": "kk, ru;q=0.8"},
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "description": "Makes it safe to send the same request again, for 24 hours.",
        "schema": {**TEXT, "minLength": 1, "maxLength": 200, "pattern": "^[!-~]([ -~]*[!-~])?$"},
    },
    "IF_MATCH": {
        "name": "If-Match",
        "required": True,
        "description": "The `ETag` of the state that the change was made from.",
        "schema": TEXT,
    },
    "IfMatch": {
        "name": "If-Match",
        "description": "An `ETag`: 412 unless the record is in this state. Not required.",
        "schema": TEXT,
    },
    "IfNoneMatchAny": {
        "name": "If-None-Match",
        "description": "`*`: 412 when there is such a record, so that nothing is replaced.",
        "schema": TEXT,
    },
    "IF_NONE_MATCH": {
        "name": "If-None-Match",
        "description": "A known `ETag`: 304 when it still holds.",
        "schema": TEXT,
    },
}


# What ``registry/webhooks`` sends.
WEBHOOKS: dict[str, Any] = {
    "change": {
        "post": {
            "operationId": "receive_change",
            "summary": "A change that the owner of a webhook may see",
            "description": "Signed by the Standard Webhooks specification. Any 2xx within ten seconds is success; "
            "other answers are tried again. A test has the type `webhook.test` and `data` with its `subject` alone.",
            "tags": ["webhooks"],
            "parameters": [
                {"name": name, "in": "header", "required": True, "description": text, "schema": {"type": "string"}}
                for name, text in (
                    ("webhook-id", "The message: the same when it comes again."),
                    ("webhook-timestamp", "When this attempt was made, in seconds since 1970."),
                    ("webhook-signature", "`v1,` and the Base64 of the HMAC-SHA256; after a rotation two, by a blank."),
                )
            ],
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/WebhookMessage"}}},
            },
            "responses": {"2XX": {"description": "Received."}, "410": {"description": "Gone: disables the webhook."}},
            "security": [],
        }
    }
}


class SchemaConverter(OpenAPIConverter):
    """Answers promise the fields that they have and stay open to new ones; bodies to send stay closed."""

    def schema2jsonschema(self, schema: Any) -> dict[str, Any]:
        """Return the schema as apispec makes it, with what an answer promises."""
        made: dict[str, Any] = super().schema2jsonschema(schema)  # type: ignore[no-untyped-call] # apispec
        instance = resolve_schema_instance(schema)
        # Nothing that is sent has a field that is only shown, and everything that is shown has one.
        if any(field.dump_only for field in instance.fields.values()):
            made.pop("additionalProperties", None)
            sometimes = instance.SOMETIMES if isinstance(instance, BaseSchema) else frozenset()
            made["required"] = [name for name in made["properties"] if name not in sometimes]
        return made


class SchemaPlugin(MarshmallowPlugin):
    """apispec's plugin with our converter."""

    Converter = SchemaConverter


class Specification(flask_smorest.Api):  # type: ignore[misc] # flask-smorest is untyped
    """flask-smorest's Api without its own errors and their schemas: ours are in http/error_handlers.py."""

    DEFAULT_ERROR_RESPONSE_NAME = None

    def _register_nothing(self) -> None:
        # Our headers are among PARAMETERS, and ETAG.
        pass

    _register_error_handlers = _register_responses = _register_nothing
    _register_pagination_header = _register_etag_headers = _register_nothing


def attach_api(app: Flask) -> None:
    """Let the application answer every route of the API."""
    _know_converters(app)
    app.url_map.merge_slashes = False
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)


def make_specification() -> dict[str, Any]:
    """Return the whole specification; it needs neither settings nor database, and takes longer than all else at a
    start.
    """
    app = Flask("specification")
    app.config["API_TITLE"] = TITLE
    app.config["API_VERSION"] = version("qaztech-registry")
    app.config["OPENAPI_VERSION"] = "3.1.0"
    _know_converters(app)
    api = Specification(spec_kwargs=OF_THE_WHOLE | {"marshmallow_plugin": SchemaPlugin()})
    api.init_app(app)
    api.register_converter(RowIdConverter, _row_id_schema)
    api.register_converter(ProjectName, lambda _converter: {"type": "string"})
    api.register_converter(ReportNumber, lambda _converter: {"type": "string", "minLength": 1})
    api.register_converter(ExternalIdConverter, _external_id_schema)
    converter = api.ma_plugin.converter
    converter.add_attribute_function(field_json_schema)
    converter.add_attribute_function(parameter_schema)
    converter.add_attribute_function(upload_schema)
    converter.add_parameter_attribute_function(parameter_style)
    components = api.spec.components
    components.security_scheme("bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "qtr_…"})
    components.schema("Problem", _problem_schema())
    for name, parameter in PARAMETERS.items():
        components.parameter(name, "header", parameter)
    components.header("ETAG", ETAG)
    for name, header in HEADER_COMPONENTS.items():
        components.header(name, header)
    for status, name in ERROR_NAMES.items():
        schema = {"$ref": "#/components/schemas/Problem"}
        headers = {"headers": {"Retry-After": RETRY_AFTER}} if status in RETRIED else {}
        content = {"content": {PROBLEM_JSON: {"schema": schema}}}
        components.response(name, {"description": ERROR_TEXTS[status], **headers, **content})
    components.schema("Verdict", schema=VERDICT)
    components.schema("Rule", RULE)
    components.schema("ProjectBatchItem", schema=PROJECT_BATCH_ITEM)
    components.schema("WebhookMessage", schema=MESSAGE)
    for blueprint in BLUEPRINTS:
        api.register_blueprint(blueprint)
    # Copied by JSON, so that no part stands in two places: what is changed in an answer stays as it is in a request.
    specification: dict[str, Any] = json.loads(json.dumps(api.spec.to_dict() | {"webhooks": WEBHOOKS}))
    open_vocabularies(specification)
    share_enums(specification)
    add_integer_formats(specification)
    add_examples(specification)
    share_parameters(specification)
    return specification


def of_integrators(specification: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a specification that programs of agencies need: marked operations, and their components."""
    paths = {}
    for path, methods in specification["paths"].items():
        kept = {name: each for name, each in methods.items() if name == "parameters" or each.get(FOR_INTEGRATORS)}
        if kept.keys() - {"parameters"}:
            paths[path] = kept
    operations = [each for methods in paths.values() for name, each in methods.items() if name != "parameters"]
    tags = {tag for operation in operations for tag in operation["tags"]}
    needed = referenced([paths, specification["webhooks"]], specification)
    return {
        **specification,
        "info": {**specification["info"], "title": f"{TITLE}, for integrators"},
        "paths": paths,
        "tags": [tag for tag in specification["tags"] if tag["name"] in tags],
        "components": {
            kind: {name: each for name, each in named.items() if kind == "securitySchemes" or name in needed[kind]}
            for kind, named in specification["components"].items()
        },
    }


def _problem_schema() -> dict[str, Any]:
    """Return the schema of problems with the codes of today."""
    schema = deepcopy(PROBLEM_SCHEMA)
    errors = error_codes()
    schema["properties"]["type"][CODES] = [f"{TYPE}{code}" for code in errors]
    of_field = schema["properties"]["errors"]["items"]["properties"]["code"]
    of_field[CODES] = sorted({*field_codes(), *errors})
    return schema


def _know_converters(app: Flask) -> None:
    app.url_map.converters[ROW_ID] = RowIdConverter
    app.url_map.converters[EXTERNAL_ID] = ExternalIdConverter
    app.url_map.converters["project"] = ProjectName
    app.url_map.converters["report"] = ReportNumber


def _row_id_schema(_converter: RowIdConverter) -> dict[str, Any]:
    return {"type": "integer", "minimum": 1, "maximum": RowIdConverter.LARGEST}


def _external_id_schema(_converter: ExternalIdConverter) -> dict[str, Any]:
    # U+FFFD stands for bytes that are no UTF-8.
    pattern = f"^[^\\ufffd]*{NOT_BLANK[:-1]}\\ufffd][^\\ufffd]*$"
    return {**FIELDS["external_id"].json_schema, "minLength": 1, "pattern": pattern}


# Every error code that a client may get, from the types of errors and the catalogue of messages.

# Of commands alone; no request gets them.
OF_COMMANDS: Final = (".cli.", ".commands")
ERRORS_PAGE: Final = """# Error codes

Every error of the [HTTP API](api.md#errors) by its code. Made from the types of errors; a test compares.

## How to use them

An error code is the end of `type`, after `{type}`.
Releases may add codes: treat one that you do not know by its status. `errors[].code` names what is wrong with a field,
a parameter or a row of a file. Texts are those in English; names in braces are filled in.

## Codes of errors

| code | status | `detail` |
|---|---|---|
{errors}

## Codes of fields

| code | `message` |
|---|---|
{fields}
"""


def error_codes() -> dict[str, int]:
    """Code → status of every error that a request may get, sorted."""
    # Whoever makes the specification without the application has not met the errors of all slices.
    import_module("registry.app")
    kinds = (kind for kind in _kinds(RegistryError) if kind.__module__.startswith("registry."))
    known = {kind.code: kind.status for kind in kinds if not any(part in kind.__module__ for part in OF_COMMANDS)}
    return dict(sorted(known.items()))


def field_codes() -> list[str]:
    """Return the other codes of the catalogue: those of fields, parameters and rows."""
    errors = error_codes()
    others = {code for subject in ("cli", "doctor", "notifications") for code in MESSAGES_OF[subject]}
    return sorted(code for code in {*MESSAGES} - others - {*errors} if not code.startswith("title-"))


def errors_page() -> str:
    """Return the page of the reference, in Markdown."""
    errors = "\n".join(f"| `{code}` | {status} | {_text(code)} |" for code, status in error_codes().items())
    fields = "\n".join(f"| `{code}` | {_text(code)} |" for code in field_codes())
    return ERRORS_PAGE.format(type=TYPE, errors=errors, fields=fields)


def _kinds(kind: type[RegistryError]) -> Iterator[type[RegistryError]]:
    for below in kind.__subclasses__():
        yield below
        yield from _kinds(below)


def _text(code: str) -> str:
    return str(MESSAGES[code]).replace("|", "\\|").replace("<", "&lt;")


# The specification as it is served and committed: the whole, and what integrators need of it.

DOCUMENTS: Final = ("openapi.json", "openapi-integrator.json")


@cache
def specification_texts() -> Mapping[str, str]:
    """Return the documents as they are served and committed. Made when first asked for, once in a process."""
    whole = make_specification()
    made = zip(DOCUMENTS, (whole, of_integrators(whole)), strict=True)
    return {name: json.dumps(document, ensure_ascii=False, indent=1) + "\n" for name, document in made}


def main(folder: str) -> None:
    """Write them and the reference of error codes: ``python -m registry.api.specification docs``. Needs no database."""
    for name, text in {**specification_texts(), "reference/errors.md": errors_page()}.items():
        Path(folder, name).write_text(text, encoding="utf-8")


# Both below ``/api/v1`` and the documentation page that shows them, from files of this repository alone.

FOLDER: Final = Path(__file__).with_name("swagger_ui")
ASSETS: Final = ("swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png", "start.js", "LICENSE", "NOTICE")
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def attach_docs(app: Flask) -> None:
    """Register the routes."""
    docs = Blueprint("docs", __name__)
    html = (FOLDER / "page.html").read_text(encoding="utf-8")

    @docs.get(f"{API_PREFIX}/<any({', '.join(map(repr, DOCUMENTS))}):name>")
    def openapi(name: str) -> Response:
        specification = specification_texts()[name]
        tag = make_tag(specification)
        unchanged = not_modified(tag)
        if unchanged is not None:
            return unchanged
        response = Response(specification, content_type="application/json")
        response.set_etag(tag)
        return response

    @docs.get("/docs")
    def leading() -> AnyResponse:
        return redirect(f"{API_PREFIX}/docs", code=302)

    @docs.get(f"{API_PREFIX}/docs")
    def page() -> Response:
        response = Response(html, content_type="text/html; charset=utf-8")
        response.headers["Content-Security-Policy"] = POLICY
        return response

    @docs.get(f"{API_PREFIX}/docs/<any({', '.join(map(repr, ASSETS))}):name>")
    def asset(name: str) -> Response:
        return send_from_directory(FOLDER, name, conditional=request.method == "GET")

    app.register_blueprint(docs)


if __name__ == "__main__":
    main(*sys.argv[1:])
