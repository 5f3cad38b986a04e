"""Queries for case sync: the cases that an audit opens or moves, from the current state of flags and cases.

Statements that depend on the audit take its id as the parameter ``AUDIT``. ``projects``: ids of those to look at, None
for all.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Integer,
    Select,
    bindparam,
    exists,
    func,
    not_,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import aliased

from registry.cases.models import Case, CaseEvent, CaseFlag
from registry.cases.vocabulary import Status
from registry.core.dialects import is_among
from registry.flags.models import ACTIVE_STATUSES, Flag, rank
from registry.freeze.vocabulary import Severity

AUDIT: Final = "audit"
_audit = bindparam(AUDIT, type_=Integer)
Projects = Collection[int] | None


def accepted_no_more(projects: Projects = None) -> Select[int]:
    """Newest case of each project without an open case, when it covers a flag that is open again."""
    return (
        select(func.max(Case.id))
        .join(CaseFlag, CaseFlag.case_id == Case.id)
        .join(Flag, Flag.id == CaseFlag.flag_id)
        .where(Flag.status == "open", Case.status == Status.CLOSED, not_(_open_case(Flag.project_id.expression)))
        .where(*_of(Case.project_id, projects))
        .group_by(Case.project_id)
    )


def projects_without_case(from_severity: str, projects: Projects = None) -> Select[int]:
    """Projects with an open flag of at least this severity and no open case."""
    heavy = Severity(from_severity).and_above()
    return select(Flag.project_id).where(
        Flag.status == "open",
        Flag.severity.in_(heavy),
        not_(_open_case(Flag.project_id.expression)),
        *_of(Flag.project_id, projects),
    )


def projects_with_open_case(*which: ColumnElement[bool]) -> Select[int]:
    """Projects with an open case, of the cases that fit."""
    return select(Case.project_id).where(Case.status != Status.CLOSED, *which)


def flags_of_closed_cases(*which: ColumnElement[bool]) -> Select[int]:
    """Flags that a closed case covers, of the cases that fit: open again, they reopen it instead of opening another."""
    covered = select(CaseFlag.flag_id).join(Case, Case.id == CaseFlag.case_id)
    return covered.where(Case.status == Status.CLOSED, *which)


def uncovered(projects: Projects = None) -> Select[int, int]:
    """Pairs of an open case and an active flag of its project that the case does not cover yet."""
    return (
        select(Case.id, Flag.id)
        .join(Flag, Flag.project_id == Case.project_id)
        .where(
            Case.status != Status.CLOSED,
            Flag.status != "cleared",
            not_(exists(select(CaseFlag.flag_id).where(CaseFlag.case_id == Case.id, CaseFlag.flag_id == Flag.id))),
            *_of(Case.project_id, projects),
        )
    )


def with_new_flags(projects: Projects = None) -> Select[int]:
    """Cases opened before this AUDIT with a flag that they do not cover yet."""
    before = func.coalesce(Case.opened_by_audit, 0) != _audit
    return uncovered(projects).with_only_columns(Case.id).where(before).distinct()


def flagged_again(projects: Projects = None) -> Select[int]:
    """Cases that wait for confirmation and have an active flag again."""
    return select(Case.id).where(
        Case.status == Status.AWAITING_CONFIRMATION,
        _has_active_flag(*ACTIVE_STATUSES),
        *_of(Case.project_id, projects),
    )


def exempt_no_more(projects: Projects = None) -> Select[int]:
    """Cases that wait for the Commission because of an exemption that has ended."""
    return select(Case.id).where(
        Case.status == Status.WITH_COMMISSION,
        Case.exempt_since.is_not(None),
        not_(_has_active_flag("exempt")),
        _has_active_flag(*ACTIVE_STATUSES),
        *_of(Case.project_id, projects),
    )


def cleared(projects: Projects = None) -> Select[int]:
    """Cases without a flag that keeps them open, except cases that people reopened before this AUDIT."""
    return select(Case.id).where(
        Case.status.not_in((Status.CLOSED, Status.AWAITING_CONFIRMATION)),
        not_(_has_active_flag(*ACTIVE_STATUSES)),
        or_(Case.status == Status.REMEDIATION, not_(_taken_back()), _cleared_by_audit()),
        *_of(Case.project_id, projects),
    )


def exempted(projects: Projects = None) -> Select[int]:
    """Cases with an exempt flag and no open flag that do not wait for the Commission yet."""
    return select(Case.id).where(
        Case.status.in_((Status.NEW, Status.UNDER_REVIEW, Status.WITH_COMMISSION)),
        Case.exempt_since.is_(None),
        not_(_has_active_flag("open")),
        _has_active_flag("exempt"),
        *_of(Case.project_id, projects),
    )


def changed_severities(projects: Projects = None) -> Select[int, int]:
    """Open cases whose severity differs from that of their highest active flag, with that flag's rank."""
    worst = (
        select(Flag.project_id, func.max(rank(Flag.severity.expression)).label("worst"))
        .where(Flag.status != "cleared", *_of(Flag.project_id, projects))
        .group_by(Flag.project_id)
        .subquery()
    )
    return (
        select(Case.id, worst.c.worst)
        .join(worst, worst.c.project_id == Case.project_id)
        .where(Case.status != Status.CLOSED, rank(Case.severity.expression) != worst.c.worst)
    )


def projects_to_sync(from_severity: str, projects: Projects = None) -> CompoundSelect[int]:
    """The projects whose cases are not in line with their flags."""
    cases = (accepted_no_more, with_new_flags, flagged_again, exempt_no_more, cleared, exempted, changed_severities)
    of_cases = [statement(projects).with_only_columns(Case.project_id) for statement in cases]
    return union_all(projects_without_case(from_severity, projects), *of_cases)


def _of(project_id: Any, projects: Projects) -> tuple[ColumnElement[bool], ...]:
    return () if projects is None else (is_among(project_id, projects),)


def _open_case(project_id: ColumnElement[int]) -> ColumnElement[bool]:
    other = aliased(Case)
    return exists(select(other.id).where(other.project_id == project_id, other.status != Status.CLOSED))


def _has_active_flag(*statuses: str) -> ColumnElement[bool]:
    """Condition: the case's project has a flag with one of the statuses and of a severity that keeps the case open."""
    return exists(
        select(Flag.id)
        .where(
            Flag.project_id == Case.project_id,
            Flag.status.in_(statuses),
            rank(Flag.severity.expression) >= rank(Case.from_severity.expression),
        )
        .correlate(Case)
    )


def _taken_back() -> ColumnElement[bool]:
    """Condition: people reopened the case after its flags cleared. Audits keep this until another flag clears."""
    return exists(
        select(CaseEvent.id)
        .where(
            CaseEvent.case_id == Case.id,
            CaseEvent.side != "audit",
            CaseEvent.from_status.in_((Status.AWAITING_CONFIRMATION, Status.CLOSED)),
            CaseEvent.to_status.not_in((Status.AWAITING_CONFIRMATION, Status.CLOSED)),
        )
        .correlate(Case)
    )


def _cleared_by_audit() -> ColumnElement[bool]:
    return exists(
        select(Flag.id).where(Flag.project_id == Case.project_id, Flag.cleared_by_audit == _audit).correlate(Case)
    )
