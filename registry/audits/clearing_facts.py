"""Clearing facts: the recorded changes that explain why an audit cleared a flag."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select

from registry.agencies.models import Agency
from registry.audits.verdicts import CONFIRMED, PROJECT_FACTS
from registry.cases.models import Order
from registry.core.database import db
from registry.flags.models import AuditRun, Flag
from registry.journal.service import JournalEntry
from registry.projects.models import Project
from registry.projects.revisions import Revision

# A change of these fields may clear a flag of any rule, because they decide which rules apply.
ALWAYS: Final = frozenset({"placement", "stage", "work_type", "ended_on", *CONFIRMED, "onboarding_due_on", "agency"})
# A rule's observed value may have another name than the fields from which it is computed.
STARTED: Final = ("contract_signed_on", "work_started_on")
ORDER_OVERDUE: Final = "migration.order-overdue"
LEGACY: Final = "freeze.legacy"


@dataclass(frozen=True, slots=True)
class ClearingFact:
    """A recorded change. ``kind``: ``field``, ``agency_kind``, ``order`` or ``policy``."""

    kind: str
    at: datetime | None = None
    actor: str | None = None
    field: str | None = None
    old: Any = None
    new: Any = None


@dataclass(frozen=True, slots=True)
class Clearing:
    """The audit that cleared a flag, and the facts that explain it; empty when no recorded change does."""

    audit_id: int
    facts: Sequence[ClearingFact]


def clearings(project_id: int, flag_ids: Iterable[int]) -> dict[int, Clearing]:
    """Return the clearing of each flag of one project by flag id, without flags that are not cleared."""
    flags = db.session.scalars(
        select(Flag).where(Flag.id.in_(list(flag_ids)), Flag.cleared_by_audit.is_not(None))
    ).all()
    audits = {flag.cleared_by_audit for flag in flags if flag.cleared_by_audit is not None}
    changes = {audit_id: _changes(project_id, audit_id) for audit_id in audits}
    clearings_by_flag = {}
    for flag in flags:
        if flag.cleared_by_audit is not None:
            facts = [fact for fact in changes[flag.cleared_by_audit] if _explains(fact, flag.rule, flag.observed)]
            clearings_by_flag[flag.id] = Clearing(flag.cleared_by_audit, facts)
    return clearings_by_flag


def _explains(fact: ClearingFact, rule: str, observed: Mapping[str, Any]) -> bool:
    if fact.kind == "order":
        return rule == ORDER_OVERDUE
    if fact.kind != "field":
        return True
    if rule == LEGACY:
        # The legacy rule applies when no other rule does, so any field that a rule reads may have ended it.
        return fact.field in PROJECT_FACTS
    looked_at = {*observed, *(STARTED if "started_on" in observed else ())}
    return fact.field in ALWAYS or fact.field in looked_at


def _changes(project_id: int, audit_id: int) -> list[ClearingFact]:
    """Return the recorded changes between the previous audit and this one that may change a verdict, oldest first."""
    audit = db.session.get_one(AuditRun, audit_id)
    before = db.session.scalar(
        select(AuditRun)
        .where(AuditRun.status == "succeeded", AuditRun.dry_run.is_(False), AuditRun.finished_at < audit.started_at)
        .order_by(AuditRun.finished_at.desc(), AuditRun.id.desc())
        .limit(1)
    )
    since, until = None if before is None else before.finished_at, audit.finished_at or audit.started_at
    facts: list[ClearingFact] = []
    revisions = select(Revision).where(Revision.project_id == project_id, Revision.version > 1, Revision.at <= until)
    for revision in db.session.scalars(revisions.order_by(Revision.version)):
        if since is None or revision.at > since:
            facts += [
                ClearingFact("field", revision.at, revision.by, change["field"], change["old"], change["new"])
                for change in revision.changes
            ]
    orders = select(Order).where(Order.project_id == project_id, Order.ended_at <= until).order_by(Order.ended_at)
    facts += [
        ClearingFact("order", order.ended_at, None, "due_on", order.due_on, order.ended_because)
        for order in db.session.scalars(orders)
        if order.ended_at is not None and (since is None or order.ended_at > since)
    ]
    bin_number = db.session.scalar(select(Agency.bin).join(Project).where(Project.id == project_id))
    entries = select(JournalEntry.at, JournalEntry.principal, JournalEntry.details).where(
        JournalEntry.subject == f"agency:{bin_number}", JournalEntry.action == "agency.changed"
    )
    for written, actor, details in db.session.execute(entries.order_by(JournalEntry.seq)):
        at = datetime.fromisoformat(written)
        if at <= until and (since is None or at > since):
            facts += [
                ClearingFact("agency_kind", at, actor, "kind", change["old"], change["new"])
                for change in json.loads(details).get("changes", ())
                if change["field"] == "kind"
            ]
    if before is not None and before.policy_digest != audit.policy_digest:
        facts.append(ClearingFact("policy", None, None, None, before.policy_version, audit.policy_version))
    return facts
