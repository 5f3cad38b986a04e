"""Earlier states of flags, kept before each change, and the flags as they were at an earlier moment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import JSON, ColumnElement, ForeignKey, Index, Integer, String, func, insert, literal, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from registry.changes.service import record_changes
from registry.core.bulk import table_of
from registry.core.database import Instant, Model, db
from registry.core.transactions import require_transaction
from registry.flags.models import FLAG_SUBJECT, FLAGS


class FormerFlag(Model):
    """What a flag was until an audit (``ended_by_audit``), a decision or a withdrawal changed it.

    Ids follow the order of changes: whoever changes flags holds the flag lock (``lock.py``).
    """

    __tablename__ = "former_flags"

    id: Mapped[int] = mapped_column(primary_key=True)
    flag_id: Mapped[int] = mapped_column(ForeignKey("flags.id"))
    until: Mapped[datetime] = mapped_column(Instant)
    ended_by_audit: Mapped[int | None] = mapped_column(ForeignKey("audits.id"))
    status: Mapped[str] = mapped_column(String(10))
    severity: Mapped[str] = mapped_column(String(10))
    observed: Mapped[dict[str, Any]] = mapped_column(JSON)
    fingerprint: Mapped[str] = mapped_column(String(64))
    accepted_fingerprint: Mapped[str | None] = mapped_column(String(64))
    opened_on: Mapped[date]
    last_seen_on: Mapped[date | None]
    cleared_on: Mapped[date | None]
    exemption_id: Mapped[int | None] = mapped_column(ForeignKey("exemptions.id"))

    __table_args__ = (Index("ix_former_flags_flag_id", "flag_id", "id"),)


FORMER: Final = table_of(FormerFlag)
STATE: Final = (
    "status",
    "severity",
    "observed",
    "fingerprint",
    "accepted_fingerprint",
    "opened_on",
    "last_seen_on",
    "cleared_on",
    "exemption_id",
)


def keep_former(at: datetime, *which: ColumnElement[bool], audit_id: int | None = None) -> None:
    """Keep the state of the flags that fit before they change ``at``, in the open transaction."""
    record_changes(FLAG_SUBJECT, *which)
    state = [FLAGS.c[name] for name in STATE]
    now_ending = (literal(at, Instant()), literal(audit_id, Integer()))
    kept = select(FLAGS.c.id, *now_ending, *state).where(*which).order_by(FLAGS.c.id)
    names = ("flag_id", "until", "ended_by_audit", *STATE)
    require_transaction().execute(insert(FORMER).from_select(names, kept))


def highest_ids() -> tuple[int, int]:
    """The highest id of a flag, and of a former state, which only grow: what came later has a higher one."""
    highest = [select(func.coalesce(func.max(table.c.id), 0)).scalar_subquery() for table in (FLAGS, FORMER)]
    flags, former = require_transaction().execute(select(*highest)).one()
    return flags, former


def flags_then(which: ColumnElement[bool], ended_later: ColumnElement[bool]) -> Iterator[Mapping[str, Any]]:
    """The flags that fit, each with the earliest of its former states that ended later, or as it is without one.

    Yields mappings of ``id``, ``project_id``, ``rule``, ``opened_by_audit`` and the columns of STATE, by id.
    """
    former = [FORMER.c.flag_id, *(FORMER.c[name] for name in STATE)]
    later = select(*former).join(FLAGS, FLAGS.c.id == FORMER.c.flag_id).where(which, ended_later)
    states: dict[int, dict[str, Any]] = {}
    for row in db.session.execute(later.order_by(FORMER.c.id)).mappings():
        states.setdefault(row["flag_id"], {name: row[name] for name in STATE})
    columns = [FLAGS.c[name] for name in ("id", "project_id", "rule", "opened_by_audit", *STATE)]
    for row in db.session.execute(select(*columns).where(which).order_by(FLAGS.c.id)).mappings():
        yield {**row, **states.get(row["id"], {})}


def ended_after(former_flags_up_to: int, but_by: int | None = None) -> ColumnElement[bool]:
    """Condition on FORMER: the state ended after that many former states; not by the audit ``but_by``."""
    later = FORMER.c.id > former_flags_up_to
    if but_by is None:
        return later
    return later & or_(FORMER.c.ended_by_audit.is_(None), FORMER.c.ended_by_audit != but_by)
