"""Flags of a withdrawn project: cleared with the withdrawal, by no audit, and active again when it is restored."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, case, func, select, update

from registry.core.clock import today
from registry.core.database import db
from registry.core.transactions import require_transaction
from registry.exemptions.models import Exemption
from registry.exemptions.service import in_force_on
from registry.flags.former_flags import FORMER, keep_former
from registry.flags.models import FLAGS, IS_ACTIVE, Flag, last_good_date
from registry.flags.vocabulary import FlagStatus
from registry.freeze.vocabulary import Severity

# A flag of these takes two people to withdraw the project.
SERIOUS = Severity.MEDIUM.and_above()
ACCEPTED = Flag.accepted_fingerprint == Flag.fingerprint


def ever_had_serious_flag(project_id: int) -> bool:
    """True when the project has, or ever had, a flag of medium or high severity, be it cleared, exempt or accepted."""
    of_project = select(FLAGS.c.id).where(FLAGS.c.project_id == project_id)
    now_serious = of_project.where(FLAGS.c.severity.in_(SERIOUS))
    once_serious = select(FORMER.c.id).where(FORMER.c.flag_id.in_(of_project), FORMER.c.severity.in_(SERIOUS))
    return any(db.session.scalar(each.limit(1)) is not None for each in (now_serious, once_serious))


def serious_flags(project_id: int | None = None) -> dict[int, int]:
    """How many flags of medium or high severity are active, be they exempt or accepted, by the project's id."""
    active = [IS_ACTIVE, FLAGS.c.severity.in_(SERIOUS)]
    if project_id is not None:
        active.append(FLAGS.c.project_id == project_id)
    counted = select(FLAGS.c.project_id, func.count()).where(*active).group_by(FLAGS.c.project_id)
    return {row[0]: row[1] for row in db.session.execute(counted)}


def clear_flags(project_id: int, at: datetime) -> list[int]:
    """Clear the active flags of a project in the open transaction; returns their ids."""
    session = require_transaction()
    active = select(FLAGS.c.id).where(FLAGS.c.project_id == project_id, IS_ACTIVE).order_by(FLAGS.c.id)
    ids = list(session.scalars(active.with_for_update()))
    values = {"status": "cleared", "cleared_on": today(), "last_seen_on": last_good_date()}
    _update(ids, at, **values)
    return ids


def reopen_flags(ids: Sequence[int], at: datetime) -> None:
    """Give flags that a withdrawal cleared the status that they had, in the open transaction."""
    _update(ids, at, status=status_when_reopened(), cleared_on=None, last_seen_on=None)


def status_when_reopened() -> ColumnElement[str]:
    """The status that a cleared flag had, or open or accepted where its exemption has ended since, as SQL on flags."""
    in_force = select(Exemption.id).where(Exemption.id == Flag.exemption_id, in_force_on(today())).exists()
    return case((in_force, FlagStatus.EXEMPT.value), (ACCEPTED, FlagStatus.ACCEPTED.value), else_=FlagStatus.OPEN.value)


def status_before_withdrawal() -> ColumnElement[str]:
    """The status that a flag had which a withdrawal cleared, as SQL on the table of flags."""
    return case((Flag.exemption_id.is_not(None), "exempt"), (ACCEPTED, "accepted"), else_="open")


def _update(ids: Sequence[int], at: datetime, **values: object) -> None:
    keep_former(at, FLAGS.c.id.in_(ids))
    statement = update(Flag).where(Flag.id.in_(ids)).values(**values, changed_at=at)
    require_transaction().execute(statement, execution_options={"synchronize_session": False})
