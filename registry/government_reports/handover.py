"""Hand-over of reports to the Government: those that are not issued get another responsible person."""

from __future__ import annotations

from sqlalchemy import func, select

from registry.accounts.handover import HandOver
from registry.accounts.roles import OVERSIGHT_ROLES, Role
from registry.core.database import db
from registry.core.errors import invalid
from registry.core.transactions import require_transaction
from registry.government_reports.models import GovernmentReport
from registry.government_reports.service import journal_report
from registry.government_reports.vocabulary import GovernmentReportStatus

IS_OPEN = GovernmentReport.status != GovernmentReportStatus.ISSUED.value


def count_open_reports(name: str) -> int:
    """For how many reports that are not issued the person is responsible."""
    counted = select(func.count(GovernmentReport.id)).where(GovernmentReport.responsible == name, IS_OPEN)
    return db.session.execute(counted).scalar_one()


def hand_over_reports(step: HandOver) -> None:
    """Make the receiver responsible for the giver's reports that are not issued; their authors and reviewers stay.

    Raises Invalid at ``/to`` when there are some and the receiver is no oversight staff.
    """
    session = require_transaction()
    owned = select(GovernmentReport).where(GovernmentReport.responsible == step.giver.name, IS_OPEN)
    reports = session.scalars(owned.order_by(GovernmentReport.id).with_for_update()).all()
    if reports and Role(step.receiver.role) not in OVERSIGHT_ROLES:
        raise invalid("/to", "responsible-not-usable", name=step.receiver.name)
    for report in reports:
        report.responsible = step.receiver.name
        report.revision += 1
        journal_report(
            step.actor,
            "handed-over",
            report,
            {"responsible": step.receiver.name, "former_responsible": step.giver.name},
        )
    step.counts["reports"] = len(reports)
