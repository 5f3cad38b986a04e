"""Every blueprint of the API, and its specification by flask-smorest: OpenAPI 3.1, security, parameters and errors."""

from __future__ import annotations

from copy import deepcopy
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import flask_smorest
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.common import resolve_schema_instance
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from flask import Flask

from registry.api.blueprint import (
    ERROR_NAMES,
    ETAG,
    FOR_INTEGRATORS,
    HEADER_COMPONENTS,
    RETRY_AFTER,
    ApiBlueprint,
    ProjectName,
    ReportNumber,
)
from registry.api.components import (
    CODES,
    add_examples,
    add_integer_formats,
    open_vocabularies,
    referenced,
    share_enums,
    share_parameters,
)
from registry.api.error_codes import error_codes, field_codes
from registry.api.parameters import parameter_schema, parameter_style
from registry.api.uploads import upload_schema
from registry.core.fields import NOT_BLANK, BaseSchema, field_json_schema
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
from registry.policies.schemas import RULE
from registry.projects.fields import FIELDS
from registry.projects.schemas import PROJECT_BATCH_ITEM, VERDICT
from registry.webhooks.schemas import MESSAGE

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

PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "trace_id"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "A URN that ends in the error code."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string", "description": "The path that was called."},
        "trace_id": {"type": "string", "description": "The id of the request, as in `X-Request-ID` and in the logs."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "message"],
                "properties": {
                    "pointer": {"type": "string", "description": "JSON pointer, or the query parameter's name."},
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                },
            },
        },
    },
}
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
PARAMETERS: dict[str, tuple[str, dict[str, Any]]] = {
    "AcceptLanguage": (
        "header",
        {"name": "Accept-Language", "schema": {"type": "string", "default": "en"}, "example": "kk, ru;q=0.8"},
    ),
    "IdempotencyKey": (
        "header",
        {
            "name": "Idempotency-Key",
            "description": "Makes it safe to send the same request again, for 24 hours.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]([ -~]*[!-~])?$"},
        },
    ),
    "IF_MATCH": (
        "header",
        {
            "name": "If-Match",
            "required": True,
            "description": "The `ETag` of the state that the change was made from.",
            "schema": {"type": "string"},
        },
    ),
    "IfMatch": (
        "header",
        {
            "name": "If-Match",
            "description": "An `ETag`: 412 unless the record is in this state. Not required.",
            "schema": {"type": "string"},
        },
    ),
    "IfNoneMatchAny": (
        "header",
        {
            "name": "If-None-Match",
            "description": "`*`: 412 when there is such a record, so that nothing is replaced.",
            "schema": {"type": "string"},
        },
    ),
    "IF_NONE_MATCH": (
        "header",
        {
            "name": "If-None-Match",
            "description": "A known `ETag`: 304 when it still holds.",
            "schema": {"type": "string"},
        },
    ),
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

    def _register_error_handlers(self) -> None:
        pass

    def _register_responses(self) -> None:
        pass

    def _register_pagination_header(self) -> None:
        pass

    def _register_etag_headers(self) -> None:
        # Ours are among PARAMETERS, and ETAG.
        pass


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
    api.register_converter(ProjectName, _text_schema)
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
    for name, (place, parameter) in PARAMETERS.items():
        components.parameter(name, place, parameter)
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
    # Copied: it is made of the schemas themselves, which stay as they are.
    specification: dict[str, Any] = deepcopy(api.spec.to_dict() | {"webhooks": WEBHOOKS})
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


def _text_schema(_converter: ProjectName) -> dict[str, Any]:
    return {"type": "string"}
