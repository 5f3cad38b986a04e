"""Audit execution: what was judged becomes writes, in one transaction that a crash rolls back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import chain, islice
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, delete, insert, literal, select, update

from registry.accounts.roles import Actor
from registry.audits.candidates import Part, counts_of_others, restricted_among
from registry.audits.counting import save_counts
from registry.audits.held_audits import held_because, held_causes
from registry.audits.judgement import Judgement
from registry.audits.models import AuditInput, PolicyText
from registry.audits.policy_activation import ProjectChanges, check_promise, promise_to_check
from registry.audits.queries import COUNTS, LATER_COUNTS, RESTRICTED
from registry.audits.reconciliation import SEVERITY_LOWERED, SEVERITY_RAISED, Plan
from registry.cases.models import Case
from registry.cases.sync import accepted_no_more, projects_without_case, sync_cases
from registry.core.clock import now
from registry.core.database import require_transaction
from registry.core.dialects import insert_or_ignore, insert_rows, is_among, refresh_statistics, update_rows
from registry.flags import models
from registry.flags.former_flags import flags_written_by, highest_ids
from registry.flags.freeze_status import policy_basis, repeat_projects, write_freeze_status
from registry.flags.models import COMING, FLAGS, AuditChange, AuditRun, Flag
from registry.freeze.policy import Policy
from registry.journal import service as journal
from registry.projects.models import PROJECT, STATUS, lock_projects

# Bulk writes of a plan: opens, updates and clears flags, and stores the run's changes.

ROWS_AT_ONCE = 5000
MANY = 1000
Row = TypeVar("Row")


def write_flags(plan: Plan, audit_id: int, on: date, at: datetime, last_seen_on: date | None) -> None:
    """Write the plan's flags inside the open transaction, with ``changed_at`` = ``at``.

    ``last_seen_on`` is the date of the last successful audit.
    """
    session = require_transaction()
    for opened in _chunks(plan.opened):
        rows = [
            {
                "project_id": project_id,
                "rule": finding.rule,
                "severity": finding.severity,
                "status": "open" if exemption_id is None else "exempt",
                "observed": finding.observed,
                "fingerprint": finding.fingerprint,
                "exemption_id": exemption_id,
                "opened_on": on,
                "opened_by_audit": audit_id,
                "changed_at": at,
            }
            for project_id, finding, exemption_id in opened
        ]
        insert_rows(session, Flag, rows)
    for updated in _chunks(plan.updated):
        rows = [
            {
                "id": flag.id,
                "status": status,
                "severity": finding.severity,
                "observed": finding.observed,
                "fingerprint": finding.fingerprint,
                "accepted_fingerprint": accepted,
                "exemption_id": exemption_id,
            }
            for flag, finding, status, accepted, exemption_id in updated
        ]
        update_rows(session, Flag, rows, changed_at=at)
    if plan.cleared:
        end = {"status": "cleared", "cleared_on": on, "cleared_by_audit": audit_id, "last_seen_on": last_seen_on}
        which = is_among(FLAGS.c.id, [flag.id for flag in plan.cleared])
        session.execute(update(FLAGS).where(which).values(**end, changed_at=at))
    if len(plan.opened) + len(plan.cleared) >= MANY:
        refresh_statistics(session, "flags")


CHANGE_COLUMNS = ("audit_id", "project_id", "rule", "severity", "change")


def write_changes(plan: Plan, audit_id: int, *, carried_out: bool) -> None:
    """Store the changes that the run made, or would make. Replaces those of an earlier attempt of the same run."""
    session = require_transaction()
    session.execute(delete(AuditChange).where(AuditChange.audit_id == audit_id))
    if carried_out and plan.opened:
        # The flags exist already, so their changes are copied inside the database.
        opened = (
            select(literal(audit_id), Flag.project_id, Flag.rule, Flag.severity, literal("opened"))
            .where(Flag.opened_by_audit == audit_id)
            .order_by(Flag.id)
        )
        session.execute(insert(AuditChange).from_select(CHANGE_COLUMNS, opened))
    changes = chain(() if carried_out else plan.opening(), plan.other_changes())
    while chunk := list(islice(changes, ROWS_AT_ONCE)):
        insert_rows(
            session, AuditChange, [dict(zip(CHANGE_COLUMNS, (audit_id, *change), strict=True)) for change in chunk]
        )


def _chunks(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    for start in range(0, len(rows), ROWS_AT_ONCE):
        yield rows[start : start + ROWS_AT_ONCE]


log = logging.getLogger(__name__)


def new_run(actor: Actor, on: date, trigger: str, policy: Policy, *, dry_run: bool) -> AuditRun:
    """Create a run's row without writing it."""
    return AuditRun(
        on=on,
        trigger=trigger,
        status="running",
        dry_run=dry_run,
        policy_version=policy.version,
        policy_digest=policy.digest,
        started_by=actor.principal,
        started_at=now(),
    )


def save_policy_text(policy: Policy) -> None:
    """Store the text of a policy in the open transaction, once."""
    if policy.text:
        row = {"digest": policy.digest, "version": policy.version, "text": policy.text}
        require_transaction().execute(insert_or_ignore(PolicyText).values(**row).on_conflict_do_nothing())


def execute_audit(
    actor: Actor, run: AuditRun, policy: Policy, *, check_threshold: bool, judged: Judgement | None = None
) -> AuditRun:
    """Judge the projects by the policy on the run's date and write the results inside the open transaction.

    ``judged``: what was read before the transaction kept others from writing; one for another policy or date is not
    used. With ``check_threshold``, the run is held when it would flag or clear too many projects; its changes then
    describe what it would do.
    """
    last = _begin(run, policy)
    judgement = judged if judged is not None and judged.is_for(policy, run.on) else None
    if judgement is None:
        judgement = Judgement(policy, run.on, writes=not run.dry_run)
    judgement.bring_up_to_date()
    run.flags_up_to, run.former_flags_up_to = highest_ids()
    promise, changes = promise_to_check(run, policy), ProjectChanges(policy.case_from_severity)
    # Which cases it would open is counted of runs that are not carried out; the others count what they open.
    is_watched = promise is not None or run.dry_run
    plan, restricted_plan = judgement.plan(changes.add if is_watched else None)
    # A dry run is never held, but it reports why it would be.
    run.held_because = held_because(plan, policy, run.on, last) if check_threshold or run.dry_run else None
    if last is not None and run.held_because is not None:
        run.held_causes = held_causes(plan.turned, run, last)
    run.status = "succeeded" if run.dry_run or run.held_because is None else "held"
    _count(run, judgement, plan, restricted_plan, last)
    carried_out = run.status == "succeeded" and not run.dry_run
    _save_input(run, judgement, carried_out=carried_out)
    if carried_out:
        with_new_case = _carry_out(actor, run, policy, plan, judgement, last)
    else:
        if not is_watched:
            judgement.plan(changes.add)
        with_new_case = _cases_to_open(changes, judgement)
    run.cases_opened = len(with_new_case)
    restricted = restricted_among(with_new_case)
    run.restricted_counts = {**(run.restricted_counts or {}), "cases_opened": len(restricted)}
    write_changes(plan, run.id, carried_out=carried_out)
    if promise is not None:
        check_promise(run, promise, changes, carried_out=carried_out)
    run.finished_at = now()
    require_transaction().flush()
    journal.record(actor, f"audit.{'dry-run' if run.dry_run else run.status}", f"audit:{run.id}", _journal_details(run))
    log.info("audit finished", extra={"audit": run.id, "on": run.on.isoformat(), "status": run.status})
    return run


def _begin(run: AuditRun, policy: Policy) -> AuditRun | None:
    """Write the run with what it starts from, under the lock; returns the audit before it."""
    session = require_transaction()
    if not run.dry_run:
        models.lock_flags_for_audit()
    session.add(run)
    session.flush()
    last = models.last_good_audit()
    run.compared_with = None if last is None else last.id
    # Before what has changed is judged: a change that waits for a lock of this transaction is later.
    run.known_at = now()
    run.policy_basis = policy_basis(policy)
    save_policy_text(policy)
    return last


def _save_input(run: AuditRun, judgement: Judgement, *, carried_out: bool) -> None:
    """Store what the run read, in place of an earlier attempt's.

    What projects count is stored of the last audit alone: the one before cannot be continued any more, though this one
    is voided.
    """
    session = require_transaction()
    session.execute(delete(AuditInput).where(AuditInput.audit_id == run.id))
    if carried_out:
        session.execute(update(AuditInput).where(AuditInput.counted.is_not(None)).values(counted=None))
    session.execute(insert(AuditInput), judgement.input_of(run.id, may_be_continued=carried_out))


def _cases_to_open(changes: ProjectChanges, judgement: Judgement) -> set[int]:
    """Return the projects of which the audit would open a case, also of those that it does not change."""
    changes.finish(Part(0, judgement.up_to))
    open_now = require_transaction().scalars(projects_without_case(changes.from_severity))
    reopened = require_transaction().scalars(accepted_no_more().with_only_columns(Case.project_id))
    return {*changes.cases_opened, *({*open_now} - {*reopened} - judgement.compared.keys())}


def _carry_out(
    actor: Actor, run: AuditRun, policy: Policy, plan: Plan, judgement: Judgement, last: AuditRun | None
) -> set[int]:
    """Write flags, statuses, cases and counts. Returns the projects with a new case."""
    session, at = require_transaction(), now()
    changed = _changed_projects(plan, judgement, policy, last)
    # Before the flags, whose foreign keys lock projects too: all bulk writers lock in the same order.
    for are_some in changed:
        lock_projects(are_some(PROJECT.c.id))
    with flags_written_by(run.id):
        write_flags(plan, run.id, run.on, at, None if last is None else last.on)
    session.flush()
    if judgement.wrong_statuses:
        repeat_projects(judgement.wrong_statuses)
    for are_some in changed:
        write_freeze_status(at, policy, are_some(STATUS.c.project_id))
    # A full audit brings all cases in line.
    to_sync = None if judgement.judged is None or len(judgement.compared) > MANY else judgement.compared.keys()
    cases = sync_cases(run.id, run.on, at, policy, to_sync)
    _write_coming_changes(judgement)
    save_counts(run.id, run.on)
    if cases:
        journal.record(actor, "cases.followed", f"audit:{run.id}", cases)
    return set(session.scalars(select(Case.project_id).where(Case.opened_by_audit == run.id)))


def _write_coming_changes(judgement: Judgement) -> None:
    """Store what time alone will change, where it is not what is stored: most nights little is."""
    session = require_transaction()
    gone, new = judgement.coming_changes()
    if gone:
        session.execute(delete(COMING).where(is_among(COMING.c.project_id, {each.project_id for each in gone})))
    insert_rows(session, models.ComingChange, (each._asdict() for each in sorted(new)))


def _changed_projects(
    plan: Plan, judgement: Judgement, policy: Policy, last: AuditRun | None
) -> list[Callable[[ColumnElement[int]], ColumnElement[bool]]]:
    """Conditions on the ids of the projects whose statuses the audit may change."""
    # A new scope or start clock affects every project; other changes of the policy only those whose flags change.
    judged = 0 if last is None or last.policy_basis != policy_basis(policy) else last.judged_up_to
    ids = {each for each in {*plan.changed_projects()} | judgement.wrong_statuses if each <= judged}
    changed: list[Callable[[ColumnElement[int]], ColumnElement[bool]]] = []
    if ids:
        changed.append(lambda project_id: is_among(project_id, ids))
    if judged < judgement.up_to:
        changed.append(lambda project_id: project_id.between(judged + 1, judgement.up_to))
    return changed


def _count(run: AuditRun, judgement: Judgement, plan: Plan, restricted_plan: Plan, last: AuditRun | None) -> None:
    run.input_digest, run.judged_up_to = judgement.digest(), judgement.up_to
    run.continues = None if judgement.continued is None else judgement.continued.full_id
    if judgement.expected is not None:
        unexplained = (plan.projects() | judgement.wrong_days) - judgement.expected
        unexplained |= judgement.wrong_statuses - judgement.placed
        if unexplained:
            log.error("audit corrected projects of which nothing had changed", extra={"audit": run.id})
        run.unexplained = {"projects": sorted(unexplained), "restricted": sorted(restricted_among(unexplained))}
    others, restricted = counts_of_others(judgement.policy, judgement.up_to, judgement.compared)
    for name, count in _counts(plan, others).items():
        setattr(run, name, count)
    run.restricted_counts = {
        **_counts(restricted_plan, restricted),
        **restricted_plan.turns(),
        "judged_by_last_audit": 0 if last is None else (last.restricted_counts or {}).get("projects_judged", 0),
    }


def _counts(plan: Plan, others: Mapping[str, int]) -> dict[str, int]:
    """Return what the plan makes of the projects that are compared, with what stands of the others."""
    return {
        "projects_judged": others["projects_judged"],
        "projects_out_of_scope": others["projects_out_of_scope"],
        "projects_flagged": others["projects_flagged"] + plan.projects_flagged,
        "projects_to_migrate": others["projects_to_migrate"] + plan.projects_to_migrate,
        "projects_exempt": others["projects_exempt"] + plan.projects_exempt,
        "flags_opened": len(plan.opened),
        "flags_kept": others["flags_kept"] + plan.kept,
        "flags_reopened": len(plan.reopened),
        "flags_cleared": len(plan.cleared),
        **{kind: plan.turns()[kind] for kind in (SEVERITY_RAISED, SEVERITY_LOWERED)},
    }


def _journal_details(run: AuditRun) -> dict[str, Any]:
    names = (*COUNTS, *LATER_COUNTS, "input_digest", "policy_version", "policy_digest", "trigger")
    journal_entry = {"on": run.on.isoformat(), **{name: getattr(run, name) for name in names}}
    restricted = {
        name: count for name, count in (run.restricted_counts or {}).items() if name in (*COUNTS, *LATER_COUNTS)
    }
    return {**journal_entry, RESTRICTED: restricted} if any(restricted.values()) else journal_entry
