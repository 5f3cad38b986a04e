"""The figures of a report to the Government, and the reports that the actor may see: the list, and single versions."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from registry.accounts.roles import Actor, Permission
from registry.agencies.models import Agency
from registry.cases.models import Order
from registry.core import lists
from registry.core.clock import local_date, today
from registry.core.database import db, require_transaction, table_of
from registry.core.errors import NotFound
from registry.core.spreadsheets.writer import Rows
from registry.flags.models import FLAGS, IS_ACTIVE, AuditRun, FlagStatus, last_good_audit
from registry.freeze.policy import policy_in_force
from registry.freeze.vocabulary import Severity
from registry.government_reports.document import ReportContent, changes_between, measures, text_of
from registry.government_reports.models import TEXTS, GovernmentReport, GovernmentReportStatus
from registry.projects.models import STATUS, Project
from registry.projects.vocabulary import FreezeStatus
from registry.reports.compliance import COUNTED, NAMES, add_projects, added, with_share

# The figures of a report: projects by agency, region, severity and rule, and those of high severity with orders.
#
# Read by one statement, which sees one state of the register, so that all sums add up.

PROJECT: Final = table_of(Project).c
BY_PROJECTS, BY_FLAGS, LISTED = "projects", "flags", "listed"
FLAG_STATUSES: Final = (FlagStatus.OPEN.value, FlagStatus.EXEMPT.value, FlagStatus.ACCEPTED.value)
IDS_A_QUERY: Final = 500
Figures = dict[str, Any]


class Piece(NamedTuple):
    """One row of the statement: alike projects, alike flags, or one project of the list."""

    part: str
    agency_id: int | None
    region: str | None
    status: str
    severity: str | None
    is_restricted: bool
    rule: str | None
    project_id: int | None
    number: int
    budget: int


def read_figures(audit: AuditRun) -> tuple[Figures, Figures]:
    """Return the figures over all projects, and those without restricted ones; the list has no restricted project in
    either.

    Withdrawn projects are left out, as in the compliance report.
    """
    pieces = [Piece(*row) for row in db.session.execute(_statement()).all()]
    agencies = _agencies({piece.agency_id for piece in pieces if piece.agency_id is not None})
    bins = {
        piece.project_id: agencies[piece.agency_id]["bin"]
        for piece in pieces
        if piece.project_id is not None and piece.agency_id is not None
    }
    listed = _listed(bins)
    unrestricted = [piece for piece in pieces if not piece.is_restricted]
    return _figures(audit, pieces, agencies, listed), _figures(audit, unrestricted, agencies, listed)


def _statement() -> sa.Select[Any]:
    counted = STATUS.c.freeze_status != FreezeStatus.WITHDRAWN.value
    no_number, no_text = sa.cast(sa.null(), sa.Integer), sa.cast(sa.null(), sa.String)
    budget = sa.cast(sa.func.coalesce(sa.func.sum(STATUS.c.budget_kzt), 0), sa.BigInteger)
    alike = (STATUS.c.agency_id, STATUS.c.region, STATUS.c.freeze_status, STATUS.c.severity, STATUS.c.is_restricted)
    projects = _part(BY_PROJECTS, *alike, no_text, no_number, sa.func.count(), budget).where(counted).group_by(*alike)
    of_flags = (FLAGS.c.status, FLAGS.c.severity, STATUS.c.is_restricted, FLAGS.c.rule)
    flags = (
        _part(BY_FLAGS, no_number, no_text, *of_flags, no_number, sa.func.count(), budget)
        .join_from(FLAGS, STATUS, STATUS.c.project_id == FLAGS.c.project_id)
        .where(counted, IS_ACTIVE)
        .group_by(*of_flags)
    )
    own_budget = sa.cast(sa.func.coalesce(STATUS.c.budget_kzt, 0), sa.BigInteger)
    listed = _part(
        LISTED, *alike, no_text, STATUS.c.project_id, sa.cast(sa.literal(1), sa.BigInteger), own_budget
    ).where(
        STATUS.c.freeze_status == FreezeStatus.FLAGGED.value,
        STATUS.c.severity == Severity.HIGH.value,
        STATUS.c.is_restricted.is_(False),
    )
    rows = sa.union_all(projects, flags, listed).subquery()
    return sa.select(*rows.c)


def _part(part: str, *columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """Return a part of the statement, its columns named as the fields of Piece."""
    named = zip(Piece._fields, (sa.literal(part), *columns), strict=True)
    return sa.select(*(column.label(name) for name, column in named))


def _figures(
    audit: AuditRun,
    pieces: Sequence[Piece],
    agencies: Mapping[int, Mapping[str, Any]],
    listed: Sequence[Mapping[str, Any]],
) -> Figures:
    projects = [piece for piece in pieces if piece.part == BY_PROJECTS]
    by_agency = [
        {"key": agencies[key]["bin"], **{name: agencies[key][name] for name in NAMES}, **row}
        for key, row in _grouped(projects, "agency_id").items()
    ]
    by_region = [{"key": key, **row} for key, row in _grouped(projects, "region").items()]
    by_agency.sort(key=lambda row: str(row["key"]))
    by_region.sort(key=lambda row: (row["key"] is None, row["key"] or ""))
    return {
        "audit": {"id": audit.id, "on": audit.on.isoformat(), "policy_version": audit.policy_version},
        "totals": added(by_agency),
        "by_agency": by_agency,
        "by_region": by_region,
        "by_severity": _by_severity(projects),
        "by_rule": _by_rule([piece for piece in pieces if piece.part == BY_FLAGS]),
        "high_severity": list(listed),
    }


def _grouped(pieces: Iterable[Piece], name: str) -> dict[Any, dict[str, Any]]:
    rows: dict[Any, dict[str, Any]] = {}
    for piece in pieces:
        row = rows.setdefault(getattr(piece, name), dict.fromkeys(COUNTED, 0))
        add_projects(row, piece.status, piece.severity, piece.number, piece.budget)
    return {key: with_share(row) for key, row in rows.items()}


def _by_severity(pieces: Iterable[Piece]) -> list[dict[str, Any]]:
    flagged = [piece for piece in pieces if piece.status == FreezeStatus.FLAGGED]
    rows = []
    for severity in Severity.worst_first():
        alike = [piece for piece in flagged if piece.severity == severity]
        budget = sum(int(piece.budget) for piece in alike)
        rows.append(
            {"key": severity.value, "projects": sum(piece.number for piece in alike), "budget_flagged_kzt": budget}
        )
    return rows


def _by_rule(pieces: Sequence[Piece]) -> list[dict[str, Any]]:
    policy = policy_in_force()
    rows = []
    for rule in sorted({str(piece.rule) for piece in pieces}):
        of_rule = [piece for piece in pieces if piece.rule == rule]
        known = policy.rules.get(rule)
        counts = {status: sum(piece.number for piece in of_rule if piece.status == status) for status in FLAG_STATUSES}
        title = {} if known is None else known.title
        titles = {f"title_{language}": title.get(language) for language in ("kk", "ru")}
        rows.append({"key": rule, "severity": str(of_rule[0].severity), **titles, **counts})
    return rows


def _agencies(ids: Iterable[int]) -> dict[int, Mapping[str, Any]]:
    agency = table_of(Agency).c
    rows: dict[int, Mapping[str, Any]] = {}
    for some in _chunks(sorted(ids)):
        names = sa.select(agency.id, agency.bin, *(agency[name] for name in NAMES)).where(agency.id.in_(some))
        rows |= {row["id"]: row for row in db.session.execute(names).mappings()}
    return rows


def _listed(bins: Mapping[int, str]) -> list[dict[str, Any]]:
    """Return the projects by number, each with its rules and its orders in force, the oldest first.

    ``bins``: the BIN of the agency of each. One that became restricted meanwhile is left out.
    """
    rows = []
    for some in _chunks(sorted(bins)):
        orders = _by_project(
            sa.select(Order.project_id, Order.decision, Order.approved_at, Order.due_on)
            .where(Order.project_id.in_(some), Order.ended_at.is_(None))
            .order_by(Order.id)
        )
        rules = _by_project(
            sa.select(FLAGS.c.project_id, FLAGS.c.rule)
            .where(FLAGS.c.project_id.in_(some), FLAGS.c.status == FlagStatus.OPEN.value)
            .order_by(FLAGS.c.rule)
        )
        names = ("id", "number", "name_kk", "name_ru", "budget_kzt")
        projects = sa.select(*(PROJECT[name] for name in names)).where(
            PROJECT.id.in_(some), PROJECT.is_restricted.is_(False)
        )
        for project in db.session.execute(projects).mappings():
            row: dict[str, Any] = {"key": project["number"], "agency": bins[project["id"]]}
            row |= {name: project[name] for name in ("name_kk", "name_ru", "budget_kzt")}
            row["rules"] = [each[1] for each in rules.get(project["id"], [])]
            row["orders"] = [_order(*each[1:]) for each in orders.get(project["id"], [])]
            rows.append(row)
    return sorted(rows, key=lambda row: str(row["key"]))


def _order(decision: str, approved_at: Any, due_on: Any) -> dict[str, Any]:
    due = None if due_on is None else due_on.isoformat()
    return {"decision": decision, "approved_on": local_date(approved_at).isoformat(), "due_on": due}


def _by_project(statement: sa.Select[*tuple[Any, ...]]) -> dict[int, list[Any]]:
    rows: dict[int, list[Any]] = {}
    for row in db.session.execute(statement):
        rows.setdefault(row[0], []).append(row)
    return rows


def _chunks(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    return (ids[first : first + IDS_A_QUERY] for first in range(0, len(ids), IDS_A_QUERY))


# Reports that the actor may see.

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
    versions = sa.select(GovernmentReport.version).where(*same).order_by(GovernmentReport.version)
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
        sa.select(GovernmentReport).where(*_same_report(report), GovernmentReport.version == report.version - 1)
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


def _versions(number: str) -> sa.Select[Any]:
    match = NUMBER.fullmatch(number)
    if match is None:
        raise GovernmentReportNotFound(number=number)
    year, ordinal = map(int, match.groups())
    return (
        sa.select(GovernmentReport)
        .where(GovernmentReport.year == year, GovernmentReport.ordinal == ordinal)
        .order_by(GovernmentReport.version.desc())
        .limit(1)
        .execution_options(populate_existing=True)
    )


def _found(statement: sa.Select[Any], number: str, version: int | None) -> GovernmentReport:
    if version is not None:
        statement = statement.where(GovernmentReport.version == version)
    report = db.session.scalar(statement)
    if not isinstance(report, GovernmentReport):
        raise GovernmentReportNotFound(number=number)
    return report


def _same_report(report: GovernmentReport) -> tuple[Any, ...]:
    return GovernmentReport.year == report.year, GovernmentReport.ordinal == report.ordinal


def _readable(actor: Actor) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the conditions on what the actor may read: leaders read only issued versions."""
    if actor.may(Permission.GOVERNMENT_REPORTS_READ_DRAFTS):
        return ()
    return (GovernmentReport.status == GovernmentReportStatus.ISSUED.value,)


def _is_newest(actor: Actor) -> Any:
    newer = table_of(GovernmentReport).alias("newer")
    same = [newer.c.year == GovernmentReport.year, newer.c.ordinal == GovernmentReport.ordinal]
    if not actor.may(Permission.GOVERNMENT_REPORTS_READ_DRAFTS):
        same.append(newer.c.status == GovernmentReportStatus.ISSUED.value)
    newest = sa.select(sa.func.max(newer.c.version)).where(*same).scalar_subquery()
    return GovernmentReport.version == newest


# Each report as its newest version.
GOVERNMENT_REPORT_LIST: Final = lists.RecordList[Actor](
    name="government-reports",
    permission=Permission.GOVERNMENT_REPORTS_READ,
    rows=lambda actor: (
        sa.select(GovernmentReport)
        .where(_is_newest(actor), *_readable(actor))
        .execution_options(populate_existing=True)
    ),
    unique=GovernmentReport.id.expression,
    shown=lambda actor, reports: [summary(actor, report) for report in reports],
    filters={
        "status": lists.ChoiceFilter(GovernmentReport.status.expression, GovernmentReportStatus.codes()),
        "responsible": lists.TextFilter(GovernmentReport.responsible.expression),
        "overdue": lists.BooleanFilter(
            lambda: sa.and_(
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
