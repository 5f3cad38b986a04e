"""Stops of the tour: reports to the Government."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select

from registry.accounts.roles import Role
from registry.core.clock import today
from registry.core.database import db, transaction
from registry.demo.records import REVIEWER, SUPERVISOR, demo_actor
from registry.demo.story import TEXTS
from registry.government_reports.models import GovernmentReport
from registry.government_reports.queries import find_report_to_change
from registry.government_reports.service import (
    begin_government_report,
    change_government_report,
    correct_government_report,
    freeze_figures,
    submit_government_report,
)
from tests.web.tour_stop import Stop


def add_government_reports() -> dict[str, object]:
    """A report under review and a correction beside the demo's issued report and draft."""
    issued, draft = db.session.scalars(select(GovernmentReport).order_by(GovernmentReport.id)).all()
    issued_number, draft_number = issued.number, draft.number
    author = demo_actor(REVIEWER)
    values = {"period_end": today(), "due_on": today(), "responsible": SUPERVISOR}
    reviewed = begin_government_report(author, values).number
    with transaction():
        change_government_report(author, find_report_to_change(reviewed), TEXTS)
    freeze_figures(author, reviewed)
    submit_government_report(author, reviewed)
    correct_government_report(author, issued_number, "Один проект учтён дважды.", today())
    with transaction():
        change_government_report(
            author, find_report_to_change(issued_number), {"findings_ru": "Замечаний стало меньше."}
        )
    freeze_figures(author, issued_number)
    return {"report_issued": issued_number, "report_draft": draft_number, "report_reviewed": reviewed}


def stops_of_reports(known: Mapping[str, object]) -> list[Stop]:
    """Pages of reports to the Government."""
    issued, draft, reviewed = (
        f"/government-reports/{known[f'report_{name}']}" for name in ("issued", "draft", "reviewed")
    )
    return [
        Stop("government-reports", Role.SUPERVISOR, "/government-reports"),
        Stop("government-reports-none", Role.AUDITOR, "/government-reports?status=returned"),
        Stop("government-report-new", Role.REVIEWER, "/government-reports/new"),
        Stop(
            "government-report-new-error", Role.REVIEWER, "/government-reports/new", {"due_on": "1", "period_end": ""}
        ),
        Stop("government-report-issued", Role.AUDITOR, f"{issued}?version=1"),
        Stop("government-report-correction", Role.SUPERVISOR, issued),
        Stop("government-report-draft", Role.REVIEWER, draft),
        Stop("government-report-in-review", Role.SUPERVISOR, reviewed),
        Stop("government-report-edit", Role.REVIEWER, f"{draft}/edit"),
        Stop("government-report-return", Role.SUPERVISOR, f"{reviewed}/return"),
        Stop("government-report-return-error", Role.SUPERVISOR, f"{reviewed}/return", {"remark": ""}),
        Stop("government-report-correct", Role.REVIEWER, f"{issued}/correction"),
        Stop("government-report-document-kk", Role.AUDITOR, f"{issued}/document/kk"),
        Stop("government-report-document-ru", Role.REVIEWER, f"{issued}/document/ru"),
    ]
