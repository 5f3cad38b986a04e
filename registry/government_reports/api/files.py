"""A report to the Government as files: its figures as data and as a table, its document as PDF."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import Response
from flask.views import MethodView

from registry.accounts.roles import Permission
from registry.api.blueprint import ApiBlueprint, current_actor
from registry.api.operation_docs import CONTENT_DISPOSITION
from registry.api.query_schemas import QueryParameter
from registry.core.fields import Choice
from registry.core.languages import OFFICIAL_LANGUAGES
from registry.core.spreadsheets.writer import table_as_csv
from registry.government_reports.api.version_query import VersionQuery
from registry.government_reports.export import HEADER, export_rows
from registry.government_reports.pdf import pdf_name, pdf_of_report
from registry.government_reports.queries import content_of, data_of_report, document_number, find_government_report
from registry.http.downloads import CSV, PDF, csv_download, pdf_download
from registry.http.query_parameters import Parameter

blp = ApiBlueprint("government-report-files", __name__, description="Reports to the Government as files.")
READ: Final = Permission.GOVERNMENT_REPORTS_READ
JSON: Final = "application/json"
LANGUAGE: Final = Parameter(
    "language",
    "The language of the document.",
    {"type": "string", "enum": list(OFFICIAL_LANGUAGES), "default": OFFICIAL_LANGUAGES[0]},
)


class DocumentQuery(VersionQuery):
    """Which version is read, and in which language."""

    language = QueryParameter(LANGUAGE, Choice(OFFICIAL_LANGUAGES))


@blp.route("/government-reports/<report_number>.pdf")
class GovernmentReportPdf(MethodView):
    """The document."""

    @blp.requires(READ)
    @blp.doc(operationId="download_government_report_as_pdf")
    @blp.arguments(DocumentQuery(), location="query")
    @blp.response(200, {}, content_type=PDF, description="PDF/A-2u.", headers=CONTENT_DISPOSITION)
    def get(self, query: Mapping[str, Any], report_number: str) -> Response:
        """Download a report as PDF/A-2u in Kazakh or Russian, with the figures that the caller may see."""
        actor = current_actor()
        report = find_government_report(actor, report_number, query.get("version"))
        language = query.get("language", OFFICIAL_LANGUAGES[0])
        content = content_of(actor, report)
        return pdf_download(pdf_name(content, language), pdf_of_report(content, language))


@blp.route("/government-reports/<report_number>/data.json")
class GovernmentReportData(MethodView):
    """The frozen figures."""

    @blp.requires(READ)
    @blp.doc(operationId="download_government_report_data")
    @blp.arguments(VersionQuery(), location="query")
    @blp.etag
    @blp.response(200, {}, content_type=JSON, description="Canonical JSON; `data_sha256` is the SHA-256 of its bytes.")
    def get(self, query: Mapping[str, Any], report_number: str) -> Response:
        """Download the frozen figures. Restricted projects count for those who may see them."""
        report = find_government_report(current_actor(), report_number, query.get("version"))
        data, digest = data_of_report(current_actor(), report)
        blp.set_etag(digest)
        return Response(data.encode(), content_type=JSON)


@blp.route("/exports/government-reports/<report_number>.csv")
class GovernmentReportCsv(MethodView):
    """The figures as CSV."""

    @blp.requires(READ)
    @blp.doc(operationId="export_government_report_as_csv")
    @blp.arguments(VersionQuery(), location="query")
    @blp.response(200, {}, content_type=CSV, description="One row a figure.", headers=CONTENT_DISPOSITION)
    def get(self, query: Mapping[str, Any], report_number: str) -> Response:
        """Export the frozen figures as CSV: table, key, measure and value."""
        report = find_government_report(current_actor(), report_number, query.get("version"))
        rows = export_rows(current_actor(), report)
        number = document_number(current_actor(), report)
        return csv_download(f"government-report-{number}-{report.version}", table_as_csv(HEADER, rows))
