"""Flags as they were at an earlier moment, as a subquery with the columns of the table that lists show."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Subquery, and_, case, func, select

from registry.core.bulk import table_of
from registry.core.clock import now, rfc3339
from registry.core.database import db
from registry.core.errors import Conflict
from registry.flags.audit_runs import AuditRun
from registry.flags.former_flags import FORMER, STATE
from registry.flags.models import FLAGS

RUN: Final = table_of(AuditRun).c


class FlagsNotKnown(Conflict):
    """The moment is before former states of flags were kept."""


def flags_known_at(at: datetime) -> Subquery:
    """Query the flags that existed at the moment, each in its state of then; ``changed_at`` is when that state began.

    Raises FlagsNotKnown.
    """
    _require_known(at)
    ended_later = and_(FORMER.c.flag_id == FLAGS.c.id, FORMER.c.until > at)
    state_id = select(func.min(FORMER.c.id)).where(ended_later).correlate(FLAGS).scalar_subquery()
    state = FORMER.alias("state")
    last_end = and_(FORMER.c.flag_id == FLAGS.c.id, FORMER.c.until <= at)
    began = select(func.max(FORMER.c.until)).where(last_end).correlate(FLAGS).scalar_subquery()

    def then(name: str) -> ColumnElement[object]:
        return case((state.c.id.is_(None), FLAGS.c[name]), else_=state.c[name]).label(name)

    return (
        select(
            *(FLAGS.c[name] for name in ("id", "project_id", "rule")),
            *(then(name) for name in STATE),
            func.coalesce(began, RUN.finished_at).label("changed_at"),
        )
        .select_from(FLAGS)
        .join(table_of(AuditRun), RUN.id == FLAGS.c.opened_by_audit)
        .outerjoin(state, state.c.id == state_id)
        .where(RUN.finished_at <= at)
        .subquery("flags_then")
    )


def _require_known(at: datetime) -> None:
    """Audits of versions that kept no former states have no ``known_at``."""
    good = (RUN.status.in_(("succeeded", "voided")), RUN.dry_run.is_(False))
    since = db.session.scalar(select(func.min(RUN.known_at)).where(*good))
    earlier = select(RUN.id).where(*good, RUN.known_at.is_(None)).limit(1)
    if (since is None or at < since) and db.session.scalar(earlier) is not None:
        raise FlagsNotKnown(since=rfc3339(since or now()))
