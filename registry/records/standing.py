"""Where a project stands: its freeze status and highest severity, worked out from flags and the last good audit."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, case, func, select

from registry.freeze.policy import Policy
from registry.records.agencies import Agency
from registry.records.audit_runs import last_good_audit
from registry.records.flags import SEVERITY_RANK, has_flag, worst_severity
from registry.records.project_table import Project
from registry.store.database import db, is_sqlite


def judged_up_to() -> int:
    """The highest project id that the last good audit saw; 0 before the first."""
    last = last_good_audit()
    return 0 if last is None else last.judged_up_to


def freeze_status(policy: Policy, judged: int) -> ColumnElement[str]:
    """The status of a project as SQL; the statement must join its agency. ``judged`` is judged_up_to()."""
    return case(
        (Agency.kind.not_in(policy.scope), "out_of_scope"),
        (Project.id > judged, "unaudited"),
        (has_flag(Project.id.expression, "open"), "flagged"),
        (has_flag(Project.id.expression, "exempt"), "exempt"),
        (has_flag(Project.id.expression, "accepted"), "accepted"),
        else_="clear",
    )


def severity() -> ColumnElement[str | None]:
    """The severity of the highest standing flag as SQL, NULL for none."""
    return case({number: name for name, number in SEVERITY_RANK.items()}, value=worst_severity(Project.id.expression))


def started_on(policy: Policy) -> ColumnElement[Any]:
    """The earliest date set among the policy's start clock, as SQL."""
    columns: list[ColumnElement[Any]] = [getattr(Project, name).expression for name in policy.start_clock]
    if len(columns) == 1:
        return columns[0]
    if not is_sqlite():
        return func.least(*columns)
    # SQLite's min() is NULL when any of its values is.
    return func.coalesce(func.min(*columns), *columns)


def status_of(project_id: int, policy: Policy) -> str:
    """The freeze status of one project."""
    statement = (
        select(freeze_status(policy, judged_up_to()))
        .select_from(Project)
        .join(Agency, Agency.id == Project.agency_id)
        .where(Project.id == project_id)
    )
    return db.session.execute(statement).scalar_one()
