"""Forms and buttons that change reports to the Government."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from flask import request, url_for

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.core.errors import Conflict, Invalid, NotAllowed
from registry.core.transactions import transaction
from registry.government_reports.models import GovernmentReport
from registry.government_reports.queries import find_government_report, find_report_to_change, last_audit_of
from registry.government_reports.review import (
    approve_government_report,
    correct_government_report,
    return_government_report,
    submit_government_report,
)
from registry.government_reports.schemas import CORRECTION, REPORT_BODY, REPORT_PATCH, RETURN
from registry.government_reports.service import (
    begin_government_report,
    change_government_report,
    delete_government_report,
    freeze_figures,
)
from registry.government_reports.views.reports import report_page
from registry.government_reports.vocabulary import TEXTS, GovernmentReportStatus
from registry.http.error_handlers import status_of
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.fields import Field, schema_field
from registry.web.flash import flash_message
from registry.web.form_pages import FormPage, answer_form
from registry.web.formats import day
from registry.web.forms import as_typed, invalid_form
from registry.web.translations import gettext as _

READ: Final = Permission.GOVERNMENT_REPORTS_READ
WRITE: Final = Permission.GOVERNMENT_REPORTS_WRITE
APPROVE: Final = Permission.GOVERNMENT_REPORTS_APPROVE
FACTS: Final = ("period_end", "due_on", "responsible")
FORM: Final = ("GET", "POST")
# The field at which errors of the buttons are displayed.
BUTTONS: Final = "acts"


@pages.page("/government-reports/new", needs=WRITE, methods=FORM)
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
        report = begin_government_report(actor, values)
        flash_message(_("The report is begun. Write its sections now."))
        return _to(report)

    return answer_form(page, act, {"responsible": actor.principal})


@pages.page("/government-reports/<report_number>/edit", needs=WRITE, methods=FORM)
def edit_report(actor: Actor, report_number: str) -> Answer:
    """Write the sections of the newest version, and change its dates and the responsible person."""
    report = find_government_report(actor, report_number)
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

    def act(values: Mapping[str, Any]) -> Answer:
        with transaction():
            change_government_report(actor, find_report_to_change(report.number), values)
        flash_message(_("The report is saved."))
        return _to(report)

    return answer_form(page, act, {name: as_typed(getattr(report, name)) for name in (*TEXTS, *FACTS)})


@pages.page("/government-reports/<report_number>/return", needs=APPROVE, methods=FORM)
def return_report(actor: Actor, report_number: str) -> Answer:
    """Return the newest version to its authors."""
    report = find_government_report(actor, report_number)
    page = FormPage(
        _("Return the report"),
        _("Return"),
        url_for("web.government_report", report_number=report.number),
        [_area("remark")],
        RETURN,
        intro=_("The authors see the remark. A first approval no longer counts."),
        subject=_title(report),
    )

    def act(values: Mapping[str, Any]) -> Answer:
        return_government_report(actor, report.number, values["remark"])
        flash_message(_("The report is returned to its authors."))
        return _to(report)

    return answer_form(page, act)


@pages.page("/government-reports/<report_number>/correction", needs=WRITE, methods=FORM)
def correct_report(actor: Actor, report_number: str) -> Answer:
    """Begin a correction of an issued report."""
    report = find_government_report(actor, report_number)
    fields = {name: schema_field(field) for name, field in CORRECTION.inputs.items()}
    page = FormPage(
        _("Correct the report"),
        _("Begin the correction"),
        url_for("web.government_report", report_number=report.number),
        [_area("reason"), fields["due_on"]],
        CORRECTION,
        intro=_("The issued version stays as it is. A new version begins with its texts and figures."),
        subject=_title(report),
    )

    def act(values: Mapping[str, Any]) -> Answer:
        correct_government_report(actor, report.number, values["reason"], values["due_on"])
        flash_message(_("The correction is begun. Change what is wrong and submit it for review."))
        return _to(report)

    return answer_form(page, act)


def _freeze(actor: Actor, number: str) -> str:
    freeze_figures(actor, number)
    return _("The figures are frozen.")


def _submit(actor: Actor, number: str) -> str:
    submit_government_report(actor, number)
    return _("The report is submitted. Two people who did not write it have to approve it.")


def _approve(actor: Actor, number: str) -> str:
    seen = request.form.get("revision", "")
    revision = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 10 else 0
    with transaction():
        report = approve_government_report(actor, find_report_to_change(number), revision)
    if report.status == GovernmentReportStatus.ISSUED:
        return _("The report is issued.")
    return _("You have approved the report. It waits for the second person.")


ACTS: Final[Mapping[str, Callable[[Actor, str], str]]] = {
    "freeze": _freeze,
    "submission": _submit,
    "approval": _approve,
}
ACT: Final = f"/government-reports/<report_number>/<any({','.join(ACTS)}):act>"


@pages.page(ACT, needs=READ, methods=("POST",))
def act_on_report(actor: Actor, report_number: str, act: str) -> Answer:
    """Freeze, submit or approve the newest version. The permission of each is checked by its service."""
    report = find_government_report(actor, report_number)
    # An issued report no longer asks for other figures.
    last = last_audit_of(report)
    try:
        text = ACTS[act](actor, report_number)
    except (Invalid, Conflict, NotAllowed) as error:
        report = find_government_report(actor, report_number)
        return report_page(actor, report, invalid_form({}, error, BUTTONS)), status_of(error)
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
        delete_government_report(actor, report_number)
    except (Conflict, NotAllowed) as error:
        report = find_government_report(actor, report_number)
        return report_page(actor, report, invalid_form({}, error, BUTTONS)), status_of(error)
    flash_message(_("The draft is deleted."))
    return redirect_to("government_reports")


def _fields(names: tuple[str, ...]) -> list[Field]:
    return [schema_field(REPORT_BODY.inputs[name]) for name in names]


def _area(name: str) -> Field:
    schema = RETURN if name in RETURN.inputs else CORRECTION
    return schema_field(schema.inputs[name])


def _title(report: GovernmentReport) -> str:
    return _("Report No. %(number)s, version %(version)s") % {"number": report.number, "version": report.version}


def _to(report: GovernmentReport) -> Answer:
    return redirect_to("government_report", report_number=report.number)
