"""The figures of a report: projects by agency, region, severity and rule, and those of high severity with orders.

Read by one statement, which sees one state of the register, so that all sums add up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Integer, Select, String, cast, func, literal, null, select, union_all

from registry.agencies.models import Agency
from registry.cases.models import Order
from registry.core.clock import local_date
from registry.core.database import db, table_of
from registry.flags.models import FLAGS, IS_ACTIVE, AuditRun
from registry.flags.vocabulary import FlagStatus
from registry.freeze.current import policy_in_force
from registry.freeze.vocabulary import Severity
from registry.projects.models import STATUS, Project
from registry.projects.vocabulary import FreezeStatus
from registry.reports.compliance import COUNTED, NAMES, add_projects, added, with_share

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


def _statement() -> Select[Any]:
    counted = STATUS.c.freeze_status != FreezeStatus.WITHDRAWN.value
    no_number, no_text = cast(null(), Integer), cast(null(), String)
    budget = cast(func.coalesce(func.sum(STATUS.c.budget_kzt), 0), BigInteger)
    alike = (STATUS.c.agency_id, STATUS.c.region, STATUS.c.freeze_status, STATUS.c.severity, STATUS.c.is_restricted)
    projects = _part(BY_PROJECTS, *alike, no_text, no_number, func.count(), budget).where(counted).group_by(*alike)
    of_flags = (FLAGS.c.status, FLAGS.c.severity, STATUS.c.is_restricted, FLAGS.c.rule)
    flags = (
        _part(BY_FLAGS, no_number, no_text, *of_flags, no_number, func.count(), budget)
        .join_from(FLAGS, STATUS, STATUS.c.project_id == FLAGS.c.project_id)
        .where(counted, IS_ACTIVE)
        .group_by(*of_flags)
    )
    own_budget = cast(func.coalesce(STATUS.c.budget_kzt, 0), BigInteger)
    listed = _part(LISTED, *alike, no_text, STATUS.c.project_id, cast(literal(1), BigInteger), own_budget).where(
        STATUS.c.freeze_status == FreezeStatus.FLAGGED.value,
        STATUS.c.severity == Severity.HIGH.value,
        STATUS.c.is_restricted.is_(False),
    )
    rows = union_all(projects, flags, listed).subquery()
    return select(*rows.c)


def _part(part: str, *columns: ColumnElement[Any]) -> Select[Any]:
    """Return a part of the statement, its columns named as the fields of Piece."""
    named = zip(Piece._fields, (literal(part), *columns), strict=True)
    return select(*(column.label(name) for name, column in named))


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
        names = select(agency.id, agency.bin, *(agency[name] for name in NAMES)).where(agency.id.in_(some))
        rows |= {row["id"]: row for row in db.session.execute(names).mappings()}
    return rows


def _listed(bins: Mapping[int, str]) -> list[dict[str, Any]]:
    """Return the projects by number, each with its rules and its orders in force, the oldest first.

    ``bins``: the BIN of the agency of each. One that became restricted meanwhile is left out.
    """
    rows = []
    for some in _chunks(sorted(bins)):
        orders = _by_project(
            select(Order.project_id, Order.decision, Order.approved_at, Order.due_on)
            .where(Order.project_id.in_(some), Order.ended_at.is_(None))
            .order_by(Order.id)
        )
        rules = _by_project(
            select(FLAGS.c.project_id, FLAGS.c.rule)
            .where(FLAGS.c.project_id.in_(some), FLAGS.c.status == FlagStatus.OPEN.value)
            .order_by(FLAGS.c.rule)
        )
        names = ("id", "number", "name_kk", "name_ru", "budget_kzt")
        projects = select(*(PROJECT[name] for name in names)).where(
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


def _by_project(statement: Select[*tuple[Any, ...]]) -> dict[int, list[Any]]:
    rows: dict[int, list[Any]] = {}
    for row in db.session.execute(statement):
        rows.setdefault(row[0], []).append(row)
    return rows


def _chunks(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    return (ids[first : first + IDS_A_QUERY] for first in range(0, len(ids), IDS_A_QUERY))
