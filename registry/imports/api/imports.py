"""The imports endpoints: a file is taken in at once and worked off in the background."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import Response
from flask.views import MethodView

from registry.accounts.roles import Permission
from registry.api.blueprint import API_PREFIX, ApiBlueprint, current_actor
from registry.api.operation_docs import CONTENT_DISPOSITION, ERROR_NAMES, LINK, LOCATION
from registry.api.pages import PageSchema, page_response
from registry.api.parameters import ListArguments, filter_query, list_query
from registry.api.uploads import ROW_ERROR_EXAMPLE, row_error
from registry.core.errors import Malformed, Problem
from registry.core.lists import Listing
from registry.core.messages import message
from registry.http.downloads import XLSX, xlsx_download
from registry.http.locale import request_locale
from registry.http.query_parameters import Parameter
from registry.http.request_bodies import SentFile
from registry.imports.answers import answer_questions
from registry.imports.api.schemas import (
    DRY_RUN_EXAMPLE,
    EXAMPLE,
    IMPORT,
    PREVIEWED_EXAMPLE,
    QUEUED_EXAMPLE,
    Answers,
    ImportForm,
    PreviewedRow,
    RowError,
    Undo,
)
from registry.imports.error_texts import row_error_text
from registry.imports.marked_file import marked_import, write_marked_file
from registry.imports.models import ImportRun
from registry.imports.queries import errors_of, find_import, import_page, may_read_rows, previewed_rows
from registry.imports.service import ImportOptions, queue_import, run_dry_run
from registry.imports.template_file import write_template
from registry.imports.undo import undo_import
from registry.imports.vocabulary import OUTCOMES, ImportKind

blp = ApiBlueprint("imports", __name__, description="Files of projects or agencies, worked off row by row.")
OUTCOME: Final = Parameter("outcome", "Rows with this outcome.", {"type": "string", "enum": list(OUTCOMES)})
ONLY: Final = Parameter("only", "`wrong`: without the right rows.", {"type": "string", "enum": ["wrong"]})
KIND: Final = Parameter(
    "kind", "What the rows are.", {"type": "string", "enum": list(ImportKind.codes()), "default": "projects"}
)


def visible(run: ImportRun) -> dict[str, Any]:
    """The import in the caller's language; its entity tag is made from exactly that."""
    shown = shown_import(run)
    blp.set_etag(("import", *map(repr, shown.values())))
    return shown


def shown_import(run: ImportRun) -> dict[str, Any]:
    """The import in the caller's language."""
    shown = {name: getattr(run, name) for name in IMPORT.fields if name not in ("columns", "warnings")}
    layout = run.layout or {"headers": [], "columns": []}
    shown["columns"] = [
        {"header": header, "field": name}
        for header, name in zip(layout["headers"], layout["columns"], strict=True)
        if header
    ]
    if not may_read_rows(current_actor(), run):
        shown["undone"] = None
    shown["warnings"] = [
        {"code": each["code"], "message": message(each["code"], request_locale(), each["params"])}
        for each in run.warnings or []
    ]
    if run.failure is not None:
        shown["failure"] = message(run.failure, request_locale())
    return shown


@blp.route("/imports")
class Imports(MethodView):
    """All imports."""

    @blp.requires(Permission.IMPORTS_RUN)
    @blp.doc(operationId="list_all_imports")
    @blp.arguments(list_query(), location="query")
    @blp.response(200, PageSchema(IMPORT), example={"items": [EXAMPLE], "next": None}, headers=LINK)
    def get(self, query: ListArguments) -> Any:
        """List earlier imports, newest first: one's own, to administrators all."""
        listing = import_page(current_actor(), query.page)
        return page_response(Listing([shown_import(run) for run in listing.items], listing.next))

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

        A project that its number, or its agency and external id, name already is changed, others are registered. A row
        that would make another project of it, or that resembles a registered one without naming it, needs an answer. An
        empty cell clears a field, an absent column leaves it. A bad row is reported and does not stop the rest.
        """
        file: SentFile = form["file"]
        options = ImportOptions(form["mapping"], form["strict"], form["change_reason"], form["answers"])
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
        """See how far an import is. It shows to who sent it and to administrators.

        What an undo did is null where the rows may be about restricted projects, which the caller may not read.
        """
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
        run = find_import(current_actor(), id)
        listing = errors_of(current_actor(), run, query.page)
        locale = request_locale()
        shown = [
            {**row_error(error, locale), "message": row_error_text(run.kind, error, locale)} for error in listing.items
        ]
        return page_response(Listing(shown, listing.next))


@blp.route("/imports/<row_id:id>/rows")
class ImportRows(MethodView):
    """What a dry run would do."""

    @blp.requires(Permission.IMPORTS_RUN)
    @blp.doc(operationId="list_import_rows")
    @blp.arguments(list_query((OUTCOME,)), location="query")
    @blp.response(200, PageSchema(PreviewedRow()), example={"items": [PREVIEWED_EXAMPLE], "next": None}, headers=LINK)
    def get(self, query: ListArguments, id: int) -> Any:
        """See each row of a dry run as it would be: created, updated with old and new values, unchanged, rejected."""
        outcome = query.filters.get("outcome")
        if outcome is not None and outcome not in OUTCOMES:
            raise Malformed([Problem("outcome", "not-a-choice", {"options": ", ".join(OUTCOMES)})])
        actor = current_actor()
        return page_response(previewed_rows(actor, find_import(actor, id), query.page, outcome))


@blp.route("/imports/<row_id:id>/answers")
class ImportAnswers(MethodView):
    """The answers to the questions of a dry run."""

    @blp.requires(Permission.IMPORTS_RUN)
    @blp.doc(operationId="answer_import")
    @blp.arguments(Answers(), example={"answers": {"12": "same", "15": "new"}})
    @blp.idempotent
    @blp.etag
    @blp.response(200, IMPORT, example=DRY_RUN_EXAMPLE)
    def post(self, values: Mapping[str, Any], id: int) -> Any:
        """Say of rows of a dry run whether they are the registered project that they resemble, or a new one.

        Rows that are not named keep their answers. A row without an answer is not written when the file is imported.
        """
        return visible(answer_questions(current_actor(), id, values["answers"]))


@blp.route("/imports/<row_id:id>/undo")
class ImportUndo(MethodView):
    """The undo of an import."""

    @blp.requires(Permission.IMPORTS_RUN, Permission.PROJECTS_WRITE)
    @blp.doc(operationId="undo_import")
    @blp.arguments(Undo(), example={"reason": "The column of the contract was taken for another one."})
    @blp.idempotent
    @blp.etag
    @blp.response(200, IMPORT, example=EXAMPLE)
    def post(self, values: Mapping[str, Any], id: int) -> Any:
        """Undo an import as a whole, within 30 days, as who ran it or an administrator of its agency.

        Values of before come back where nothing has changed since. What has, and what would end a serious flag, is
        left and listed in `undone`. New projects are withdrawn when a reviewer agrees; new agencies stay.
        """
        return visible(undo_import(current_actor(), id, values["reason"]))


@blp.route("/imports/<row_id:id>/run")
class ImportRunOfDryRun(MethodView):
    """The import of a dry run's file."""

    @blp.requires(Permission.IMPORTS_RUN)
    @blp.doc(operationId="run_import")
    @blp.idempotent
    @blp.etag
    @blp.response(
        202, IMPORT, description="Taken in; `Location` tells how far it is.", example=QUEUED_EXAMPLE, headers=LOCATION
    )
    def post(self, id: int) -> Any:
        """Import the file of a dry run, without sending it again: kept for seven days, and until it is imported."""
        run = run_dry_run(current_actor(), id)
        return visible(run), {"Location": f"{API_PREFIX}/imports/{run.id}"}


@blp.route("/imports/<row_id:id>/errors.xlsx")
class MarkedFile(MethodView):
    """The file with its wrong cells marked."""

    @blp.requires(Permission.IMPORTS_RUN)
    @blp.doc(operationId="download_marked_import", responses={409: ERROR_NAMES[409]})
    @blp.arguments(filter_query((ONLY,)), location="query")
    @blp.response(200, {}, content_type=XLSX, description="The marked file.", headers=CONTENT_DISPOSITION)
    def get(self, query: Mapping[str, str], id: int) -> Response:
        """Download the file as a workbook: wrong cells are marked and carry their errors as comments.

        Kept for seven days after the end of a dry run or of an import with wrong rows.
        """
        only = query.get("only")
        if only not in (None, "wrong"):
            raise Malformed([Problem("only", "not-a-choice", {"options": "wrong"})])
        run = marked_import(current_actor(), id)
        locale = request_locale()
        return xlsx_download(
            "import-errors", lambda path: write_marked_file(path, run, locale, only_wrong=only is not None)
        )


@blp.route("/imports/template.xlsx")
class ImportTemplate(MethodView):
    """An empty table to fill in."""

    @blp.requires(Permission.IMPORTS_RUN)
    @blp.doc(operationId="download_import_template")
    @blp.arguments(filter_query((KIND,)), location="query")
    @blp.response(200, {}, content_type=XLSX, description="The template.", headers=CONTENT_DISPOSITION)
    def get(self, query: Mapping[str, str]) -> Response:
        """Download a workbook to fill in, in the language of the request: drop-down lists, notes, an example row."""
        kind = query.get("kind", ImportKind.PROJECTS.value)
        if kind not in ImportKind.codes():
            raise Malformed([Problem("kind", "not-a-choice", {"options": ", ".join(ImportKind.codes())})])
        locale = request_locale()
        return xlsx_download(f"{kind}-template", lambda path: write_template(path, kind, locale))
