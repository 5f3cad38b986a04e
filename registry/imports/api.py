"""The imports endpoints: a file is taken in at once and worked off in the background."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from flask.views import MethodView
from marshmallow import fields

from registry.accounts.roles import Permission
from registry.api.blueprint import API_PREFIX, ApiBlueprint, current_actor
from registry.api.operation_docs import LINK, LOCATION
from registry.api.pages import PageSchema, page_response
from registry.api.query_schemas import ListArguments, list_query
from registry.api.uploads import (
    ROW_ERROR_EXAMPLE,
    ROW_ERROR_PROPERTIES,
    TABLE_TEXT,
    DryRun,
    FormFlag,
    UploadedFile,
    row_error,
)
from registry.core.base_schema import BaseSchema
from registry.core.fields import Choice
from registry.core.messages import message
from registry.core.pagination import Listing
from registry.core.response_fields import ReadOnly, Timestamp
from registry.core.value_checks import InvalidValue
from registry.http.locale import request_locale
from registry.http.request_bodies import SentFile
from registry.imports.models import ImportRun
from registry.imports.service import ImportOptions, errors_of, find_import, queue_import
from registry.imports.vocabulary import ImportKind, ImportState

blp = ApiBlueprint("imports", __name__, description="Files of projects or agencies, worked off row by row.")

MAPPING_TEXT: Final = (
    'A JSON object from headers of the file to fields, such as `{"Сумма, тг": "budget_kzt", "Примечание": null}`; null '
    "leaves the column out. It comes before what is recognised."
)
MAPPING_SCHEMA: Final[dict[str, Any]] = {"type": "string"}
MAX_MAPPING_LENGTH: Final = 60_000
COUNT: Final = {"type": "integer", "minimum": 0}
COLUMNS_SCHEMA: Final[dict[str, Any]] = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["header", "field"],
        "properties": {
            "header": {"type": "string"},
            "field": {"type": ["string", "null"], "description": "Null when the column is left out."},
        },
    },
}
WARNINGS_SCHEMA: Final[dict[str, Any]] = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["code", "message"],
        "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
    },
}


class ColumnMapping(fields.Field[Mapping[str, str | None]]):
    """Fields of headers as a JSON object in a form field."""

    def __init__(self) -> None:
        super().__init__(load_default=dict, metadata={"description": MAPPING_TEXT, **MAPPING_SCHEMA})

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Mapping[str, str | None]:  # noqa: ARG002 - marshmallow's
        try:
            mapping = json.loads(value) if isinstance(value, str) and len(value) <= MAX_MAPPING_LENGTH else None
        except (ValueError, RecursionError):
            mapping = None
        if not isinstance(mapping, dict) or any(
            name is not None and not isinstance(name, str) for name in mapping.values()
        ):
            raise InvalidValue("mapping-invalid")
        return mapping


class ImportForm(BaseSchema):
    """A file to import."""

    file = UploadedFile(TABLE_TEXT)
    kind = Choice(ImportKind.codes(), description="What the rows are.", required=True)
    dry_run = DryRun()
    strict = FormFlag("Refuse columns that are not known, and take every row for a record.")
    mapping = ColumnMapping()


class Import(BaseSchema):
    """One file and how far it is worked off."""

    id = ReadOnly("Its id.", {"type": "integer"})
    kind = ReadOnly("What the rows are.", {"type": "string", "enum": list(ImportKind.codes())})
    dry_run = ReadOnly("True when nothing is written.", {"type": "boolean"})
    state = ReadOnly("`done` also when rows were rejected.", {"type": "string", "enum": list(ImportState.codes())})
    file_name = ReadOnly("The file's name.", {"type": "string"})
    sha256 = ReadOnly("SHA-256 of the file, in hex.", {"type": "string"})
    total = ReadOnly("Rows in the file.", COUNT)
    processed = ReadOnly("Rows worked off.", COUNT)
    created = ReadOnly("Rows that made something new.", COUNT)
    updated = ReadOnly("Rows that changed something.", COUNT)
    unchanged = ReadOnly("Rows that said what was there.", COUNT)
    rejected = ReadOnly("Rows that were refused; `/errors` tells why.", COUNT)
    queued_at = Timestamp("When it was taken in.")
    started_at = Timestamp("When the work began.", nullable=True)
    finished_at = Timestamp("When it ended.", nullable=True)
    failure = ReadOnly("Why it could not be finished.", {"type": ["string", "null"]})
    columns = ReadOnly("The columns of the file.", COLUMNS_SCHEMA)
    warnings = ReadOnly("What was left out.", WARNINGS_SCHEMA)


class RowError(BaseSchema):
    """One wrong cell, or one wrong row."""

    row = ReadOnly("Where.", ROW_ERROR_PROPERTIES["row"])
    column = ReadOnly("In which column.", ROW_ERROR_PROPERTIES["column"])
    code = ReadOnly("What is wrong.", ROW_ERROR_PROPERTIES["code"])
    message = ReadOnly("The same in words.", ROW_ERROR_PROPERTIES["message"])
    value = ReadOnly("What the cell has.", ROW_ERROR_PROPERTIES["value"])


IMPORT: Final = Import()
EXAMPLE: Final[dict[str, Any]] = {
    "id": 3,
    "kind": "projects",
    "dry_run": False,
    "state": "running",
    "file_name": "projects-2026.xlsx",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "total": 1200,
    "processed": 500,
    "created": 480,
    "updated": 11,
    "unchanged": 8,
    "rejected": 1,
    "queued_at": "2026-03-02T06:00:00.000000Z",
    "started_at": "2026-03-02T06:00:01.000000Z",
    "finished_at": None,
    "failure": None,
    "columns": [{"header": "БИН", "field": "agency"}, {"header": "Примечание", "field": None}],
    "warnings": [{"code": "column-left-out", "message": 'The column "Примечание" is not known and was left out.'}],
}


QUEUED_EXAMPLE: Final[dict[str, Any]] = {
    **EXAMPLE,
    "state": "queued",
    **dict.fromkeys(("processed", "created", "updated", "unchanged", "rejected"), 0),
}


def visible(run: ImportRun) -> dict[str, Any]:
    """The import in the caller's language; its entity tag is made from exactly that."""
    shown = {name: getattr(run, name) for name in IMPORT.fields if name not in ("columns", "warnings")}
    layout = run.layout or {"headers": [], "columns": []}
    shown["columns"] = [
        {"header": header, "field": name}
        for header, name in zip(layout["headers"], layout["columns"], strict=True)
        if header
    ]
    shown["warnings"] = [
        {"code": each["code"], "message": message(each["code"], request_locale(), each["params"])}
        for each in run.warnings or []
    ]
    if run.failure is not None:
        shown["failure"] = message(run.failure, request_locale())
    blp.set_etag(("import", *map(repr, shown.values())))
    return shown


@blp.route("/imports")
class Imports(MethodView):
    """All imports."""

    @blp.requires(Permission.IMPORTS_RUN)
    @blp.doc(operationId="create_import")
    @blp.arguments(ImportForm(), location="multipart")
    @blp.idempotent
    @blp.etag
    @blp.response(
        202, IMPORT, description="Taken in; `Location` tells how far it is.", example=QUEUED_EXAMPLE, headers=LOCATION
    )
    def post(self, form: Mapping[str, Any]) -> Any:
        """Import a file of projects or agencies.

        A project that its agency and external id name already is changed, others are registered. An empty cell clears a
        field, an absent column leaves it. A bad row is reported and does not stop the rest.
        """
        file: SentFile = form["file"]
        options = ImportOptions(form["mapping"], form["strict"])
        run = queue_import(current_actor(), form["kind"], form["dry_run"], file.name, file.content, options)
        return visible(run), {"Location": f"{API_PREFIX}/imports/{run.id}"}


@blp.route("/imports/<row_id:id>")
class ImportById(MethodView):
    """One import."""

    @blp.requires(Permission.IMPORTS_RUN)
    @blp.doc(operationId="read_one_import")
    @blp.etag
    @blp.response(200, IMPORT, example=EXAMPLE)
    def get(self, id: int) -> Any:
        """See how far an import is. It shows to who sent it and to administrators."""
        return visible(find_import(current_actor(), id))


@blp.route("/imports/<row_id:id>/errors")
class ImportErrors(MethodView):
    """The bad rows of an import."""

    @blp.requires(Permission.IMPORTS_RUN)
    @blp.doc(operationId="list_import_errors")
    @blp.arguments(list_query(sorts=("row",)), location="query")
    @blp.response(200, PageSchema(RowError()), example={"items": [ROW_ERROR_EXAMPLE], "next": None}, headers=LINK)
    def get(self, query: ListArguments, id: int) -> Any:
        """List what was wrong in which row, in the order of the rows."""
        listing = errors_of(current_actor(), find_import(current_actor(), id), query.page)
        return page_response(Listing([row_error(error, request_locale()) for error in listing.items], listing.next))
