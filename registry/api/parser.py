"""The webargs parser of the API: strict JSON, declared query parameters only, every wrong place named by a pointer."""

from __future__ import annotations

from typing import Any, NoReturn

import flask
from marshmallow import Schema, ValidationError
from webargs.flaskparser import FlaskParser

from registry.api.query_schemas import QuerySchema
from registry.core.base_schema import body_problems, parameter_problems
from registry.core.errors import Invalid, Malformed
from registry.http.query_parameters import read_query
from registry.http.request_bodies import (
    JSON_TYPE,
    MAX_BATCH,
    MERGE_PATCH,
    MULTIPART,
    read_bytes,
    read_form,
    read_object,
    require_content_type,
)


class StrictParser(FlaskParser):
    """Loads what ``Blueprint.arguments`` asks for.

    A wrong query parameter raises Malformed (400), a wrong body Invalid (422). Unknown names are refused by the
    schemas themselves.
    """

    DEFAULT_UNKNOWN_BY_LOCATION = {}  # noqa: RUF012 - as webargs declares it
    __location_map__ = {  # noqa: RUF012 - as webargs declares it
        "query": "load_querystring",
        "json": "load_json",
        "batch_json": "load_batch_json",
        "optional_json": "load_optional_json",
        "merge_patch": "load_merge_patch",
        "patch_to_check": "load_patch_to_check",
        "multipart": "load_multipart",
    }

    def load_querystring(self, req: flask.Request, schema: Schema) -> Any:  # noqa: ARG002 - webargs' signature
        """The query parameters as text. Raises Malformed for unknown, repeated and unusable ones."""
        if not isinstance(schema, QuerySchema):
            raise TypeError(f"{type(schema).__name__} is not a QuerySchema")
        return read_query(schema.parameters)

    def load_json(self, req: flask.Request, schema: Schema) -> Any:  # noqa: ARG002 - webargs' signature
        """The JSON object of the body. Raises UnsupportedMediaType, PayloadTooLarge and BodyNotReadable."""
        require_content_type(JSON_TYPE)
        return read_object(read_bytes())

    def load_optional_json(self, req: flask.Request, schema: Schema) -> Any:
        """The same; no body at all is an empty object."""
        if not req.content_length and not read_bytes():
            return {}
        return self.load_json(req, schema)

    def load_batch_json(self, req: flask.Request, schema: Schema) -> Any:  # noqa: ARG002 - webargs' signature
        """The JSON object of a batch, which may be larger."""
        require_content_type(JSON_TYPE)
        return read_object(read_bytes(MAX_BATCH))

    def load_merge_patch(self, req: flask.Request, schema: Schema) -> Any:  # noqa: ARG002 - webargs' signature
        """The JSON object of a merge patch (RFC 7396)."""
        require_content_type(MERGE_PATCH)
        return read_object(read_bytes())

    def load_patch_to_check(self, req: flask.Request, schema: Schema) -> Any:
        """The same; as JSON too, which is the type that a check took before."""
        return self.load_json(req, schema) if req.mimetype == JSON_TYPE else self.load_merge_patch(req, schema)

    def load_multipart(self, req: flask.Request, schema: Schema) -> Any:  # noqa: ARG002 - webargs' signature
        """Fields and files of a multipart body in one mapping. Raises as ``load_json`` does."""
        require_content_type(MULTIPART)
        fields, files = read_form()
        return {**fields, **files}

    def handle_error(
        self,
        error: ValidationError,
        req: flask.Request,  # noqa: ARG002 - webargs' signature
        schema: Schema,  # noqa: ARG002 - webargs' signature
        **_kwargs: Any,
    ) -> NoReturn:
        """Raise Malformed for a query, Invalid for a body."""
        ((location, messages),) = error.messages_dict.items()
        if location == "query":
            raise Malformed(parameter_problems(messages)) from error
        raise Invalid(body_problems(messages)) from error
