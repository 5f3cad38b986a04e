"""Reports to the Government that the actor may see: the list, and single versions."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, func, select

from registry.accounts.roles import Actor, Permission
from registry.core import lists
from registry.core.clock import local_date, today
from registry.core.database import db, require_transaction, table_of
from registry.core.errors import NotFound
from registry.core.spreadsheets.writer import Rows
from registry.flags.models import last_good_audit
from registry.government_reports.document import ReportContent, changes_between, measures, text_of
from registry.government_reports.models import TEXTS, GovernmentReport, GovernmentReportStatus

NUMBER: Final = re.compile(r"([1-9][0-9]{3})-([1-9][0-9]{0,5})", re.ASCII)
SUMMARY_COLUMNS: Final = (
    *("number", "version", "status", "period_end", "due_on", "is_overdue", "responsible"),
    *("policy_version", "frozen_at", "created_by", "created_at", "issued_at"),
)


class GovernmentReportNotFound(NotFound):
    """There is no such report, or no such version of it."""


class FiguresNotFrozen(NotFound):
    """The figures of the report are not frozen yet."""


def find_government_report(actor: Actor, number: str, version: int | None = None) -> GovernmentReport:
    """Return a version of a report, by default the newest that the actor may read. Raises RoleNotAllowed and
    GovernmentReportNotFound.
    """
    actor.require(Permission.GOVERNMENT_REPORTS_READ)
    return _found(_versions(number).where(*_readable(actor)), number, version)


def find_report_to_change(number: str) -> GovernmentReport:
    """Return the newest version, locked until the open transaction ends. Raises GovernmentReportNotFound."""
    require_transaction()
    return _found(_versions(number).with_for_update(), number, None)


def show_report(actor: Actor, report: GovernmentReport) -> dict[str, Any]:
    """Return a version as its schema shows it, with the hash of the figures that the actor may see."""
    same = (*_same_report(report), *_readable(actor))
    versions = select(GovernmentReport.version).where(*same).order_by(GovernmentReport.version)
    names = (
        *("authors", "submitted_by", "submitted_at", "approved_by", "returned_by", "returned_at", "remark"),
        *("correction_reason", *TEXTS),
    )
    return {
        **summary(actor, report),
        "versions": list(db.session.scalars(versions)),
        **{name: getattr(report, name) for name in names},
        "last_audit": last_audit_of(report),
        "changes": changes_of_report(actor, report),
    }


def changes_of_report(actor: Actor, report: GovernmentReport) -> list[dict[str, str | None]]:
    """Return what differs from the version before, in the figures that the actor may see; nothing for version 1."""
    if report.version == 1:
        return []
    former = db.session.scalars(
        select(GovernmentReport).where(*_same_report(report), GovernmentReport.version == report.version - 1)
    ).one()
    return changes_between(former, report, with_restricted=actor.may(Permission.RESTRICTED_READ))


def reads_whole_report(actor: Actor, report: GovernmentReport) -> bool:
    """Return True when the actor reads the report itself; else its version without restricted records."""
    return actor.may(Permission.RESTRICTED_READ) or not report.leaves_restricted_out


def document_number(actor: Actor, report: GovernmentReport) -> str:
    """Return the number of what the actor reads: ``2026-1``, or ``2026-1-open`` without restricted records."""
    return report.number if reads_whole_report(actor, report) else report.open_number


def last_audit_of(report: GovernmentReport) -> dict[str, Any] | None:
    """Return the last audit, when the figures of a version that is not issued are of another one: they ask for a
    refresh.
    """
    if report.frozen_at is None or report.status == GovernmentReportStatus.ISSUED:
        return None
    last = last_good_audit()
    return None if last is None or last.id == report.audit_id else {"id": last.id, "on": last.on.isoformat()}


def data_of_report(actor: Actor, report: GovernmentReport) -> tuple[str, str]:
    """Return the frozen figures as canonical JSON, and the SHA-256 of its bytes; restricted projects count only for
    those who may read them. Raises FiguresNotFrozen.
    """
    data, digest = _frozen(actor, report)
    if data is None or digest is None:
        raise FiguresNotFrozen(number=report.number)
    return data, digest


def content_of(actor: Actor, report: GovernmentReport) -> ReportContent:
    """Return what the document of a version is made of, with the figures that the actor may see."""
    data, digest = _frozen(actor, report)
    return ReportContent(
        number=document_number(actor, report),
        is_whole=reads_whole_report(actor, report),
        version=report.version,
        period_end=report.period_end,
        responsible=report.responsible,
        texts={name: getattr(report, name) for name in TEXTS},
        figures=None if data is None else json.loads(data),
        data_sha256=digest,
        frozen_on=None if report.frozen_at is None else local_date(report.frozen_at),
        issued_on=None if report.issued_at is None else local_date(report.issued_at),
        approved_by=report.approved_by,
        correction_reason=report.correction_reason,
        changes=changes_of_report(actor, report),
    )


def summary(actor: Actor, report: GovernmentReport) -> dict[str, Any]:
    """Return a version as the list shows it."""
    columns = {name: getattr(report, name) for name in SUMMARY_COLUMNS}
    number = document_number(actor, report)
    return {
        **columns,
        "document_number": number,
        "is_whole": number == report.number,
        "audit": report.audit_id,
        "data_sha256": _frozen(actor, report)[1],
    }


def _frozen(actor: Actor, report: GovernmentReport) -> tuple[str | None, str | None]:
    if reads_whole_report(actor, report):
        return report.figures, report.figures_sha256
    return report.open_figures, report.open_figures_sha256


def _versions(number: str) -> Select[Any]:
    match = NUMBER.fullmatch(number)
    if match is None:
        raise GovernmentReportNotFound(number=number)
    year, ordinal = map(int, match.groups())
    return (
        select(GovernmentReport)
        .where(GovernmentReport.year == year, GovernmentReport.ordinal == ordinal)
        .order_by(GovernmentReport.version.desc())
        .limit(1)
        .execution_options(populate_existing=True)
    )


def _found(statement: Select[Any], number: str, version: int | None) -> GovernmentReport:
    if version is not None:
        statement = statement.where(GovernmentReport.version == version)
    report = db.session.scalar(statement)
    if not isinstance(report, GovernmentReport):
        raise GovernmentReportNotFound(number=number)
    return report


def _same_report(report: GovernmentReport) -> tuple[Any, ...]:
    return GovernmentReport.year == report.year, GovernmentReport.ordinal == report.ordinal


def _readable(actor: Actor) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions on what the actor may read: leaders read only issued versions."""
    if actor.may(Permission.GOVERNMENT_REPORTS_READ_DRAFTS):
        return ()
    return (GovernmentReport.status == GovernmentReportStatus.ISSUED.value,)


def _is_newest(actor: Actor) -> Any:
    newer = table_of(GovernmentReport).alias("newer")
    same = [newer.c.year == GovernmentReport.year, newer.c.ordinal == GovernmentReport.ordinal]
    if not actor.may(Permission.GOVERNMENT_REPORTS_READ_DRAFTS):
        same.append(newer.c.status == GovernmentReportStatus.ISSUED.value)
    newest = select(func.max(newer.c.version)).where(*same).scalar_subquery()
    return GovernmentReport.version == newest


# Each report as its newest version.
GOVERNMENT_REPORT_LIST: Final = lists.RecordList[Actor](
    name="government-reports",
    permission=Permission.GOVERNMENT_REPORTS_READ,
    rows=lambda actor: (
        select(GovernmentReport).where(_is_newest(actor), *_readable(actor)).execution_options(populate_existing=True)
    ),
    unique=GovernmentReport.id.expression,
    shown=lambda actor, reports: [summary(actor, report) for report in reports],
    filters={
        "status": lists.ChoiceFilter(GovernmentReport.status.expression, GovernmentReportStatus.codes()),
        "responsible": lists.TextFilter(GovernmentReport.responsible.expression),
        "overdue": lists.BooleanFilter(
            lambda: and_(
                GovernmentReport.status != GovernmentReportStatus.ISSUED.value, GovernmentReport.due_on < today()
            )
        ),
        **lists.date_filters("due_on", GovernmentReport.due_on.expression),
        **lists.date_filters("period_end", GovernmentReport.period_end.expression),
    },
    sorts=lists.sort_keys(GovernmentReport.id.expression, GovernmentReport.due_on.expression),
)

# The figures of a report as a table: one figure a row.

HEADER: Final = ("table", "key", "measure", "value")
ROWS_A_PIECE: Final = 500


def export_rows(actor: Actor, report: GovernmentReport) -> list[Rows]:
    """Return the rows below HEADER, in pieces. Raises FiguresNotFrozen."""
    data, _digest = data_of_report(actor, report)
    rows = [
        (table, key, measure, value if type(value) in (int, float) else text_of(value))
        for table, key, measure, value in measures(json.loads(data))
    ]
    return [rows[first : first + ROWS_A_PIECE] for first in range(0, len(rows), ROWS_A_PIECE)]
