"""The endpoints of reports to the Government, and the reports as files."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from flask import Response
from flask.views import MethodView

from registry.accounts.roles import Permission
from registry.api.blueprint import API_PREFIX, CONTENT_DISPOSITION, LOCATION, ApiBlueprint, current_actor
from registry.api.parameters import ListArguments, QueryParameter, QuerySchema
from registry.core.database import transaction
from registry.core.fields import Choice, WholeNumber
from registry.core.spreadsheets.writer import table_as_csv
from registry.core.translations import OFFICIAL_LANGUAGES
from registry.core.values import read_whole_number
from registry.government_reports import queries, schemas, service
from registry.government_reports.document import pdf_name, pdf_of_report
from registry.government_reports.models import GovernmentReport
from registry.http.requests import Parameter
from registry.http.responses import CSV, PDF, csv_download, make_tag, pdf_download, require_fresh_if_named
from registry.signatures.service import SignedAct, check_signature

# Which version of a report a request reads.

LARGEST: Final = 2**31 - 1
VERSION: Final = Parameter(
    "version", "An earlier version; the newest by default.", {"type": "integer", "minimum": 1, "maximum": LARGEST}
)


class VersionNumber(WholeNumber):
    """A whole number as a query parameter."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        return super()._deserialize(read_whole_number(str(value)), attr, data, **kwargs)


class VersionQuery(QuerySchema):
    """Which version is read."""

    version = QueryParameter(VERSION, VersionNumber(1, LARGEST))


# A report to the Government as files: its figures as data and as a table, its document as PDF.

files_blp = ApiBlueprint("government-report-files", __name__, description="Reports to the Government as files.")
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


@files_blp.route("/government-reports/<report_number>.pdf", methods=["GET"])
@files_blp.requires(READ, operation="download_government_report_as_pdf")
@files_blp.arguments(DocumentQuery(), location="query")
@files_blp.response(200, {}, content_type=PDF, description="PDF/A-2u.", headers=CONTENT_DISPOSITION)
def download_government_report_as_pdf(query: Mapping[str, Any], report_number: str) -> Response:
    """Download a report as PDF/A-2u in Kazakh or Russian, with the figures that the caller may see."""
    actor = current_actor()
    report = queries.find_government_report(actor, report_number, query.get("version"))
    language = query.get("language", OFFICIAL_LANGUAGES[0])
    content = queries.content_of(actor, report)
    return pdf_download(pdf_name(content, language), pdf_of_report(content, language))


@files_blp.route("/government-reports/<report_number>/data.json", methods=["GET"])
@files_blp.requires(READ, operation="download_government_report_data")
@files_blp.arguments(VersionQuery(), location="query")
@files_blp.etag
@files_blp.response(
    200, {}, content_type=JSON, description="Canonical JSON; `data_sha256` is the SHA-256 of its bytes."
)
def download_government_report_data(query: Mapping[str, Any], report_number: str) -> Response:
    """Download the frozen figures. Restricted projects count for those who may see them."""
    report = queries.find_government_report(current_actor(), report_number, query.get("version"))
    data, digest = queries.data_of_report(current_actor(), report)
    return files_blp.tagged(Response(data.encode(), content_type=JSON), digest)


@files_blp.route("/exports/government-reports/<report_number>.csv", methods=["GET"])
@files_blp.requires(READ, operation="export_government_report_as_csv")
@files_blp.arguments(VersionQuery(), location="query")
@files_blp.response(200, {}, content_type=CSV, description="One row a figure.", headers=CONTENT_DISPOSITION)
def export_government_report_as_csv(query: Mapping[str, Any], report_number: str) -> Response:
    """Export the frozen figures as CSV: table, key, measure and value."""
    report = queries.find_government_report(current_actor(), report_number, query.get("version"))
    rows = queries.export_rows(current_actor(), report)
    number = queries.document_number(current_actor(), report)
    return csv_download(f"government-report-{number}-{report.version}", table_as_csv(queries.HEADER, rows))


# The endpoints of reports to the Government: prepared, frozen, reviewed by two people, issued and corrected.

blp = ApiBlueprint(
    "government-reports", __name__, description="Reports to the Government and the President of the Republic."
)
WRITE: Final = Permission.GOVERNMENT_REPORTS_WRITE
APPROVE: Final = Permission.GOVERNMENT_REPORTS_APPROVE


def etag_data(report: GovernmentReport) -> tuple[object, ...]:
    """Return what the entity tag is made from; what is shown also depends on the date, the caller and later
    versions.
    """
    shown = queries.show_report(current_actor(), report)
    state = (
        shown["is_overdue"],
        shown["last_audit"],
        shown["data_sha256"],
        len(shown["versions"]),
        len(shown["changes"]),
    )
    return "government-report", report.id, report.revision, *state


def answer(report: GovernmentReport) -> dict[str, Any]:
    """Return the report as the caller sees it, with its entity tag."""
    return blp.tagged(queries.show_report(current_actor(), report), etag_data(report))


def _require_state(report: GovernmentReport) -> None:
    require_fresh_if_named(make_tag(*etag_data(report)))


@blp.route("/government-reports")
class GovernmentReports(MethodView):
    """All reports."""

    @blp.listing(queries.GOVERNMENT_REPORT_LIST, schemas.SUMMARY, operation="list_all_government_reports")
    def get(self, query: ListArguments) -> Any:
        """List reports, each as its newest version, the last begun first. Sort by id or due_on."""
        return queries.GOVERNMENT_REPORT_LIST.read(current_actor(), *query)

    @blp.requires(WRITE, operation="create_government_report")
    @blp.arguments(schemas.REPORT_BODY)
    @blp.etag
    @blp.response(201, schemas.REPORT, description="Begun.", headers=LOCATION)
    def post(self, values: Mapping[str, Any]) -> Any:
        """Begin a report. It gets the next number of the year."""
        report = service.begin_government_report(current_actor(), values)
        return answer(report), {"Location": f"{API_PREFIX}/government-reports/{report.number}"}


@blp.route("/government-reports/<report:report_number>")
class GovernmentReportByNumber(MethodView):
    """One report."""

    @blp.requires(READ, operation="read_government_report")
    @blp.arguments(VersionQuery(), location="query")
    @blp.etag
    @blp.response(200, schemas.REPORT)
    def get(self, query: Mapping[str, Any], report_number: str) -> Any:
        """Read a report."""
        return answer(queries.find_government_report(current_actor(), report_number, query.get("version")))

    @blp.requires(WRITE, operation="patch_government_report")
    @blp.etag
    @blp.arguments(schemas.REPORT_PATCH, location="merge_patch")
    @blp.response(200, schemas.REPORT)
    def patch(self, values: Mapping[str, Any], report_number: str) -> Any:
        """Change a report that is neither under review nor issued. A text that is null is cleared."""
        with transaction():
            report = queries.find_report_to_change(report_number)
            blp.check_etag(etag_data(report))
            return answer(service.change_government_report(current_actor(), report, values))

    @blp.requires(WRITE, operation="delete_government_report")
    @blp.honours("IfMatch")
    @blp.response(204)
    def delete(self, report_number: str) -> None:
        """Delete a draft: of a first version only the last number of its year, so that the numbers have no gap.

        With `If-Match`, only in the state that was read.
        """
        with transaction():
            service.delete_government_report(current_actor(), report_number, _require_state)


@blp.route("/government-reports/<report_number>/freeze", methods=["POST"])
@blp.requires(WRITE, operation="freeze_government_report")
@blp.arguments(schemas.NoDetails, required=False)
@blp.etag
@blp.response(200, schemas.REPORT)
def freeze_government_report(_values: Mapping[str, Any], report_number: str) -> Any:
    """Freeze the figures as they are now, after the last successful audit; freezing again replaces them."""
    return answer(service.freeze_figures(current_actor(), report_number))


@blp.route("/government-reports/<report_number>/submission", methods=["POST"])
@blp.requires(WRITE, operation="submit_government_report")
@blp.arguments(schemas.NoDetails, required=False)
@blp.etag
@blp.response(200, schemas.REPORT)
def submit_government_report(_values: Mapping[str, Any], report_number: str) -> Any:
    """Submit a report for review. Every section is written in Kazakh and Russian, and the figures are frozen."""
    return answer(service.submit_government_report(current_actor(), report_number))


def _verified_signature(values: Mapping[str, Any], report_number: str) -> SignedAct | None:
    actor = current_actor()
    return check_signature(actor, values.get("signature"), partial(service.read_act_to_sign, actor, report_number))


@blp.route("/government-reports/<report_number>/approval", methods=["POST"])
@blp.requires(APPROVE, operation="approve_government_report")
@blp.honours("IfMatch")
@blp.arguments(schemas.SignedApproval, required=False)
@blp.idempotent(verify=_verified_signature)
@blp.etag
@blp.response(200, schemas.REPORT)
def approve_government_report(_values: Mapping[str, Any], report_number: str, verified: SignedAct | None) -> Any:
    """Approve a report as one of two people who did not write it; the second, a supervisor, issues it.

    With `If-Match`, only the state that was read is approved.
    """
    with transaction():
        report = queries.find_report_to_change(report_number)
        _require_state(report)
        # Also when this approval issues the report.
        last = queries.last_audit_of(report)
        return answer(service.approve_government_report(current_actor(), report, signed=verified)) | {
            "last_audit": last
        }


@blp.route("/government-reports/<report_number>/return", methods=["POST"])
@blp.requires(APPROVE, operation="return_government_report")
@blp.arguments(schemas.RETURN)
@blp.etag
@blp.response(200, schemas.REPORT)
def return_government_report(values: Mapping[str, Any], report_number: str) -> Any:
    """Return a report to its authors with a remark."""
    return answer(service.return_government_report(current_actor(), report_number, values["remark"]))


@blp.route("/government-reports/<report_number>/corrections", methods=["POST"])
@blp.requires(WRITE, operation="correct_government_report")
@blp.arguments(schemas.CORRECTION)
@blp.etag
@blp.response(201, schemas.REPORT, description="The next version is begun.", headers=LOCATION)
def correct_government_report(values: Mapping[str, Any], report_number: str) -> Any:
    """Begin the next version of an issued report, with its texts and figures. The issued version stays."""
    report = service.correct_government_report(current_actor(), report_number, values["reason"], values["due_on"])
    return answer(report), {"Location": f"{API_PREFIX}/government-reports/{report.number}"}
