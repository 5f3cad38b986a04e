"""Audits as they are shown: the counts that an actor may see, lists of audits and of their changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, func, or_, select

from registry.accounts.roles import Actor, Permission
from registry.audits.held_audits import visible_causes
from registry.audits.judgement import statuses_before
from registry.audits.policy_activation import visible_check
from registry.cases.models import Case
from registry.core import lists
from registry.core.database import db, require_transaction
from registry.core.dialects import is_among
from registry.core.lists import Listing, Page, read_page
from registry.flags import models
from registry.flags.former_flags import FormerFlag, status_before_withdrawal
from registry.freeze.policy import policy_in_force
from registry.projects.models import Project
from registry.projects.visibility import among_visible, journal_restricted_reads, visible_projects
from registry.requests.service import was_withdrawn_at, withdrawal_in_effect

# Restricted counts: an audit's counts with and without restricted projects.
#
# Each run stores how much restricted projects add to its counts; this is subtracted for readers who may not see
# them.

COUNTS: Final = (
    "projects_judged",
    "projects_out_of_scope",
    "projects_flagged",
    "projects_exempt",
    "flags_opened",
    "flags_kept",
    "flags_reopened",
    "flags_cleared",
)
# None in runs older than these columns.
MOVES: Final = ("severity_raised", "severity_lowered", "cases_opened")
LATER_COUNTS: Final = ("projects_to_migrate", *MOVES)
# Key of these counts in a run's journal entries.
RESTRICTED: Final = "restricted"


def visible_run(actor: Actor, run: models.AuditRun | Mapping[str, Any]) -> dict[str, Any]:
    """Return a run's columns with the counts that the actor may see."""
    columns = (
        {**run} if isinstance(run, Mapping) else {each.key: getattr(run, each.key) for each in run.__table__.columns}
    )
    restricted, sees_all = columns.pop("restricted_counts"), actor.may(Permission.RESTRICTED_READ)
    columns["without_restricted"] = not sees_all
    if (unexplained := columns.get("unexplained")) is not None:
        columns["unexplained"] = len(unexplained["projects"]) - (0 if sees_all else len(unexplained["restricted"]))
    columns["held_causes"] = visible_causes(columns.get("held_causes"), with_restricted=sees_all)
    columns["promise_check"] = visible_check(columns.get("promise_check"), with_restricted=sees_all)
    return columns if sees_all else without_restricted(columns, restricted)


def without_restricted(run: Mapping[str, Any], restricted: Mapping[str, int] | None) -> dict[str, Any]:
    """Return a run's columns or details minus the ``restricted`` counts, also in ``held_because``."""
    if not restricted:
        return dict(run)
    narrowed = {name: value - restricted[name] if name in COUNTS else value for name, value in run.items()}
    for name in LATER_COUNTS:
        if narrowed.get(name) is not None:
            narrowed[name] -= restricted.get(name, 0)
    if narrowed.get("held_because"):
        why = narrowed["held_because"]
        narrowed["held_because"] = {name: value - restricted.get(name, 0) for name, value in why.items()}
    return narrowed


def move_in_last_audit(project: Project) -> None:
    """Add the project to the restricted counts of the last successful audit, or remove it, in the open transaction.

    The counts of the audit and of the report then cover the same projects. Earlier runs keep their counts.
    """
    session = require_transaction()
    last = models.last_good_audit()
    if last is None or last.restricted_counts is None or project.id > last.judged_up_to:
        return
    if last.finished_at is not None and was_withdrawn_at(project, last.finished_at):
        # That audit did not count it.
        return
    lock = select(models.AuditRun).where(models.AuditRun.id == last.id).with_for_update()
    locked = session.scalars(lock.execution_options(populate_existing=True)).one()
    counts, sign = locked.restricted_counts or {}, 1 if project.is_restricted else -1
    own = _counts_of(project, last.id, last.finished_at)
    locked.restricted_counts = {**counts, **{name: counts.get(name, 0) + sign * own[name] for name in own}}


def _counts_of(project: Project, audit_id: int, finished_at: datetime | None) -> dict[str, int]:
    session = require_transaction()
    statuses = _statuses_at_the_audit(project, finished_at)
    of_project = (models.AuditChange.audit_id == audit_id, models.AuditChange.project_id == project.id)
    changes = Counter(session.scalars(select(models.AuditChange.change).where(*of_project)))
    in_scope = project.agency.kind in policy_in_force().scope
    return {
        "projects_judged": int(in_scope),
        "projects_out_of_scope": int(not in_scope),
        "projects_flagged": int("open" in statuses),
        "projects_exempt": int("exempt" in statuses and "open" not in statuses),
        "flags_opened": changes["opened"],
        "flags_kept": len(statuses) - changes["opened"] - changes["reopened"],
        "flags_reopened": changes["reopened"],
        "flags_cleared": changes["cleared"],
        **_severity_turn(project, audit_id),
        "cases_opened": int(_opened_case(project, audit_id)),
    }


def _severity_turn(project: Project, audit_id: int) -> dict[str, int]:
    """Return whether the audit raised or lowered the project's highest severity, from its flags and their former
    states.
    """
    session = require_transaction()
    withdrawal = withdrawal_in_effect(project)
    of_audit = [models.Flag.status.in_(models.ACTIVE_STATUSES), models.Flag.cleared_by_audit == audit_id]
    if withdrawal is not None:
        of_audit.append(models.Flag.id.in_(withdrawal.details["flags"]))
    flags = session.scalars(select(models.Flag).where(models.Flag.project_id == project.id, or_(*of_audit))).all()
    former = select(FormerFlag.flag_id, FormerFlag.severity).where(
        FormerFlag.flag_id.in_([flag.id for flag in flags]), FormerFlag.ended_by_audit == audit_id
    )
    severities = {row.flag_id: row.severity for row in session.execute(former)}
    before = [severities.get(flag.id, flag.severity) for flag in flags if flag.opened_by_audit != audit_id]
    after = [flag.severity for flag in flags if flag.cleared_by_audit != audit_id]
    highest, highest_before = (
        max((models.SEVERITY_RANK[each] for each in some), default=0) for some in (after, before)
    )
    kept = bool(before and after)
    raised, lowered = kept and highest > highest_before, kept and highest < highest_before
    return {"severity_raised": int(raised), "severity_lowered": int(lowered)}


def _opened_case(project: Project, audit_id: int) -> bool:
    opened = select(Case.id).where(Case.project_id == project.id, Case.opened_by_audit == audit_id)
    return require_transaction().scalar(opened.limit(1)) is not None


def _statuses_at_the_audit(project: Project, finished_at: datetime | None) -> Sequence[str]:
    """Return the statuses that the project's active flags had; of a withdrawn project, those that its flags had
    before.
    """
    session = require_transaction()
    withdrawal = withdrawal_in_effect(project)
    if withdrawal is None:
        flags = select(models.Flag.rule, models.Flag.status).where(
            models.Flag.project_id == project.id, models.Flag.status.in_(models.ACTIVE_STATUSES)
        )
    else:
        flags = select(models.Flag.rule, status_before_withdrawal()).where(
            models.Flag.id.in_(withdrawal.details["flags"])
        )
    changed = {} if finished_at is None else statuses_before(finished_at)
    return [changed.get((project.id, rule), status) for rule, status in session.execute(flags)]


# Lists of audits and of their changes.

EXAMPLES: Final = 3

AUDIT_LIST: Final = lists.RecordList[Actor](
    name="audits",
    permission=Permission.AUDITS_READ,
    rows=lambda _actor: select(*(column.label(column.key) for column in models.AuditRun.__table__.columns)),
    unique=models.AuditRun.id.expression,
    shown=lambda actor, runs: [visible_run(actor, run) for run in runs],
    filters={
        "status": lists.ChoiceFilter(models.AuditRun.status.expression, models.AuditStatus.codes()),
        "trigger": lists.ChoiceFilter(models.AuditRun.trigger.expression, models.Trigger.codes()),
        "dry_run": lists.BooleanFilter(models.AuditRun.dry_run.expression),
        **lists.date_filters("on", models.AuditRun.on.expression),
        **lists.instant_filters("started_at", models.AuditRun.started_at.expression),
        **lists.instant_filters("finished_at", models.AuditRun.finished_at.expression),
    },
    sorts=lists.sort_keys(models.AuditRun.id.expression),
    negatable=True,
)


def changes_of(actor: Actor, audit: models.AuditRun, page: Page) -> Listing:
    """Return a page of the audit's changes on visible projects: ``{project, rule, severity, change}``.

    Restricted projects on the page are journalled as read.
    """
    actor.require(Permission.AUDITS_READ)
    listing = read_page(_changes(actor, audit), page, models.AuditChange.id)
    _journal_reads(actor, listing.items)
    return listing


def count_changes(actor: Actor, audit: models.AuditRun) -> dict[str, int]:
    """Count the audit's changes of each kind on visible projects; 0 for kinds without any."""
    actor.require(Permission.AUDITS_READ)
    counts = (
        select(models.AuditChange.change, func.count())
        .where(models.AuditChange.audit_id == audit.id, *among_visible(actor, models.AuditChange.project_id.expression))
        .group_by(models.AuditChange.change)
    )
    return dict.fromkeys(models.FlagChange.codes(), 0) | {row[0]: row[1] for row in db.session.execute(counts)}


def example_changes(actor: Actor, audit: models.AuditRun) -> dict[str, list[str]]:
    """Return up to three visible projects of each rule whose flags the audit changes: rule → numbers.

    Restricted projects among them are journalled as read.
    """
    actor.require(Permission.AUDITS_READ)
    place = func.row_number().over(partition_by=models.AuditChange.rule, order_by=models.AuditChange.id).label("place")
    ranked = _changes(actor, audit).add_columns(place, models.AuditChange.id.label("_id")).subquery()
    rows = db.session.execute(select(ranked).where(ranked.c.place <= EXAMPLES).order_by(ranked.c._id)).mappings().all()
    _journal_reads(actor, rows)
    examples: dict[str, list[str]] = {}
    for row in rows:
        examples.setdefault(row["rule"], []).append(row["project"])
    return examples


def all_changes_of(actor: Actor, audit: models.AuditRun) -> list[dict[str, Any]]:
    """Return all changes of the audit on visible projects; restricted projects are journalled as read."""
    actor.require(Permission.AUDITS_READ)
    rows = db.session.execute(_changes(actor, audit).order_by(models.AuditChange.id)).mappings().all()
    _journal_reads(actor, rows)
    return [{name: value for name, value in row.items() if not name.startswith("_")} for row in rows]


def _changes(actor: Actor, audit: models.AuditRun) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Project.number.label("project"),
            models.AuditChange.rule,
            models.AuditChange.severity,
            models.AuditChange.change,
            Project.is_restricted.label("_restricted"),
        )
        .join(Project, Project.id == models.AuditChange.project_id)
        .where(models.AuditChange.audit_id == audit.id, *visible_projects(actor))
    )


def previous_good(actor: Actor, audit: models.AuditRun) -> models.AuditRun | None:
    """Return the successful run, not dry, before this one by date and time. Raises RoleNotAllowed."""
    actor.require(Permission.AUDITS_READ)
    return db.session.scalar(
        select(models.AuditRun)
        .where(
            models.IS_GOOD,
            models.AuditRun.id != audit.id,
            (models.AuditRun.on < audit.on)
            | ((models.AuditRun.on == audit.on) & (models.AuditRun.started_at < audit.started_at)),
        )
        .order_by(models.AuditRun.on.desc(), models.AuditRun.finished_at.desc(), models.AuditRun.id.desc())
        .limit(1)
    )


def unexplained_projects(actor: Actor, audit: models.AuditRun) -> list[str]:
    """Return the numbers of up to 50 visible projects that the audit should not have changed.

    Restricted projects among them are journalled as read. Raises RoleNotAllowed.
    """
    actor.require(Permission.AUDITS_READ)
    ids = (audit.unexplained or {}).get("projects", ())
    if not ids:
        return []
    columns = select(Project.number.label("project"), Project.is_restricted.label("_restricted")).order_by(Project.id)
    rows = db.session.execute(columns.where(is_among(Project.id.expression, ids), *visible_projects(actor)).limit(50))
    shown = [row._asdict() for row in rows]
    _journal_reads(actor, shown)
    return [row["project"] for row in shown]


def _journal_reads(actor: Actor, rows: Iterable[Any]) -> None:
    journal_restricted_reads(actor, (row["project"] for row in rows if row["_restricted"]), "audit changes")
