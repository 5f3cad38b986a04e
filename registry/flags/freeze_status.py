"""Where a project stands: its freeze status and highest severity, worked out from flags and the last good audit."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, Subquery, and_, bindparam, case, func, select

from registry.agencies.service import Agency
from registry.core.bulk import table_of
from registry.core.database import db, is_sqlite
from registry.flags.audit_runs import AuditRun, newest_good
from registry.flags.models import ACTIVE_STATUSES, FLAGS, IS_ACTIVE, SEVERITY_RANK, has_flag, rank, worst_severity
from registry.freeze.current import policy_in_force
from registry.freeze.policy import Policy
from registry.projects.models import Project

PROJECT: Final = table_of(Project).c
AGENCY: Final = table_of(Agency).c
STATUS_RANK: Final = {"open": 3, "exempt": 2, "accepted": 1}
STATUS_OF: Final = ("clear", "accepted", "exempt", "flagged")
SEVERITY_OF: Final = (None, *SEVERITY_RANK)
# The highest project id that the last good audit saw, NULL before the first, to be read along with projects.
JUDGED_UP_TO: Final[ColumnElement[int | None]] = newest_good(table_of(AuditRun).c.judged_up_to).scalar_subquery()


def judged_up_to() -> int:
    """The highest project id that the last good audit saw; 0 before the first."""
    return db.session.scalar(select(JUDGED_UP_TO)) or 0


def status_code(project_id: ColumnElement[int]) -> ColumnElement[int | None]:
    """The worst status and severity of a project's standing flags in one number, NULL without any, as SQL.

    One look at the flags of each row shown; ``decode_status`` reads it.
    """
    worst = func.max(case(STATUS_RANK, value=FLAGS.c.status))
    gravest = func.max(rank(FLAGS.c.severity))
    standing = (FLAGS.c.project_id == project_id, IS_ACTIVE)
    return select(worst * 10 + gravest).where(*standing).correlate_except(FLAGS).scalar_subquery()


def status_codes() -> Subquery:
    """``status_code`` of every project that has a standing flag, as rows of ``project_id`` and ``code``.

    One pass over all standing flags, for statements that ask about many projects at once.
    """
    code = func.max(case(STATUS_RANK, value=FLAGS.c.status)) * 10 + func.max(rank(FLAGS.c.severity))
    standing = select(FLAGS.c.project_id, code.label("code")).where(IS_ACTIVE)
    return standing.group_by(FLAGS.c.project_id).subquery()


def decode_status(code: int | None, project_id: int, kind: str, judged: int | None) -> tuple[str, str | None]:
    """Freeze status and highest severity, of a project of an agency of that kind, as freeze_status() has them."""
    return decode_status_of_many(code, kind, judged=project_id <= (judged or 0))


def decode_status_of_many(code: int | None, kind: str, *, judged: bool) -> tuple[str, str | None]:
    """The same, of projects that have one code, agencies of one kind, and all or none of them been ``judged``."""
    status, severity = divmod(code or 0, 10)
    gravest = SEVERITY_OF[severity]
    if kind not in policy_in_force().scope:
        return "out_of_scope", gravest
    return (STATUS_OF[status] if judged else "unaudited"), gravest


def has_status(status: str) -> ColumnElement[bool]:
    """That a project has this freeze status, as a condition that indexes can answer; the statement must join Agency."""
    policy = policy_in_force()
    outside = AGENCY.kind.not_in(policy.scope)
    if status == "out_of_scope":
        return outside
    judged = func.coalesce(JUDGED_UP_TO, 0)
    if status == "unaudited":
        return and_(~outside, PROJECT.id > judged)
    better = {"flagged": (), "exempt": ("open",), "accepted": ("open", "exempt"), "clear": ACTIVE_STATUSES}[status]
    own = {"flagged": "open", "exempt": "exempt", "accepted": "accepted"}.get(status)
    conditions = [~has_flag(PROJECT.id, *better)] if better else []
    if own is not None:
        conditions.append(has_flag(PROJECT.id, own))
    return and_(~outside, PROJECT.id <= judged, *conditions)


def has_severity(severity: str) -> ColumnElement[bool]:
    """That this is the severity of a project's highest standing flag, as a condition that indexes can answer."""

    def stands(*severities: str) -> ColumnElement[bool]:
        mine = (FLAGS.c.project_id == PROJECT.id, IS_ACTIVE, FLAGS.c.severity.in_(severities))
        return select(FLAGS.c.id).where(*mine).correlate_except(FLAGS).exists()

    graver = [name for name, number in SEVERITY_RANK.items() if number > SEVERITY_RANK[severity]]
    return and_(stands(severity), ~stands(*graver)) if graver else stands(severity)


def freeze_status(policy: Policy, judged: int) -> ColumnElement[str]:
    """The status of a project as SQL; the statement must join its agency. ``judged`` is judged_up_to()."""
    return case(
        (AGENCY.kind.not_in(policy.scope), "out_of_scope"),
        (PROJECT.id > judged, "unaudited"),
        (has_flag(PROJECT.id, "open"), "flagged"),
        (has_flag(PROJECT.id, "exempt"), "exempt"),
        (has_flag(PROJECT.id, "accepted"), "accepted"),
        else_="clear",
    )


def severity() -> ColumnElement[str | None]:
    """The severity of the highest standing flag as SQL, NULL for none."""
    return case({number: name for name, number in SEVERITY_RANK.items()}, value=worst_severity(PROJECT.id))


def started_on(policy: Policy) -> ColumnElement[Any]:
    """The earliest date set among the policy's start clock, as SQL."""
    columns: list[ColumnElement[Any]] = [PROJECT[name] for name in policy.start_clock]
    if len(columns) == 1:
        return columns[0]
    if not is_sqlite():
        return func.least(*columns)
    # SQLite's min() is NULL when any of its values is.
    return func.coalesce(func.min(*columns), *columns)


def standing_of_new(kind: str) -> tuple[str, str | None]:
    """Freeze status and severity of a project that was just registered, of an agency of that kind."""
    return decode_status(None, 1, kind, None)


def standing_of(project_id: int) -> tuple[str, str | None]:
    """The freeze status and the highest severity of one project."""
    code, judged, kind = db.session.execute(STATUS_OF_ONE, {"project": project_id}).one()
    return decode_status(code, project_id, kind, judged)


def status_of(project_id: int) -> str:
    """The freeze status of one project."""
    return standing_of(project_id)[0]


# Made once: every look at a project asks it.
STATUS_OF_ONE: Final = (
    select(status_code(PROJECT.id), JUDGED_UP_TO, AGENCY.kind)
    .select_from(table_of(Project))
    .join(table_of(Agency), AGENCY.id == PROJECT.agency_id)
    .where(PROJECT.id == bindparam("project"))
)
