"""Pages of reports to the Government: the list, one report, and the forms and buttons that change it."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from flask import Response, render_template, request, url_for

from registry.accounts.roles import Actor, Permission
from registry.core.database import transaction
from registry.core.errors import Conflict, Invalid, NotAllowed
from registry.core.fields import WholeNumber
from registry.core.values import InvalidValue, plain_number, read_whole_number
from registry.freeze.policy import policy_in_force
from registry.government_reports import queries, service
from registry.government_reports.document import change_rows, document, figure_tables, pdf_name, pdf_of_report
from registry.government_reports.models import TEXTS, WRITTEN_IN, GovernmentReport, GovernmentReportStatus, Section
from registry.government_reports.schemas import CORRECTION, REPORT_BODY, REPORT_PATCH, RETURN
from registry.http.responses import document_download, pdf_download
from registry.signatures.models import Signature
from registry.signatures.pages import is_to_be_signed, sent_signature, signing_page
from registry.signatures.service import ActToSign, shown_signatures, signature_settings
from registry.web.blueprint import BOTH, Answer, flash_message, pages, redirect_to
from registry.web.current_user import page_locale
from registry.web.formats import day, gettext as _
from registry.web.forms import Field, Form, FormPage, answer_form, as_typed, invalid_form, schema_field
from registry.web.labels import choice_label, field_label
from registry.web.lists import download_table, render_list, requested_filters, requested_page

# Forms and buttons that change reports to the Government.

READ: Final = Permission.GOVERNMENT_REPORTS_READ
WRITE: Final = Permission.GOVERNMENT_REPORTS_WRITE
APPROVE: Final = Permission.GOVERNMENT_REPORTS_APPROVE
FACTS: Final = ("period_end", "due_on", "responsible")
# The field at which errors of the buttons are displayed.
BUTTONS: Final = "acts"


@pages.page("/government-reports/new", needs=WRITE, methods=BOTH)
def begin_report(actor: Actor) -> Answer:
    """Begin a report."""
    page = FormPage(
        _("Begin a report to the Government"),
        _("Begin"),
        url_for("web.government_reports"),
        _fields(FACTS),
        REPORT_BODY,
        intro=_("It gets the next number of the year. The sections are written afterwards."),
    )

    def act(values: Mapping[str, Any]) -> Answer:
        report = service.begin_government_report(actor, values)
        flash_message(_("The report is begun. Write its sections now."))
        return redirect_to("government_report", report_number=report.number)

    return answer_form(page, act, {"responsible": actor.principal})


@pages.page("/government-reports/<report_number>/edit", needs=WRITE, methods=BOTH)
def edit_report(actor: Actor, report_number: str) -> Answer:
    """Write the sections of the newest version, and change its dates and the responsible person."""
    report = queries.find_government_report(actor, report_number)
    page = FormPage(
        _("Write the report"),
        _("Save"),
        url_for("web.government_report", report_number=report.number),
        _fields((*TEXTS, *FACTS)),
        REPORT_PATCH,
        subject=_title(report),
        edits=True,
        revision=report.revision,
    )

    def act(values: Mapping[str, Any]) -> None:
        with transaction():
            service.change_government_report(actor, queries.find_report_to_change(report.number), values)

    present = {name: as_typed(getattr(report, name)) for name in (*TEXTS, *FACTS)}
    return answer_form(page, act, present, done=_("The report is saved."))


@pages.page("/government-reports/<report_number>/return", needs=APPROVE, methods=BOTH)
def return_report(actor: Actor, report_number: str) -> Answer:
    """Return the newest version to its authors."""
    report = queries.find_government_report(actor, report_number)
    page = FormPage(
        _("Return the report"),
        _("Return"),
        url_for("web.government_report", report_number=report.number),
        [schema_field(RETURN.inputs["remark"])],
        RETURN,
        intro=_("The authors see the remark. A first approval no longer counts."),
        subject=_title(report),
    )

    def act(values: Mapping[str, Any]) -> None:
        service.return_government_report(actor, report.number, values["remark"])

    return answer_form(page, act, done=_("The report is returned to its authors."))


@pages.page("/government-reports/<report_number>/correction", needs=WRITE, methods=BOTH)
def correct_report(actor: Actor, report_number: str) -> Answer:
    """Begin a correction of an issued report."""
    report = queries.find_government_report(actor, report_number)
    page = FormPage(
        _("Correct the report"),
        _("Begin the correction"),
        url_for("web.government_report", report_number=report.number),
        [schema_field(field) for field in CORRECTION.inputs.values()],
        CORRECTION,
        intro=_("The issued version stays as it is. A new version begins with its texts and figures."),
        subject=_title(report),
    )

    def act(values: Mapping[str, Any]) -> None:
        service.correct_government_report(actor, report.number, values["reason"], values["due_on"])

    return answer_form(page, act, done=_("The correction is begun. Change what is wrong and submit it for review."))


def _freeze(actor: Actor, number: str) -> str:
    service.freeze_figures(actor, number)
    return _("The figures are frozen.")


def _submit(actor: Actor, number: str) -> str:
    service.submit_government_report(actor, number)
    return _("The report is submitted. Two people who did not write it have to approve it.")


def _approve(actor: Actor, number: str) -> str | Response:
    revision = plain_number(request.form.get("revision", "")) or 0
    act_to_sign = partial(service.read_act_to_sign, actor, number, revision)
    if is_to_be_signed():
        return _signing_page(actor, number, act_to_sign())
    signed = sent_signature(actor, act_to_sign)
    with transaction():
        report = service.approve_government_report(
            actor, queries.find_report_to_change(number), revision, signed=signed
        )
    if report.status == GovernmentReportStatus.ISSUED:
        return _("The report is issued.")
    return _("You have approved the report. It waits for the second person.")


def _signing_page(actor: Actor, number: str, to_sign: ActToSign) -> Response:
    signed = to_sign.values
    rows = [
        (_("Report"), _title(queries.find_government_report(actor, number))),
        (field_label("period_end"), day(signed["period_end"])),
        (field_label("responsible"), signed["responsible"]),
        (_("Approved by"), ", ".join(signed["approved_by"])),
        (_("SHA-256 of the figures"), signed["figures"]),
        *(
            (f"{choice_label('report_section', section)}: {choice_label('language', language)}", text)
            for section in Section
            for language in WRITTEN_IN
            if (text := signed[f"{section.value}_{language}"])
        ),
    ]
    shown = [(label, str(value)) for label, value in rows if value]
    return signing_page(actor, to_sign, rows=shown, back=url_for("web.government_report", report_number=number))


ACTS: Final[Mapping[str, Callable[[Actor, str], str | Response]]] = {
    "freeze": _freeze,
    "submission": _submit,
    "approval": _approve,
}
ACT: Final = f"/government-reports/<report_number>/<any({','.join(ACTS)}):act>"


@pages.page(ACT, needs=READ, methods=("POST",))
def act_on_report(actor: Actor, report_number: str, act: str) -> Answer:
    """Freeze, submit or approve the newest version. The permission of each is checked by its service."""
    report = queries.find_government_report(actor, report_number)
    # An issued report no longer asks for other figures.
    last = queries.last_audit_of(report)
    try:
        text = ACTS[act](actor, report_number)
        if isinstance(text, Response):
            return text
    except (Invalid, Conflict, NotAllowed) as error:
        report = queries.find_government_report(actor, report_number)
        return report_page(actor, report, invalid_form({}, error, BUTTONS)), error.status
    flash_message(text)
    if act != "freeze" and last is not None:
        flash_message(
            _("The figures are of audit No. %(id)s, and the last audit is No. %(last)s of %(on)s. Refresh them.")
            % {"id": report.audit_id, "last": last["id"], "on": day(last["on"])},
            "information",
        )
    return redirect_to("government_report", report_number=report_number)


@pages.page("/government-reports/<report_number>/deletion", needs=WRITE, methods=("POST",))
def delete_report(actor: Actor, report_number: str) -> Answer:
    """Delete the draft of the newest version."""
    try:
        service.delete_government_report(actor, report_number)
    except (Conflict, NotAllowed) as error:
        report = queries.find_government_report(actor, report_number)
        return report_page(actor, report, invalid_form({}, error, BUTTONS)), error.status
    flash_message(_("The draft is deleted."))
    return redirect_to("government_reports")


def _signatures(report: GovernmentReport) -> list[Signature]:
    """Return the signatures of this version."""
    signed = shown_signatures(f"government-report:{report.number}")
    return [each for each in signed if json.loads(each.content)["values"]["version"] == report.version]


def _fields(names: tuple[str, ...]) -> list[Field]:
    return [schema_field(REPORT_BODY.inputs[name]) for name in names]


def _title(report: GovernmentReport) -> str:
    return _("Report No. %(number)s, version %(version)s") % {"number": report.number, "version": report.version}


# Pages that show reports to the Government: the list, one report, the printed document, and downloads.

FILTERS: Final = ("status", "overdue")
LANGUAGES: Final = f"any({','.join(WRITTEN_IN)})"
SHOWN_ROWS: Final = 25
SHOWN_CHANGES: Final = 50
VERSION: Final = WholeNumber(1, 2**31 - 1)


@pages.page("/government-reports", needs=READ)
def government_reports(actor: Actor) -> Answer:
    """List the reports, each as its newest version, with due dates."""
    filters = requested_filters(FILTERS)
    return render_list(
        "government_reports/list.html",
        queries.GOVERNMENT_REPORT_LIST.read(actor, filters, requested_page()),
        filters=filters,
        statuses=[(status.value, status.label) for status in GovernmentReportStatus],
        may_write=actor.may(Permission.GOVERNMENT_REPORTS_WRITE),
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
        number=queries.document_number(actor, report),
        document=document(queries.content_of(actor, report), language),
        back=url_for("web.government_report", report_number=report.number, version=report.version),
    )


@pages.page("/government-reports/<report_number>.pdf", needs=READ)
def government_report_as_pdf(actor: Actor, report_number: str) -> Answer:
    """Download the document as PDF/A, in the requested language, else in the page's, else in Russian."""
    report = requested_report(actor, report_number)
    language = next((each for each in (request.args.get("language"), page_locale()) if each in WRITTEN_IN), "ru")
    content = queries.content_of(actor, report)
    return pdf_download(pdf_name(content, language), pdf_of_report(content, language))


@pages.page("/government-reports/<report_number>/figures.<any(csv, json, xlsx):ending>", needs=READ)
def government_report_figures(actor: Actor, report_number: str, ending: str) -> Answer:
    """Download the frozen figures: canonical JSON with the SHA-256 of the report, or a table."""
    report = requested_report(actor, report_number)
    name = f"government-report-{queries.document_number(actor, report)}-{report.version}"
    if ending == "json":
        data, _digest = queries.data_of_report(actor, report)
        return document_download(f"{name}.json", data.encode())
    return download_table(ending, name, queries.HEADER, queries.export_rows(actor, report), "figures")


def requested_report(actor: Actor, number: str) -> GovernmentReport:
    """Return the requested version of the report. Raises GovernmentReportNotFound."""
    version = request.args.get("version", "")
    if not version:
        return queries.find_government_report(actor, number)
    try:
        return queries.find_government_report(actor, number, VERSION.deserialize(read_whole_number(version)))
    except InvalidValue as error:
        raise queries.GovernmentReportNotFound(number=number) from error


def report_page(actor: Actor, report: GovernmentReport, form: Form) -> str:
    """Return the page of a version, with a form that was sent."""
    shown: dict[str, Any] = queries.show_report(actor, report)
    content = queries.content_of(actor, report)
    is_newest = report.version == shown["versions"][-1]
    may_write = is_newest and actor.is_person and actor.may(Permission.GOVERNMENT_REPORTS_WRITE)
    in_review = report.status == GovernmentReportStatus.IN_REVIEW
    may_return = is_newest and in_review and actor.may(Permission.GOVERNMENT_REPORTS_APPROVE)
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
        # Who could approve, but may not see every project that counts.
        cannot_approve=may_return and not queries.reads_whole_report(actor, report),
        may_change=may_write and report.is_changeable,
        may_delete=may_write and report.status == GovernmentReportStatus.DRAFT,
        may_correct=may_write and report.status == GovernmentReportStatus.ISSUED,
        may_approve=is_newest and service.may_approve(actor, report),
        may_return=may_return,
        may_sign=signature_settings() is not None,
        must_sign="reports" in policy_in_force().signed,
        signatures=_signatures(report),
    )
