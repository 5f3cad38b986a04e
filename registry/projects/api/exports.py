"""The exports endpoints: everything known of the projects that the caller may see."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response
from flask.views import MethodView

from registry.accounts.roles import Permission
from registry.api.blueprint import CONTENT_DISPOSITION, ApiBlueprint, current_actor
from registry.api.parameters import filter_query
from registry.core.errors import Malformed, Problem
from registry.core.translations import Language
from registry.http.downloads import CSV, NDJSON, XLSX, csv_download, ndjson_download, xlsx_download
from registry.http.parameters import Parameter
from registry.http.request_context import request_locale
from registry.journal.read_replica import use_read_replica
from registry.projects.api.query_parameters import PROJECT_PARAMETERS
from registry.projects.exports import export_csv, export_ndjson, export_xlsx

blp = ApiBlueprint("exports", __name__, description="Exports of lists.")
# Under its former name, generated clients have a variable of their own.
HEADER_ROW = Parameter(
    "header_row",
    "`codes`, or `labels` in the language of the request; imports read both.",
    {"type": "string", "enum": ["codes", "labels"], "default": "codes"},
    former="headers",
)
QUERY = filter_query((*PROJECT_PARAMETERS, HEADER_ROW))
DESCRIPTION = "One row a project."


@blp.route("/exports/projects.csv")
class ProjectsCsv(MethodView):
    """Projects as CSV."""

    @blp.requires(Permission.PROJECTS_READ)
    @blp.doc(operationId="export_projects_as_csv")
    @blp.arguments(QUERY, location="query")
    @blp.response(200, {}, content_type=CSV, description=DESCRIPTION, headers=CONTENT_DISPOSITION)
    def get(self, filters: Mapping[str, str]) -> Response:
        """Export projects as CSV: UTF-8, every field. It can be edited and imported again."""
        filters, labels_in = _headers(filters)
        use_read_replica(for_export=True)
        return csv_download("projects", export_csv(current_actor(), filters, labels_in=labels_in))


@blp.route("/exports/projects.xlsx")
class ProjectsXlsx(MethodView):
    """Projects as a workbook."""

    @blp.requires(Permission.PROJECTS_READ)
    @blp.doc(operationId="export_projects_as_xlsx")
    @blp.arguments(QUERY, location="query")
    @blp.response(200, {}, content_type=XLSX, description=DESCRIPTION, headers=CONTENT_DISPOSITION)
    def get(self, filters: Mapping[str, str]) -> Response:
        """Export projects as an Excel workbook. It can be edited and imported again."""
        actor = current_actor()
        filters, labels_in = _headers(filters)
        use_read_replica(for_export=True)
        return xlsx_download("projects", lambda path: export_xlsx(actor, filters, path, labels_in=labels_in))


@blp.route("/exports/projects.ndjson")
class ProjectsNdjson(MethodView):
    """Projects as lines of JSON."""

    @blp.requires(Permission.PROJECTS_READ)
    @blp.doc(operationId="export_projects_as_ndjson")
    @blp.arguments(filter_query(PROJECT_PARAMETERS), location="query")
    @blp.response(200, {}, content_type=NDJSON, description="One line a project.", headers=CONTENT_DISPOSITION)
    def get(self, filters: Mapping[str, str]) -> Response:
        """Export projects as NDJSON: one line a project, each as `GET /projects/{number}` has it."""
        use_read_replica(for_export=True)
        return ndjson_download("projects", export_ndjson(current_actor(), filters))


def _headers(sent: Mapping[str, str]) -> tuple[dict[str, str], Language | None]:
    """The filters, and the language of the headers. Raises Malformed."""
    filters = dict(sent)
    named = filters.pop(HEADER_ROW.name, "codes")
    if named not in ("codes", "labels"):
        raise Malformed([Problem(HEADER_ROW.name, "not-a-choice", {"options": "codes, labels"})])
    return filters, request_locale() if named == "labels" else None
