"""Lists of audits and of their changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import Select, func, select

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.audits.restricted_counts import visible_run
from registry.core.database import db
from registry.core.errors import Malformed, Problem
from registry.core.lists import (
    BooleanFilter,
    ChoiceFilter,
    ColumnFilter,
    Listing,
    Page,
    SortKey,
    after,
    build_page,
    conditions,
    date_filters,
    instant_filters,
    order_by,
)
from registry.flags.models import IS_GOOD, AuditChange, AuditRun
from registry.flags.vocabulary import AuditStatus, FlagChange, Trigger
from registry.projects.models import Project
from registry.projects.visibility import among_visible, journal_restricted_reads, visible_projects

NEWEST_FIRST: Final = SortKey("id", AuditRun.id.expression, int)
OLDEST_FIRST: Final = SortKey("id", AuditChange.id.expression, int)
EXAMPLES: Final = 3

AUDIT_FILTERS: Final[Mapping[str, ColumnFilter]] = {
    "status": ChoiceFilter(AuditRun.status.expression, AuditStatus.codes()),
    "trigger": ChoiceFilter(AuditRun.trigger.expression, Trigger.codes()),
    "dry_run": BooleanFilter(AuditRun.dry_run.expression),
    **date_filters("on", AuditRun.on.expression),
    **instant_filters("started_at", AuditRun.started_at.expression),
    **instant_filters("finished_at", AuditRun.finished_at.expression),
}


def list_audits(actor: Actor, raw: Mapping[str, str], page: Page) -> Listing:
    """Return a page of audits, newest first (``sort``: ``-id`` or ``id``), with the counts that the actor may see.

    Raises RoleNotAllowed and Malformed.
    """
    actor.require(Permission.AUDITS_READ)
    if page.sort not in (None, "id", "-id"):
        raise Malformed([Problem("sort", "not-a-choice", {"options": "id, -id"})])
    descending = page.sort != "id"
    columns = [column.label(column.key) for column in AuditRun.__table__.columns]
    statement = select(*columns, AuditRun.id.label("_sort"), AuditRun.id.label("_id"))
    statement = statement.where(*conditions(AUDIT_FILTERS, raw))
    if page.cursor is not None:
        statement = statement.where(after(NEWEST_FIRST, AuditRun.id.expression, descending, page.cursor))
    ordered = statement.order_by(*order_by(NEWEST_FIRST, AuditRun.id.expression, descending)).limit(page.limit + 1)
    listing = build_page(db.session.execute(ordered).mappings().all(), page, NEWEST_FIRST, descending)
    return Listing([visible_run(actor, run) for run in listing.items], listing.next)


def changes_of(actor: Actor, audit: AuditRun, page: Page) -> Listing:
    """Return a page of the audit's changes on visible projects: ``{project, rule, severity, change}``.

    Restricted projects on the page are journalled as read.
    """
    actor.require(Permission.AUDITS_READ)
    statement = _changes(actor, audit)
    if page.cursor is not None:
        statement = statement.where(after(OLDEST_FIRST, AuditChange.id.expression, False, page.cursor))
    rows = db.session.execute(statement.limit(page.limit + 1)).mappings().all()
    listing = build_page(rows, page, OLDEST_FIRST, descending=False)
    _journal_reads(actor, listing.items)
    return listing


def count_changes(actor: Actor, audit: AuditRun) -> dict[str, int]:
    """Count the audit's changes of each kind on visible projects; 0 for kinds without any."""
    actor.require(Permission.AUDITS_READ)
    counts = (
        select(AuditChange.change, func.count())
        .where(AuditChange.audit_id == audit.id, *among_visible(actor, AuditChange.project_id.expression))
        .group_by(AuditChange.change)
    )
    return dict.fromkeys(FlagChange.codes(), 0) | {row[0]: row[1] for row in db.session.execute(counts)}


def example_changes(actor: Actor, audit: AuditRun) -> dict[str, list[str]]:
    """Return up to three visible projects of each rule whose flags the audit changes: rule → numbers.

    Restricted projects among them are journalled as read.
    """
    actor.require(Permission.AUDITS_READ)
    place = func.row_number().over(partition_by=AuditChange.rule, order_by=AuditChange.id).label("place")
    ranked = _changes(actor, audit).add_columns(place).order_by(None).subquery()
    rows = db.session.execute(select(ranked).where(ranked.c.place <= EXAMPLES).order_by(ranked.c._id)).mappings().all()
    _journal_reads(actor, rows)
    examples: dict[str, list[str]] = {}
    for row in rows:
        examples.setdefault(row["rule"], []).append(row["project"])
    return examples


def all_changes_of(actor: Actor, audit: AuditRun) -> list[dict[str, Any]]:
    """Return all changes of the audit on visible projects; restricted projects are journalled as read."""
    actor.require(Permission.AUDITS_READ)
    rows = db.session.execute(_changes(actor, audit)).mappings().all()
    _journal_reads(actor, rows)
    return [{name: value for name, value in row.items() if not name.startswith("_")} for row in rows]


def _changes(actor: Actor, audit: AuditRun) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Project.number.label("project"),
            AuditChange.rule,
            AuditChange.severity,
            AuditChange.change,
            Project.is_restricted.label("_restricted"),
            AuditChange.id.label("_sort"),
            AuditChange.id.label("_id"),
        )
        .join(Project, Project.id == AuditChange.project_id)
        .where(AuditChange.audit_id == audit.id, *visible_projects(actor))
        .order_by(AuditChange.id)
    )


def previous_good(actor: Actor, audit: AuditRun) -> AuditRun | None:
    """Return the successful run, not dry, before this one by date and time. Raises RoleNotAllowed."""
    actor.require(Permission.AUDITS_READ)
    return db.session.scalar(
        select(AuditRun)
        .where(
            IS_GOOD,
            AuditRun.id != audit.id,
            (AuditRun.on < audit.on) | ((AuditRun.on == audit.on) & (AuditRun.started_at < audit.started_at)),
        )
        .order_by(AuditRun.on.desc(), AuditRun.finished_at.desc(), AuditRun.id.desc())
        .limit(1)
    )


def _journal_reads(actor: Actor, rows: Iterable[Any]) -> None:
    journal_restricted_reads(actor, (row["project"] for row in rows if row["_restricted"]), "audit changes")
