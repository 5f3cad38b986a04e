"""Flag model: one rule's finding on one project, from the audit that opened it to the audit that cleared it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import JSON, ColumnElement, ForeignKey, Index, String, case, literal_column, text
from sqlalchemy.orm import Mapped, mapped_column

from registry.changes.service import Subject
from registry.changes.vocabulary import ChangeKind
from registry.core.bulk import table_of
from registry.core.database import EPOCH, Instant, Model
from registry.flags.vocabulary import FlagStatus
from registry.freeze.vocabulary import Severity

ACTIVE_STATUSES: Final = tuple(status.value for status in FlagStatus if status is not FlagStatus.CLEARED)
SEVERITY_RANK: Final = {severity.value: severity.rank for severity in Severity}


class Flag(Model):
    """``status`` is open, exempt, accepted or cleared. A project and rule have at most one flag that is not cleared.

    ``last_seen_on`` is written when the flag is cleared. Active flags were last seen by the last successful audit, so
    an audit without changes writes nothing. ``accepted_fingerprint`` identifies the findings that a decision accepted;
    the acceptance applies while the fingerprint stays the same.
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
    changed_at: Mapped[datetime] = mapped_column(Instant, server_default=EPOCH)

    __table_args__ = (
        Index(
            "uq_flags_standing",
            "project_id",
            "rule",
            unique=True,
            sqlite_where=text("status <> 'cleared'"),
            postgresql_where=text("status <> 'cleared'"),
        ),
        # The query of project statuses is answered from this index alone.
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


# The table, for statements that do not load objects.
FLAGS: Final = table_of(Flag)
FLAG_SUBJECT: Final = Subject(
    ChangeKind.FLAG, FLAGS, status=FLAGS.c.status, severity=FLAGS.c.severity, project_id=FLAGS.c.project_id
)
# A literal, not a bound value: PostgreSQL's generic plans can then use the partial index of active flags.
IS_ACTIVE: Final[ColumnElement[bool]] = FLAGS.c.status != literal_column("'cleared'")


def rank(severity: ColumnElement[str]) -> ColumnElement[int]:
    """Map a severity to a sortable number: 1 for the lowest."""
    return case(SEVERITY_RANK, value=severity, else_=0)
