"""Verdicts on single projects: today's, of a change that is not written, and what explains that a flag was cleared."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import select

from registry.agencies.models import Agency
from registry.cases.models import Order, newest_in_force, order_facts, order_in_force
from registry.core.clock import local_date, today
from registry.core.database import db, table_of
from registry.core.fields import Day
from registry.core.translations import Language, translator
from registry.exemptions.service import exempt_projects, exemption_in_force
from registry.flags.models import AuditRun, Flag
from registry.freeze.contract_differences import CONTRACT_RULES
from registry.freeze.evaluation import evaluate, in_scope, next_change
from registry.freeze.facts import AI_FACTS, EarlierRevision, Facts, Sibling
from registry.freeze.findings import Finding, explain
from registry.freeze.policy import Policy, policy_in_force
from registry.freeze.rules import MIGRATION_ORDER_OVERDUE, ORDER_OVERDUE, fact_states
from registry.freeze.vocabulary import Severity
from registry.journal.service import JournalEntry
from registry.platform.deployments import NOT_REPORTED, deployment_facts
from registry.procurement.contract_terms import changed_contracts, contracts_of, with_former
from registry.projects.fields import FIELDS
from registry.projects.former_records import FORMER, former_pasts
from registry.projects.models import Project
from registry.projects.objects import READ as SIBLINGS_BY, siblings_of_values
from registry.projects.revisions import (
    CONFIRMED as CONFIRMED_FACTS,
    LAW_LOOKS_AT,
    READ_OF_PAST,
    Revision,
    as_earlier,
    confirmed_of,
    earlier,
    past_of,
    stored_revisions,
)
from registry.projects.vocabulary import FreezeStatus

# Project columns that become facts of the same name: what agencies claim and what QazTech confirms.
CLAIMED: Final = (
    "work_type",
    "stage",
    "placement",
    "onboarding_due_on",
    "contract_signed_on",
    "work_started_on",
    "pilot_started_on",
    "commissioned_on",
    "object_commissioned_on",
    "ended_on",
    "budget_kzt",
    "object_original_cost_kzt",
    "consent_number",
    "security_conclusion_number",
    "security_conclusion_on",
)
CONFIRMED: Final = ("placement_verified_on", "onboarding_confirmed_on", "ending_confirmed_on", "attested_on")
PROJECT_FACTS: Final = (*CLAIMED, *CONFIRMED, *AI_FACTS)
# Facts of which a change needs a reason on pages: the dates, the kind of work and the stage that rules read.
WITH_REASON: Final = frozenset(
    name for name in CLAIMED if name in ("work_type", "stage") or isinstance(FIELDS[name], Day)
)

FormerPasts = tuple[tuple[EarlierRevision, ...], ...]


def facts_of(project: Project, policy: Policy, *, is_check: bool = False) -> Facts:
    """Return the current facts of a registered project, with what the policy counts of others.

    ``is_check``: only of those of its own agency. From checks, which nobody notices, the budget of another agency's
    project could be worked out.
    """
    return _facts(project, order_in_force(project.id), earlier(project), policy, is_check=is_check)


def _facts(
    project: Project,
    order: Mapping[str, Any],
    past: tuple[EarlierRevision, ...],
    policy: Policy,
    *,
    is_new: bool = False,
    is_check: bool = False,
) -> Facts:
    former = former_pasts(FORMER.project_id == project.id).get(project.id, ())
    # A new record has neither matches nor a confirmed placement.
    contracts = contracts_of(policy, [*(each.id for each in former), *(() if is_new else (project.id,))])
    deployments = NOT_REPORTED if is_new else deployment_facts([project.id]).get(project.id, NOT_REPORTED)
    return Facts(
        agency_kind=project.agency.kind,
        registered_on=local_date(project.registered_at),
        past=past,
        former=tuple(each.past for each in former),
        contracts=with_former(contracts, project.id, former),
        siblings=_siblings_of(
            project.agency_id, _identity(project), policy, project.id, is_new=is_new, own_only=is_check
        ),
        confirmed=confirmed_of(project.confirmed_facts),
        **order,
        **deployments,
        **{name: getattr(project, name) for name in PROJECT_FACTS},
    )


def _siblings_of(
    agency_id: int,
    values: Mapping[str, Any],
    policy: Policy,
    project_id: int | None = None,
    *,
    is_new: bool = False,
    own_only: bool = True,
) -> tuple[Sibling, ...]:
    (siblings,) = siblings_of_values(policy, [(project_id, agency_id, values)], are_new=is_new, own_only=own_only)
    return siblings


def _identity(project: Project) -> dict[str, Any]:
    return {name: getattr(project, name) for name in SIBLINGS_BY}


def verdict_of(project: Project, on: date | None, language: Language, policy: Policy | None = None) -> dict[str, Any]:
    """Return the verdict on a project on a date (default: today), with texts in a language.

    ``exempt`` when an exemption is in force on the date; acceptances are ignored. ``policy`` replaces the version in
    force on the date, to try one out.
    """
    day = on or today()
    policy = policy or policy_in_force(day)
    exempt = exemption_in_force(project.id, day) is not None
    return represent_verdict(project.number, facts_of(project, policy), day, language, policy, exempt=exempt)


def verdict_at_registration(project: Project, language: Language) -> dict[str, Any]:
    """Return today's verdict on a project that was just registered and has no decisions or exemptions."""
    return represent_verdict(
        project.number,
        _facts(project, order_facts(), (), policy_in_force(), is_new=True),
        today(),
        language,
        policy_in_force(),
        exempt=False,
    )


def verdict_to_check(
    agency: Agency, values: Mapping[str, Any], on: date | None, language: Language, former: FormerPasts
) -> dict[str, Any]:
    """Return the verdict on these validated values as if they were registered today, with these former records."""
    claimed: dict[str, Any] = {name: values.get(name) for name in (*CLAIMED, *AI_FACTS)}
    day = on or today()
    policy = policy_in_force(day)
    siblings = _siblings_of(agency.id, values, policy)
    facts = Facts(agency_kind=agency.kind, registered_on=today(), former=former, siblings=siblings, **claimed)
    return represent_verdict(None, facts, day, language, policy, exempt=False)


@dataclass(frozen=True, slots=True)
class ChangedVerdict:
    """What an edit changes of a verdict: the findings that it opens and those that it ends, as in verdicts."""

    opened: list[dict[str, Any]]
    ended: list[dict[str, Any]]


def is_reason_required(changes: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether these changes of a project, as in a revision, need a reason."""
    return any(change["field"] in WITH_REASON for change in changes)


def verdict_to_check_change(project: Project, after: Mapping[str, Any], language: Language) -> dict[str, Any]:
    """Return today's verdict on a project as an edit that is not saved would leave it, and what the edit changes."""
    day, changed = today(), verdict_after_change(project, after, language)
    exempt = exemption_in_force(project.id, day) is not None
    policy = policy_in_force()
    edited = _edited_facts(project, facts_of(project, policy, is_check=True), after, policy)
    verdict = represent_verdict(project.number, edited, day, language, policy, exempt=exempt)
    return {**verdict, "opened": changed.opened, "ended": changed.ended}


def _edited_facts(project: Project, before: Facts, after: Mapping[str, Any], policy: Policy) -> Facts:
    present = as_earlier({name: getattr(project, name) for name in (*LAW_LOOKS_AT, *READ_OF_PAST)}, today())
    edited = {name: after[name] for name in PROJECT_FACTS if name in after}
    if CONFIRMED_FACTS in after:
        edited["confirmed"] = confirmed_of(after[CONFIRMED_FACTS])
    siblings = _siblings_of(project.agency_id, {**_identity(project), **after}, policy, project.id)
    return replace(before, past=(*before.past, present), siblings=siblings, **edited)


def verdict_after_change(project: Project, after: Mapping[str, Any], language: Language) -> ChangedVerdict:
    """Compare today's findings before and after an edit of a project that is not saved yet."""
    policy, day = policy_in_force(), today()
    before = facts_of(project, policy, is_check=True)
    then = evaluate(_edited_facts(project, before, after, policy), policy, day)
    now = evaluate(before, policy, day)
    rules_now, rules_then = {finding.rule for finding in now}, {finding.rule for finding in then}
    return ChangedVerdict(
        [explained(finding, policy, day, language) for finding in then if finding.rule not in rules_now],
        [explained(finding, policy, day, language) for finding in now if finding.rule not in rules_then],
    )


def explained(finding: Finding, policy: Policy, on: date, language: Language) -> dict[str, Any]:
    """Represent a finding: rule, severity, observed and required values, remedy and clause."""
    texts = explain(finding, policy, on, language, translator(language))
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "title": texts.title,
        "reason": texts.reason,
        "observed": finding.observed,
        "required": texts.required,
        "remedy": texts.remedy,
        "clause": texts.clause,
    }


def represent_verdict(
    number: str | None, facts: Facts, day: date, language: Language, policy: Policy, *, exempt: bool
) -> dict[str, Any]:
    """Represent the verdict on these facts on a day; ``exempt``: an exemption is in force."""
    findings, change = evaluate(facts, policy, day), next_change(facts, policy, day)
    if not in_scope(facts.agency_kind, policy):
        outcome = FreezeStatus.OUT_OF_SCOPE
    elif not findings:
        outcome = FreezeStatus.CLEAR
    else:
        is_flagged = any(finding.severity != Severity.PLAN for finding in findings)
        outcome = FreezeStatus.EXEMPT if exempt else FreezeStatus.FLAGGED if is_flagged else FreezeStatus.TO_MIGRATE
    return {
        "project": number,
        "on": day,
        "policy_version": policy.version,
        "outcome": outcome.value,
        "findings": [explained(finding, policy, day, language) for finding in findings],
        "facts": [{"fact": name, "state": state.value} for name, state in fact_states(facts, policy, day).items()],
        "valid_until": None if change is None else change.on,
        "next_findings": []
        if change is None
        else [explained(finding, policy, change.on, language) for finding in change.findings],
    }


def later_changes(verdict: Mapping[str, Any]) -> ChangedVerdict:
    """Return what time alone changes of a verdict: findings that begin or change their severity, and that end."""
    now, then = ({(each["rule"], each["severity"]) for each in verdict[name]} for name in ("findings", "next_findings"))
    rules_then = {rule for rule, _ in then}
    return ChangedVerdict(
        [each for each in verdict["next_findings"] if (each["rule"], each["severity"]) not in now],
        [each for each in verdict["findings"] if verdict["valid_until"] and each["rule"] not in rules_then],
    )


# Forecasts: which rules would flag projects after a change that is not written, many at a time.


@dataclass(frozen=True, slots=True)
class ProposedProject:
    """The values that a project would have; ``project_id`` is None for one that would be registered."""

    agency_id: int
    project_id: int | None
    values: Mapping[str, Any]
    former: tuple[tuple[EarlierRevision, ...], ...] = ()


def rules_that_would_flag(proposed: Sequence[ProposedProject]) -> list[list[str]]:
    """Return the rules that would hold today of each project, none for one that is exempt or out of scope."""
    return [[finding.rule for finding in findings] for findings in findings_on(proposed, is_check=True)]


def findings_on(proposed: Sequence[ProposedProject], *, is_check: bool = False) -> list[Sequence[Finding]]:
    """Return the findings on each project today, none on one that is exempt or out of scope.

    ``is_check``: as of ``facts_of``.
    """
    policy, day = policy_in_force(), today()
    kinds = _kinds({each.agency_id for each in proposed})
    ids = [each.project_id for each in proposed if each.project_id is not None]
    registered, orders, past = _registered_on(ids), _orders(ids), _revisions(ids)
    exempt = exempt_projects(ids, day)
    listed: list[Sequence[Finding]] = []
    former, deployments = former_pasts(FORMER.project_id.in_(ids)), deployment_facts(ids)
    items = [(each.project_id, each.agency_id, each.values) for each in proposed]
    siblings = siblings_of_values(policy, items, own_only=is_check)
    contracts = contracts_of(policy, {*ids, *(each.id for records in former.values() for each in records)})
    for each, counted in zip(proposed, siblings, strict=True):
        number = each.project_id
        values: dict[str, Any] = {name: each.values.get(name) for name in PROJECT_FACTS}
        facts = Facts(
            agency_kind=kinds[each.agency_id],
            registered_on=day if number is None else registered[number],
            past=() if number is None else past.get(number, ()),
            confirmed=confirmed_of(each.values.get(CONFIRMED_FACTS)),
            former=each.former if number is None else tuple(of.past for of in former.get(number, ())),
            siblings=counted,
            contracts=() if number is None else with_former(contracts, number, former.get(number, ())),
            **orders.get(number, {}),
            **deployments.get(number or 0, {}),
            **values,
        )
        is_judged = in_scope(facts.agency_kind, policy) and number not in exempt
        listed.append(evaluate(facts, policy, day) if is_judged else ())
    return listed


def _kinds(ids: set[int]) -> dict[int, str]:
    return {row.id: row.kind for row in db.session.execute(select(Agency.id, Agency.kind).where(Agency.id.in_(ids)))}


def _registered_on(ids: Sequence[int]) -> dict[int, date]:
    rows = db.session.execute(select(Project.id, Project.registered_at).where(Project.id.in_(ids)))
    return {row.id: local_date(row.registered_at) for row in rows}


def _orders(ids: Sequence[int]) -> dict[int | None, dict[str, Any]]:
    order = table_of(Order).c
    newest = newest_in_force(order.project_id.in_(ids))
    rows = db.session.execute(
        select(order.project_id, order.decision, order.due_on).join(newest, order.id == newest.c.order_id)
    )
    return {row.project_id: order_facts(row.decision, row.due_on) for row in rows}


def _revisions(ids: Sequence[int]) -> dict[int, tuple[EarlierRevision, ...]]:
    """Return all revisions: after the change the current one is an earlier one too."""
    project = table_of(Project).c
    rows = db.session.execute(
        select(project.id, *(project[name] for name in (*LAW_LOOKS_AT, *READ_OF_PAST))).where(project.id.in_(ids))
    ).all()
    revisions = stored_revisions(ids)
    return {
        row.id: (*past_of(row._mapping, revisions.get(row.id, ())), as_earlier(row._mapping, today())) for row in rows
    }


# Clearing facts: the recorded changes that explain why an audit cleared a flag.

# A change of these fields may clear a flag of any rule, because they decide which rules apply.
ALWAYS: Final = frozenset({"placement", "stage", "work_type", "ended_on", *CONFIRMED, "onboarding_due_on", "agency"})
# A rule's observed value may have another name than the fields from which it is computed.
STARTED: Final = ("contract_signed_on", "work_started_on")
ORDERS_OVERDUE: Final = (MIGRATION_ORDER_OVERDUE, ORDER_OVERDUE)
LEGACY: Final = "freeze.legacy"


@dataclass(frozen=True, slots=True)
class ClearingFact:
    """A recorded change. ``kind``: ``field``, ``agency_kind``, ``order``, ``policy`` or ``contract``."""

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
        return rule in ORDERS_OVERDUE
    if fact.kind == "contract":
        return rule in CONTRACT_RULES
    if fact.kind != "field":
        return True
    if rule == LEGACY:
        # The legacy rule applies when no other rule does, so any field that a rule reads may have ended it.
        return fact.field in PROJECT_FACTS
    if rule in CONTRACT_RULES:
        # No edit of the record ends what they find.
        return fact.field in ALWAYS
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
    facts += [
        ClearingFact("contract", at, None, "number_sys", None, number)
        for number, at in changed_contracts(project_id, until)
        if since is None or at > since
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
