"""Audit runs and their changes, as rows. ``registry/audits/`` writes them; lists, reports and statuses read them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import JSON, Boolean, ForeignKey, Index, Select, String, Text, literal_column, select, text
from sqlalchemy.orm import Mapped, mapped_column

from registry.core.bulk import table_of
from registry.core.database import Instant, Model, db
from registry.core.pagination import literal_limit

TRIGGERS = ("schedule", "manual", "catch_up")
CHANGES = ("opened", "reopened", "exempted", "accepted", "unaccepted", "cleared")
STATUSES = ("running", "succeeded", "held", "failed", "missed", "voided")


class AuditRun(Model):
    """One run of the policy over every project for one business date.

    ``judged_up_to`` is the highest project id that the run saw: ids follow the order of commits, so every project up to
    it was judged. ``scheduled_for`` is the business date of a night's run and unique; manual and voided runs have none.
    ``voiding``: ``reason``, ``proposed_by``, ``proposed_role``, ``proposed_at``, ``confirmed_by``, ``confirmed_at``.
    ``restricted_counts``: what the counts owe to projects that were restricted (``restricted_counts.py``); None for
    runs from before it was kept.
    """

    __tablename__ = "audits"

    id: Mapped[int] = mapped_column(primary_key=True)
    on: Mapped[date]
    scheduled_for: Mapped[date | None] = mapped_column(unique=True)
    trigger: Mapped[str] = mapped_column(String(10))
    status: Mapped[str] = mapped_column(String(10))
    dry_run: Mapped[bool] = mapped_column(Boolean)
    policy_version: Mapped[str] = mapped_column(String(200))
    policy_digest: Mapped[str] = mapped_column(String(64))
    started_by: Mapped[str] = mapped_column(Text)
    started_at: Mapped[datetime] = mapped_column(Instant)
    finished_at: Mapped[datetime | None] = mapped_column(Instant)
    projects_judged: Mapped[int] = mapped_column(default=0)
    projects_out_of_scope: Mapped[int] = mapped_column(default=0)
    projects_flagged: Mapped[int] = mapped_column(default=0)
    projects_exempt: Mapped[int] = mapped_column(default=0)
    flags_opened: Mapped[int] = mapped_column(default=0)
    flags_kept: Mapped[int] = mapped_column(default=0)
    flags_reopened: Mapped[int] = mapped_column(default=0)
    flags_cleared: Mapped[int] = mapped_column(default=0)
    judged_up_to: Mapped[int] = mapped_column(default=0)
    input_digest: Mapped[str | None] = mapped_column(String(64))
    confirmed_by: Mapped[str | None] = mapped_column(Text)
    held_because: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    restricted_counts: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    failure: Mapped[str | None] = mapped_column(Text)
    voiding: Mapped[dict[str, Any] | None] = mapped_column(JSON)

    __table_args__ = (
        Index(
            "ix_audits_good",
            "on",
            "id",
            sqlite_where=text("status = 'succeeded' AND NOT dry_run"),
            postgresql_where=text("status = 'succeeded' AND NOT dry_run"),
        ),
    )


class AuditChange(Model):
    """One status change of a flag since the last good audit; for a dry or held run, what would have changed."""

    __tablename__ = "audit_changes"

    id: Mapped[int] = mapped_column(primary_key=True)
    audit_id: Mapped[int] = mapped_column(ForeignKey("audits.id"), index=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    rule: Mapped[str] = mapped_column(String(40))
    severity: Mapped[str] = mapped_column(String(10))
    change: Mapped[str] = mapped_column(String(10))


def last_good_audit() -> AuditRun | None:
    """The newest run for good that succeeded: flags and statuses are as of it."""
    found: AuditRun | None = db.session.scalar(newest_good(AuditRun))
    return found


def audit_in_future(today: date) -> AuditRun | None:
    """The latest run for good, done or held, of a date after today: a wrong clock dated it, and it has to be voided."""
    found: AuditRun | None = db.session.scalar(
        select(AuditRun)
        .where(AuditRun.on > today, AuditRun.status.in_(("succeeded", "held")), AuditRun.dry_run.is_(False))
        .order_by(AuditRun.on.desc(), AuditRun.judged_up_to.desc(), AuditRun.finished_at.desc(), AuditRun.id.desc())
        .limit(1)
    )
    return found


def last_good_date() -> date | None:
    """The business date of the newest run for good that succeeded."""
    found: date | None = db.session.scalar(LAST_GOOD_DATE)
    return found


def failure_text(failure: str | None) -> str | None:
    """What is told of a failure. Behind the colon stands what the fault said, which may be of projects few may see."""
    return None if failure is None else failure.partition(":")[0]


def newest_good(*what: Any) -> Select[*tuple[Any, ...]]:
    """A query of these columns of the newest run for good that succeeded.

    Of one date the run that saw more projects came later, even when the clock was set back between the two.
    """
    run = table_of(AuditRun).c
    return (
        select(*what)
        .where(run.status == literal_column("'succeeded'"), run.dry_run.is_(False))
        .order_by(run.on.desc(), run.judged_up_to.desc(), run.finished_at.desc(), run.id.desc())
        .limit(literal_limit(1))
    )


# Made once: every list of flags asks it.
LAST_GOOD_DATE: Final = newest_good(table_of(AuditRun).c.on)
