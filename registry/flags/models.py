"""Flags and audits: closed vocabularies, and the table of flags: one rule's finding on one project, from the audit that
opened it to the audit that cleared it.
"""

from datetime import date, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from registry.core.database import EPOCH, Instant, Model, db, require_transaction, table_of
from registry.core.dialects import advisory_lock
from registry.core.lists import literal_limit
from registry.core.translations import lazy_text
from registry.freeze.vocabulary import Choices, Severity


class FlagStatus(Choices, field="flag_status"):
    """Statuses of a flag. A flag that is not cleared is active."""

    OPEN = "open", lazy_text("Open")
    EXEMPT = "exempt", lazy_text("Exempt")
    ACCEPTED = "accepted", lazy_text("Accepted")
    CLEARED = "cleared", lazy_text("Cleared")


class AuditStatus(Choices, field="audit_status"):
    """Statuses of an audit run."""

    RUNNING = "running", lazy_text("Running")
    SUCCEEDED = "succeeded", lazy_text("Done")
    HELD = "held", lazy_text("Held")
    REJECTED = "rejected", lazy_text("Rejected")
    FAILED = "failed", lazy_text("Failed")
    MISSED = "missed", lazy_text("Missed")
    VOIDED = "voided", lazy_text("Voided")


class Trigger(Choices, field="trigger"):
    """What started an audit run."""

    SCHEDULE = "schedule", lazy_text("Nightly")
    MANUAL = "manual", lazy_text("Manual")
    CATCH_UP = "catch_up", lazy_text("Catch-up")


class HeldCause(Choices, field="held_cause"):
    """What changed for a project that the change threshold counts, since the last successful audit."""

    CONFIRMATION_LOST = "confirmation_lost", lazy_text("A confirmation of the platform was lost")
    RECORD_CHANGED = "record_changed", lazy_text("The record was changed")
    ORDER_ENDED = "order_ended", lazy_text("An order ended")
    AGENCY_CHANGED = "agency_changed", lazy_text("The agency was changed")
    POLICY_CHANGED = "policy_changed", lazy_text("The policy was changed")
    TIME_PASSED = "time_passed", lazy_text("A date was reached, nothing else")


class HeldDecisionKind(Choices, field="held_decision"):
    """What a supervisor decides on a held audit."""

    CONFIRMED = "confirmed", lazy_text("Confirmed")
    REJECTED = "rejected", lazy_text("Rejected")


class FlagChange(Choices, field="change"):
    """What an audit changes on a flag."""

    OPENED = "opened", lazy_text("Flag opened")
    REOPENED = "reopened", lazy_text("Flag reopened")
    EXEMPTED = "exempted", lazy_text("Exempt by the Commission")
    ACCEPTED = "accepted", lazy_text("Accepted")
    UNACCEPTED = "unaccepted", lazy_text("No longer accepted")
    RAISED = "raised", lazy_text("Severity raised")
    LOWERED = "lowered", lazy_text("Severity lowered")
    CLEARED = "cleared", lazy_text("Flag cleared")


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
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"))
    rule: Mapped[str] = mapped_column(sa.String(40))
    severity: Mapped[str] = mapped_column(sa.String(10))
    status: Mapped[str] = mapped_column(sa.String(10))
    observed: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    fingerprint: Mapped[str] = mapped_column(sa.String(64))
    accepted_fingerprint: Mapped[str | None] = mapped_column(sa.String(64))
    opened_on: Mapped[date]
    last_seen_on: Mapped[date | None]
    cleared_on: Mapped[date | None]
    opened_by_audit: Mapped[int] = mapped_column(sa.ForeignKey("audits.id"))
    cleared_by_audit: Mapped[int | None] = mapped_column(sa.ForeignKey("audits.id"))
    exemption_id: Mapped[int | None] = mapped_column(sa.ForeignKey("exemptions.id"))
    changed_at: Mapped[datetime] = mapped_column(Instant, server_default=EPOCH)

    __table_args__ = (
        sa.Index(
            "uq_flags_standing",
            "project_id",
            "rule",
            unique=True,
            sqlite_where=sa.text("status <> 'cleared'"),
            postgresql_where=sa.text("status <> 'cleared'"),
        ),
        # The query of project statuses is answered from this index alone.
        sa.Index(
            "ix_flags_standing",
            "project_id",
            "status",
            "severity",
            sqlite_where=sa.text("status <> 'cleared'"),
            postgresql_where=sa.text("status <> 'cleared'"),
        ),
        sa.Index(None, "project_id"),
        sa.Index(None, "status", "rule"),
        sa.Index(None, "changed_at", "id"),
        sa.Index(None, "opened_by_audit"),
        sa.Index(None, "cleared_by_audit"),
    )


# The table, for statements that do not load objects.
FLAGS: Final = table_of(Flag)
# A literal, not a bound value: PostgreSQL's generic plans can then use the partial index of active flags.
IS_ACTIVE: Final[sa.ColumnElement[bool]] = FLAGS.c.status != sa.literal_column("'cleared'")


def rank(severity: sa.ColumnElement[str]) -> sa.ColumnElement[int]:
    """Map a severity to a sortable number: 0 for the plan, then 1 for the lowest."""
    return sa.case(SEVERITY_RANK, value=severity, else_=-1)


# Audit run models. ``registry/audits/`` writes them; lists, reports and freeze statuses read them.


class AuditRun(Model):
    """One run of the policy over every project for one business date.

    ``judged_up_to`` is the highest project id that the run read. Ids follow the order of commits, so the run judged
    every project up to it. ``scheduled_for`` is the business date of a nightly audit and unique; it is None for manual
    and voided runs. ``voiding`` has the keys ``reason``, ``proposed_by``, ``proposed_role``, ``proposed_at``,
    ``confirmed_by`` and ``confirmed_at``. ``restricted_counts`` is the part of the counts that comes from restricted
    projects (``registry/audits/queries.py``). ``severity_raised`` and ``severity_lowered``: projects that keep active
    flags, of another highest severity; with ``cases_opened`` and
    ``projects_to_migrate`` None for runs older than the columns. ``policy_basis`` is
    what every project's displayed values depend on in the policy (``freeze_status.py``). Both are None for runs older
    than the column. ``held_causes`` counts what the change threshold saw (``registry/audits/held_audits.py``); it stays
    after the decision on a held run. ``held_decision`` has the keys ``decision`` (``confirmed`` or ``rejected``),
    ``reason``, ``by`` and ``at``. ``promise_check`` compares what the run changed with what the activation of its
    policy promised (``registry/audits/policy_activation.py``); None for other runs. What repeating needs, None for
    older runs: ``known_at``, the moment as of which it read the register; ``compared_with``, the id of the audit before
    it; ``flags_up_to`` and ``former_flags_up_to``, the highest ids of these tables before its own changes.
    ``continues``: the full audit that it continues; None for one that judged every project. ``unexplained``: of a full
    audit the ids of ``projects`` whose flags it changed although one that continued the last would not have judged
    them, and of the ``restricted`` ones among them; None for one that compared nothing.
    """

    __tablename__ = "audits"

    id: Mapped[int] = mapped_column(primary_key=True)
    on: Mapped[date]
    scheduled_for: Mapped[date | None] = mapped_column(unique=True)
    trigger: Mapped[str] = mapped_column(sa.String(10))
    status: Mapped[str] = mapped_column(sa.String(10))
    dry_run: Mapped[bool] = mapped_column(sa.Boolean)
    policy_version: Mapped[str] = mapped_column(sa.String(200))
    policy_digest: Mapped[str] = mapped_column(sa.String(64))
    policy_basis: Mapped[dict[str, list[str]] | None] = mapped_column(sa.JSON)
    started_by: Mapped[str] = mapped_column(sa.Text)
    started_at: Mapped[datetime] = mapped_column(Instant)
    finished_at: Mapped[datetime | None] = mapped_column(Instant)
    projects_judged: Mapped[int] = mapped_column(default=0)
    projects_out_of_scope: Mapped[int] = mapped_column(default=0)
    projects_flagged: Mapped[int] = mapped_column(default=0)
    projects_to_migrate: Mapped[int | None]
    projects_exempt: Mapped[int] = mapped_column(default=0)
    flags_opened: Mapped[int] = mapped_column(default=0)
    flags_kept: Mapped[int] = mapped_column(default=0)
    flags_reopened: Mapped[int] = mapped_column(default=0)
    flags_cleared: Mapped[int] = mapped_column(default=0)
    severity_raised: Mapped[int | None]
    severity_lowered: Mapped[int | None]
    cases_opened: Mapped[int | None]
    judged_up_to: Mapped[int] = mapped_column(default=0)
    input_digest: Mapped[str | None] = mapped_column(sa.String(64))
    confirmed_by: Mapped[str | None] = mapped_column(sa.Text)
    held_because: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON)
    held_causes: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON)
    held_decision: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON)
    promise_check: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    restricted_counts: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON)
    known_at: Mapped[datetime | None] = mapped_column(Instant)
    compared_with: Mapped[int | None]
    flags_up_to: Mapped[int | None]
    former_flags_up_to: Mapped[int | None]
    continues: Mapped[int | None]
    unexplained: Mapped[dict[str, list[int]] | None] = mapped_column(sa.JSON(none_as_null=True))
    failure: Mapped[str | None] = mapped_column(sa.Text)
    voiding: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON)
    voiding_account_id: Mapped[int | None] = mapped_column(sa.ForeignKey("accounts.id"))

    __table_args__ = (
        sa.Index(
            "ix_audits_good",
            "on",
            "judged_up_to",
            "finished_at",
            "id",
            sqlite_where=sa.text("status = 'succeeded' AND NOT dry_run"),
            postgresql_where=sa.text("status = 'succeeded' AND NOT dry_run"),
        ),
    )


# As text, in the words of ix_audits_good: a partial index is read only for a statement that has its condition, and
# SQLAlchemy writes another one for ``dry_run.is_(False)``.
IS_GOOD: Final = sa.text("audits.status = 'succeeded' AND NOT audits.dry_run")


class AuditChange(Model):
    """One change of a flag's status, else of its severity, since the last successful audit; for a dry or held run, the
    change it would make.
    """

    __tablename__ = "audit_changes"

    id: Mapped[int] = mapped_column(primary_key=True)
    audit_id: Mapped[int] = mapped_column(sa.ForeignKey("audits.id"), index=True)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"))
    rule: Mapped[str] = mapped_column(sa.String(40))
    severity: Mapped[str] = mapped_column(sa.String(10))
    change: Mapped[str] = mapped_column(sa.String(10))


class ComingChange(Model):
    """Where a project stands from a later day on if nothing changes but the date, as the last good audit saw it.

    One row for each day within AHEAD of the audit on which time alone changes its findings, or ends its exemption.
    ``flagged_for``: the most severe rule that flags it from that day on, or with a higher severity; None for none.
    """

    __tablename__ = "coming_changes"

    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"), primary_key=True, autoincrement=False)
    on: Mapped[date] = mapped_column(primary_key=True)
    freeze_status: Mapped[str] = mapped_column(sa.String(12))
    severity: Mapped[str | None] = mapped_column(sa.String(10))
    flagged_for: Mapped[str | None] = mapped_column(sa.String(40))

    __table_args__ = (sa.Index(None, "on"),)


COMING: Final = table_of(ComingChange)
# How far audits look ahead.
AHEAD: Final = timedelta(days=366)


def last_good_audit() -> AuditRun | None:
    """Return the newest successful run that is not a dry run; flags and statuses are as of this run."""
    run: AuditRun | None = db.session.scalar(newest_good(AuditRun))
    return run


def audit_in_future(today: date) -> AuditRun | None:
    """Return the latest succeeded or held run dated after today; a wrong clock caused it, and it must be voided."""
    run: AuditRun | None = db.session.scalar(
        sa.select(AuditRun)
        .where(AuditRun.on > today, AuditRun.status.in_(("succeeded", "held")), AuditRun.dry_run.is_(False))
        .order_by(AuditRun.on.desc(), AuditRun.judged_up_to.desc(), AuditRun.finished_at.desc(), AuditRun.id.desc())
        .limit(1)
    )
    return run


def unexplained_audit() -> AuditRun | None:
    """Return the last full audit if it changed flags that the audits before it should have changed; None otherwise."""
    last = last_good_audit()
    full = last if last is None or last.continues is None else db.session.get(AuditRun, last.continues)
    return full if full is not None and full.unexplained and full.unexplained["projects"] else None


def last_good_date() -> date | None:
    """Return the business date of the newest successful run that is not a dry run."""
    day: date | None = db.session.scalar(LAST_GOOD_DATE)
    return day


def failure_text(failure: str | None) -> str | None:
    """Return the public part of a failure; the exception text after the colon may name restricted projects."""
    return None if failure is None else failure.partition(":")[0]


def newest_good(*what: Any) -> sa.Select[*tuple[Any, ...]]:
    """Query these columns of the newest successful run that is not a dry run.

    Of two runs of one date, the run that read more projects is newer, even if the clock was set back between them.
    """
    run = table_of(AuditRun).c
    return (
        sa.select(*what)
        .where(IS_GOOD)
        .order_by(run.on.desc(), run.judged_up_to.desc(), run.finished_at.desc(), run.id.desc())
        .limit(literal_limit(1))
    )


# Built once because every list of flags runs it.
LAST_GOOD_DATE: Final = newest_good(table_of(AuditRun).c.on)


# Flag lock: audits and reviewers do not change flags, cases and orders concurrently.
#
# PostgreSQL uses a transaction-level advisory lock, taken before the first read: audits take it exclusively,
# reviewers share it. SQLite needs none: ``transaction()`` begins IMMEDIATE, which allows one writer at a time.

FLAG_LOCK = 742_003


def lock_flags_for_audit() -> None:
    """Block until no other transaction writes flags; hold the lock exclusively until the transaction ends."""
    advisory_lock(require_transaction(), FLAG_LOCK)


def lock_flags_for_review() -> None:
    """Block until no audit writes flags; block audits until the transaction ends."""
    advisory_lock(require_transaction(), FLAG_LOCK, shared=True)
