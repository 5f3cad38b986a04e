"""Pages that show reports to the Government: the list, one report, the printed document, and downloads."""

from __future__ import annotations

from typing import Any, Final

from flask import render_template, request, url_for

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.core.fields import WholeNumber
from registry.core.spreadsheets.writer import table_as_csv, table_as_xlsx
from registry.core.value_checks import InvalidValue
from registry.core.values.numbers import read_whole_number
from registry.government_reports.change_rows import change_rows
from registry.government_reports.document import document, figure_tables
from registry.government_reports.export import HEADER, export_rows
from registry.government_reports.models import GovernmentReport
from registry.government_reports.pdf import pdf_name, pdf_of_report
from registry.government_reports.queries import (
    GovernmentReportNotFound,
    content_of,
    data_of_report,
    document_number,
    find_government_report,
    list_government_reports,
    reads_whole_report,
    show_report,
)
from registry.government_reports.review import may_approve
from registry.government_reports.vocabulary import WRITTEN_IN, GovernmentReportStatus, Section
from registry.http.downloads import csv_download, document_download, pdf_download, xlsx_download
from registry.web.blueprint import Answer, pages
from registry.web.current_user import page_locale
from registry.web.forms import Form
from registry.web.lists import first_address, next_address, requested_filters, requested_page

READ: Final = Permission.GOVERNMENT_REPORTS_READ
FILTERS: Final = ("status", "overdue")
LANGUAGES: Final = f"any({','.join(WRITTEN_IN)})"
SHOWN_ROWS: Final = 25
SHOWN_CHANGES: Final = 50
VERSION: Final = WholeNumber(1, 2**31 - 1)


@pages.page("/government-reports", needs=READ)
def government_reports(actor: Actor) -> Answer:
    """List the reports, each as its newest version, with due dates."""
    filters = requested_filters(FILTERS)
    listing = list_government_reports(actor, filters, requested_page())
    return render_template(
        "government_reports/list.html",
        items=listing.items,
        filters=filters,
        statuses=[(status.value, status.label) for status in GovernmentReportStatus],
        may_write=actor.may(Permission.GOVERNMENT_REPORTS_WRITE),
        next_address=next_address(listing.next),
        first_address=first_address(),
    )


@pages.page("/government-reports/<report_number>", needs=READ)
def government_report(actor: Actor, report_number: str) -> Answer:
    """Show a report, by default its newest version, and what can be done with it."""
    return report_page(actor, requested_report(actor, report_number), Form())


@pages.page(f"/government-reports/<report_number>/document/<{LANGUAGES}:language>", needs=READ)
def government_report_document(actor: Actor, report_number: str, language: str) -> Answer:
    """Show the document in Kazakh or Russian, to be printed."""
    report = requested_report(actor, report_number)
    return render_template(
        "government_reports/document.html",
        number=document_number(actor, report),
        document=document(content_of(actor, report), language),
        back=url_for("web.government_report", report_number=report.number, version=report.version),
    )


@pages.page("/government-reports/<report_number>.pdf", needs=READ)
def government_report_as_pdf(actor: Actor, report_number: str) -> Answer:
    """Download the document as PDF/A, in the requested language, else in the page's, else in Russian."""
    report = requested_report(actor, report_number)
    language = next((each for each in (request.args.get("language"), page_locale()) if each in WRITTEN_IN), "ru")
    content = content_of(actor, report)
    return pdf_download(pdf_name(content, language), pdf_of_report(content, language))


@pages.page("/government-reports/<report_number>/figures.<any(csv, json, xlsx):ending>", needs=READ)
def government_report_figures(actor: Actor, report_number: str, ending: str) -> Answer:
    """Download the frozen figures: canonical JSON with the SHA-256 of the report, or a table."""
    report = requested_report(actor, report_number)
    name = f"government-report-{document_number(actor, report)}-{report.version}"
    if ending == "json":
        data, _digest = data_of_report(actor, report)
        return document_download(f"{name}.json", data.encode())
    rows = export_rows(actor, report)
    if ending == "csv":
        return csv_download(name, table_as_csv(HEADER, rows))
    return xlsx_download(name, lambda path: table_as_xlsx(path, "figures", HEADER, rows))


def requested_report(actor: Actor, number: str) -> GovernmentReport:
    """The requested version of the report. Raises GovernmentReportNotFound."""
    version = request.args.get("version", "")
    if not version:
        return find_government_report(actor, number)
    try:
        return find_government_report(actor, number, VERSION.deserialize(read_whole_number(version)))
    except InvalidValue as error:
        raise GovernmentReportNotFound(number=number) from error


def report_page(actor: Actor, report: GovernmentReport, form: Form) -> str:
    """The page of a version, with a form that was sent."""
    shown: dict[str, Any] = show_report(actor, report)
    content = content_of(actor, report)
    is_newest = report.version == shown["versions"][-1]
    may_write = is_newest and actor.is_person and actor.may(Permission.GOVERNMENT_REPORTS_WRITE)
    in_review = report.status == GovernmentReportStatus.IN_REVIEW
    return render_template(
        "government_reports/detail.html",
        report=shown,
        revision=report.revision,
        form=form,
        sections=[section.value for section in Section],
        written_in=WRITTEN_IN,
        tables=[] if content.figures is None else figure_tables(content.figures, page_locale()),
        shown_rows=SHOWN_ROWS,
        changes=change_rows(content.changes, content.figures or {}, page_locale(), WRITTEN_IN),
        shown_changes=SHOWN_CHANGES,
        may_read_audits=actor.may(Permission.AUDITS_READ),
        cannot_approve=is_newest and in_review and _only_lacks_restricted(actor, report),
        may_change=may_write and report.is_changeable,
        may_delete=may_write and report.status == GovernmentReportStatus.DRAFT,
        may_correct=may_write and report.status == GovernmentReportStatus.ISSUED,
        may_approve=is_newest and may_approve(actor, report),
        may_return=is_newest and in_review and actor.may(Permission.GOVERNMENT_REPORTS_APPROVE),
    )


def _only_lacks_restricted(actor: Actor, report: GovernmentReport) -> bool:
    """True when the actor could approve, but may not see every project that counts."""
    return actor.may(Permission.GOVERNMENT_REPORTS_APPROVE) and not reads_whole_report(actor, report)
