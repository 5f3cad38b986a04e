"""Flags: one rule's finding on one project, from the audit that opened it to the one that cleared it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import JSON, ColumnElement, ForeignKey, Index, String, case, literal_column, text
from sqlalchemy.orm import Mapped, mapped_column

from registry.core.bulk import table_of
from registry.core.database import LONG_AGO, Instant, Model

ACTIVE_STATUSES = ("open", "exempt", "accepted")
SEVERITY_RANK = {"low": 1, "medium": 2, "high": 3}


class Flag(Model):
    """``status``: open, exempt, accepted, cleared. Of a project and rule at most one is not cleared.

    ``last_seen_on`` is kept when the flag is cleared; a standing flag was last seen by the last good audit, so that a
    quiet night writes nothing. ``accepted_fingerprint`` is what a decision accepted: it stands while the same.
    """

    __tablename__ = "flags"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    rule: Mapped[str] = mapped_column(String(40))
    severity: Mapped[str] = mapped_column(String(10))
    status: Mapped[str] = mapped_column(String(10))
    observed: Mapped[dict[str, Any]] = mapped_column(JSON)
    fingerprint: Mapped[str] = mapped_column(String(64))
    accepted_fingerprint: Mapped[str | None] = mapped_column(String(64))
    opened_on: Mapped[date]
    last_seen_on: Mapped[date | None]
    cleared_on: Mapped[date | None]
    opened_by_audit: Mapped[int] = mapped_column(ForeignKey("audits.id"))
    cleared_by_audit: Mapped[int | None] = mapped_column(ForeignKey("audits.id"))
    exemption_id: Mapped[int | None] = mapped_column(ForeignKey("exemptions.id"))
    changed_at: Mapped[datetime] = mapped_column(Instant, server_default=LONG_AGO)

    __table_args__ = (
        Index(
            "uq_flags_standing",
            "project_id",
            "rule",
            unique=True,
            sqlite_where=text("status <> 'cleared'"),
            postgresql_where=text("status <> 'cleared'"),
        ),
        # Where projects stand is read from this index alone.
        Index(
            "ix_flags_standing",
            "project_id",
            "status",
            "severity",
            sqlite_where=text("status <> 'cleared'"),
            postgresql_where=text("status <> 'cleared'"),
        ),
        Index(None, "project_id"),
        Index(None, "status", "rule"),
        Index(None, "changed_at", "id"),
        Index(None, "opened_by_audit"),
        Index(None, "cleared_by_audit"),
    )


# For conditions in statements that are not to know objects.
FLAGS: Final = table_of(Flag)
# Written out, not sent as a value: so PostgreSQL sees in a plan for any values that the index of standing flags serves.
IS_ACTIVE: Final[ColumnElement[bool]] = FLAGS.c.status != literal_column("'cleared'")


def rank(severity: ColumnElement[str]) -> ColumnElement[int]:
    """A severity as a number to order by: 1 low, 2 medium, 3 high."""
    return case(SEVERITY_RANK, value=severity, else_=0)
