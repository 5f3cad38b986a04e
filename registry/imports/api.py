"""The imports endpoints: a file is taken in at once and worked off in the background."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask.views import MethodView

from registry.accounts.roles import Permission
from registry.api.blueprint import API_PREFIX, ApiBlueprint, current_actor
from registry.api.operation_docs import LINK, LOCATION
from registry.api.pages import PageSchema, page_response
from registry.api.query_schemas import ListArguments, list_query
from registry.api.uploads import (
    ROW_ERROR_EXAMPLE,
    ROW_ERROR_PROPERTIES,
    TABLE_TEXT,
    FormText,
    UploadedFile,
    dry_run_field,
    row_error,
)
from registry.core.field_types import Choice
from registry.core.messages import message
from registry.core.pagination import Listing
from registry.core.schema_fields import Body, Moment, Shown
from registry.http.locale import request_locale
from registry.http.request_bodies import SentFile
from registry.imports.models import ImportRun
from registry.imports.service import errors_of, find_import, queue_import
from registry.imports.vocabulary import ImportKind, ImportState

blp = ApiBlueprint("imports", __name__, description="Files of projects or agencies, worked off row by row.")

COUNT: Final = {"type": "integer", "minimum": 0}
KIND_SCHEMA: Final = {"type": "string", "enum": list(ImportKind.codes())}


class ImportForm(Body):
    """A file to import."""

    file = UploadedFile(TABLE_TEXT)
    kind = FormText(Choice(ImportKind.codes()), "What the rows are.", KIND_SCHEMA, required=True)
    dry_run = dry_run_field()


class Import(Body):
    """One file and how far it is worked off."""

    id = Shown("Its id.", {"type": "integer"})
    kind = Shown("What the rows are.", {"type": "string", "enum": list(ImportKind.codes())})
    dry_run = Shown("True when nothing is written.", {"type": "boolean"})
    state = Shown("`done` also when rows were rejected.", {"type": "string", "enum": list(ImportState.codes())})
    file_name = Shown("The file's name.", {"type": "string"})
    sha256 = Shown("SHA-256 of the file, in hex.", {"type": "string"})
    total = Shown("Rows in the file.", COUNT)
    processed = Shown("Rows worked off.", COUNT)
    created = Shown("Rows that made something new.", COUNT)
    updated = Shown("Rows that changed something.", COUNT)
    unchanged = Shown("Rows that said what was there.", COUNT)
    rejected = Shown("Rows that were refused; `/errors` tells why.", COUNT)
    queued_at = Moment("When it was taken in.")
    started_at = Moment("When the work began.", nullable=True)
    finished_at = Moment("When it ended.", nullable=True)
    failure = Shown("Why it could not be finished.", {"type": ["string", "null"]})


class RowError(Body):
    """One wrong cell, or one wrong row."""

    row = Shown("Where.", ROW_ERROR_PROPERTIES["row"])
    column = Shown("In which column.", ROW_ERROR_PROPERTIES["column"])
    code = Shown("What is wrong.", ROW_ERROR_PROPERTIES["code"])
    message = Shown("The same in words.", ROW_ERROR_PROPERTIES["message"])


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
}


QUEUED_EXAMPLE: Final[dict[str, Any]] = {
    **EXAMPLE,
    "state": "queued",
    **dict.fromkeys(("processed", "created", "updated", "unchanged", "rejected"), 0),
}


def visible(run: ImportRun) -> dict[str, Any]:
    """The import in the caller's language; its entity tag is made from exactly that."""
    shown = {name: getattr(run, name) for name in IMPORT.fields}
    if run.failure is not None:
        shown["failure"] = message(run.failure, request_locale())
    blp.set_etag(("import", *shown.values()))
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
        run = queue_import(current_actor(), form["kind"], form["dry_run"], file.name, file.content)
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
