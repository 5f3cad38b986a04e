"""Audit execution: what was judged becomes writes, in one transaction that a crash rolls back."""

from __future__ import annotations

import logging
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, and_, select

from registry.accounts.actors import Actor
from registry.audits.candidates import Totals
from registry.audits.change_threshold import held_because
from registry.audits.flag_writes import write_changes, write_flags
from registry.audits.held_causes import held_causes
from registry.audits.policy_texts import save_policy_text
from registry.audits.preparation import Preparation
from registry.audits.project_changes import ProjectChanges
from registry.audits.promises import check_promise, promise_to_check
from registry.audits.reconciliation import SEVERITY_LOWERED, SEVERITY_RAISED, Plan
from registry.audits.restricted_counts import COUNTS, LATER_COUNTS, RESTRICTED
from registry.cases.models import Case
from registry.cases.sync import sync_cases
from registry.changes.service import record_added
from registry.core import outbox
from registry.core.clock import now
from registry.core.transactions import require_transaction
from registry.flags.audit_runs import AUDIT_SUBJECT, AuditRun, last_good_audit
from registry.flags.former_flags import highest_ids
from registry.flags.freeze_status import policy_basis, projects_with_wrong_status, update_freeze_status
from registry.flags.lock import lock_flags_for_audit
from registry.freeze.policy import Policy
from registry.journal import service as journal
from registry.projects.change_times import PROJECT, lock_projects, projects_of_ids

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


def execute_audit(
    actor: Actor, run: AuditRun, policy: Policy, *, check_threshold: bool, prepared: Preparation | None = None
) -> AuditRun:
    """Judge every project by the policy on the run's date and write the results inside the open transaction.

    ``prepared``: what was read before the transaction kept others from writing. It is brought up to date under the
    lock; one for another policy or date is not used, nor after an upgrade.
    With ``check_threshold``, the run is held when it would flag or clear too many projects; its changes then describe
    what it would do.
    """
    session = require_transaction()
    if not run.dry_run:
        lock_flags_for_audit()
    session.add(run)
    session.flush()
    if not run.dry_run:
        record_added(AUDIT_SUBJECT, run.id)
    last = last_good_audit()
    # Before what has changed is judged again: a change that waits for a lock of this transaction is later.
    run.known_at = now()
    # While the schema was upgraded from a version before 0.2, its processes wrote no freeze status and no changes for
    # the feed. The audits of that version have no policy basis.
    after_upgrade = last is not None and last.policy_basis is None and not run.dry_run
    if prepared is None or after_upgrade or not prepared.is_for(policy, run.on):
        prepared = Preparation(policy, run.on)
    judgement = prepared.judgement
    judgement.bring_up_to_date()
    totals, restricted = judgement.totals, judgement.restricted
    run.compared_with = None if last is None else last.id
    run.flags_up_to, run.former_flags_up_to = highest_ids()
    save_policy_text(policy)
    promise = promise_to_check(run, policy)
    changes = ProjectChanges(policy.case_from_severity)
    # Which cases it would open is counted of runs that are not carried out; the others count what they open.
    watch = changes.add if promise is not None or run.dry_run else None
    plan, restricted_plan = Plan(), Plan()
    # Comparing every project in each audit would take 10 s a million.
    wrong = projects_with_wrong_status(policy) if after_upgrade else set()
    for part, of_part, restricted_of_part in judgement.plans(watch):
        plan.add(of_part)
        restricted_plan.add(restricted_of_part)
        changes.finish(part)
    # A dry run is never held, but it reports why it would be.
    why = held_because(plan, policy, run.on, last) if check_threshold or run.dry_run else None
    held = why is not None and not run.dry_run
    run.status = "held" if held else "succeeded"
    run.held_because = why
    if last is not None and why is not None:
        run.held_causes = held_causes(plan.turned, run, last)
    run.input_digest = judgement.digest()
    run.policy_basis = policy_basis(policy)
    for name, count in _counts(plan, totals).items():
        setattr(run, name, count)
    run.judged_up_to = totals.up_to
    run.restricted_counts = {
        **_counts(restricted_plan, restricted.totals),
        **restricted_plan.turns(),
        "judged_by_last_audit": 0 if last is None else (last.restricted_counts or {}).get("projects_judged", 0),
    }
    case_changes: dict[str, Any] = {}
    carried_out = not held and not run.dry_run
    if held and watch is None:
        for part, *_ in judgement.plans(changes.add):
            changes.finish(part)
    with_new_case = set(changes.cases_opened)
    if carried_out:
        timestamp = now()
        changed = _changed_projects(plan, totals, policy, last, wrong)
        # Before the flags, whose foreign keys lock projects too: all bulk writers lock in the same order.
        for some in changed:
            lock_projects(some)
        write_flags(plan, run.id, run.on, timestamp, None if last is None else last.on)
        session.flush()
        for some in changed:
            update_freeze_status(timestamp, some, policy=policy)
        case_changes = sync_cases(run.id, run.on, timestamp, policy, prepared.projects_to_sync(plan, run.id))
        with_new_case = set(session.scalars(select(Case.project_id).where(Case.opened_by_audit == run.id)))
        prepared.counts.bring_up_to_date(changed)
        prepared.counts.save(run.id)
        if case_changes:
            journal.record(actor, "cases.followed", f"audit:{run.id}", case_changes)
    run.cases_opened = len(with_new_case)
    run.restricted_counts = {**run.restricted_counts, "cases_opened": len(with_new_case & restricted.ids)}
    write_changes(plan, run.id, carried_out=carried_out)
    if promise is not None:
        check_promise(run, promise, changes, restricted.ids, carried_out=carried_out)
    run.finished_at = now()
    session.flush()
    journal.record(actor, f"audit.{'dry-run' if run.dry_run else run.status}", f"audit:{run.id}", _journal_details(run))
    if not run.dry_run:
        outbox.enqueue(f"audit.{run.status}", {"audit": run.id, "reopened": case_changes.get("reopened", [])})
    log.info("audit finished", extra={"audit": run.id, "on": run.on.isoformat(), "status": run.status})
    return run


def _changed_projects(
    plan: Plan, totals: Totals, policy: Policy, last: AuditRun | None, wrong: set[int]
) -> list[ColumnElement[bool]]:
    """Conditions that the projects fit whose freeze status, severity or start the audit may have changed.

    ``wrong``: ids of those whose stored status has to be corrected.
    """
    judged = 0 if last is None else last.judged_up_to
    changed: list[ColumnElement[bool]] = []
    if last is not None and last.policy_digest != policy.digest and last.policy_basis != policy_basis(policy):
        # A new scope or start clock affects every project; other changes of the policy only those whose flags change.
        judged = 0
    else:
        ids = {*plan.changed_projects(), *wrong}
        changed = projects_of_ids({project_id for project_id in ids if project_id <= judged})
    if judged < totals.up_to:
        changed.append(and_(PROJECT.c.id > judged, PROJECT.c.id <= totals.up_to))
    return changed


def _counts(plan: Plan, totals: Totals) -> dict[str, int]:
    return {
        "projects_judged": totals.in_scope,
        "projects_out_of_scope": totals.out_of_scope,
        "projects_flagged": plan.projects_flagged,
        "projects_exempt": plan.projects_exempt,
        "flags_opened": len(plan.opened),
        "flags_kept": plan.kept,
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
