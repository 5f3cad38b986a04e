"""Verdicts: evaluates one project, registered or only proposed, on a date, with explanations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from registry.agencies.models import Agency
from registry.cases.models import migrate_by_in_force
from registry.core.clock import local_date, today
from registry.core.fields import Day
from registry.core.translations import Language, translator
from registry.exemptions.service import exemption_in_force
from registry.freeze.current import policy_in_force
from registry.freeze.evaluation import evaluate, in_scope
from registry.freeze.facts import EarlierRevision, Facts
from registry.freeze.findings import Finding, explain
from registry.freeze.policy import Policy
from registry.projects.fields import FIELDS
from registry.projects.former_records import former_of
from registry.projects.models import Project
from registry.projects.revisions import LAW_LOOKS_AT, UNDONE, as_earlier, earlier
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
)
CONFIRMED: Final = ("placement_verified_on", "onboarding_confirmed_on", "ending_confirmed_on", "attested_on")
PROJECT_FACTS: Final = (*CLAIMED, *CONFIRMED)
# Facts of which a change needs a reason on pages: the dates, the kind of work and the stage that rules read.
WITH_REASON: Final = frozenset(
    name for name in CLAIMED if name in ("work_type", "stage") or isinstance(FIELDS[name], Day)
)

FormerPasts = tuple[tuple[EarlierRevision, ...], ...]


def facts_of(project: Project) -> Facts:
    """Return the current facts of a registered project."""
    return _facts(project, migrate_by_in_force(project.id), earlier(project), former_of(project.id))


def _facts(
    project: Project, order_migrate_by: date | None, past: tuple[EarlierRevision, ...], former: FormerPasts
) -> Facts:
    return Facts(
        agency_kind=project.agency.kind,
        registered_on=local_date(project.registered_at),
        order_migrate_by=order_migrate_by,
        past=past,
        former=former,
        **{name: getattr(project, name) for name in PROJECT_FACTS},
    )


def verdict_of(project: Project, on: date | None, language: Language, policy: Policy | None = None) -> dict[str, Any]:
    """Return the verdict on a project on a date (default: today), with texts in a language.

    ``exempt`` when an exemption is in force on the date; acceptances are ignored. ``policy`` replaces the version in
    force on the date, to try one out.
    """
    day = on or today()
    exempt = exemption_in_force(project.id, day) is not None
    return represent_verdict(
        project.number, facts_of(project), day, language, policy or policy_in_force(day), exempt=exempt
    )


def verdict_at_registration(project: Project, language: Language) -> dict[str, Any]:
    """Return today's verdict on a project that was just registered and has no decisions or exemptions."""
    return represent_verdict(
        project.number,
        _facts(project, None, (), former_of(project.id)),
        today(),
        language,
        policy_in_force(),
        exempt=False,
    )


def verdict_to_check(
    agency: Agency, values: Mapping[str, Any], on: date | None, language: Language, former: FormerPasts
) -> dict[str, Any]:
    """Return the verdict on these validated values as if they were registered today, with these former records."""
    claimed: dict[str, Any] = {name: values.get(name) for name in CLAIMED}
    facts = Facts(agency_kind=agency.kind, registered_on=today(), former=former, **claimed)
    day = on or today()
    return represent_verdict(None, facts, day, language, policy_in_force(day), exempt=False)


@dataclass(frozen=True, slots=True)
class ChangedVerdict:
    """What an edit changes of a verdict: the findings that it opens and those that it ends, as in verdicts."""

    opened: list[dict[str, Any]]
    ended: list[dict[str, Any]]


def is_reason_required(changes: Iterable[Mapping[str, Any]]) -> bool:
    """Whether these changes of a project, as in a revision, need a reason."""
    return any(change["field"] in WITH_REASON for change in changes)


def verdict_to_check_change(project: Project, after: Mapping[str, Any], language: Language) -> dict[str, Any]:
    """Return today's verdict on a project as an edit that is not saved would leave it, and what the edit changes."""
    day, changed = today(), verdict_after_change(project, after, language)
    exempt = exemption_in_force(project.id, day) is not None
    edited = _edited_facts(project, facts_of(project), after)
    verdict = represent_verdict(project.number, edited, day, language, policy_in_force(), exempt=exempt)
    return {**verdict, "opened": changed.opened, "ended": changed.ended}


def _edited_facts(project: Project, before: Facts, after: Mapping[str, Any]) -> Facts:
    present = as_earlier({name: getattr(project, name) for name in (*LAW_LOOKS_AT, *UNDONE)}, today())
    edited = {name: after[name] for name in PROJECT_FACTS if name in after}
    return replace(before, past=(*before.past, present), **edited)


def verdict_after_change(project: Project, after: Mapping[str, Any], language: Language) -> ChangedVerdict:
    """Compare today's findings before and after an edit of a project that is not saved yet."""
    policy, day = policy_in_force(), today()
    before = facts_of(project)
    then = evaluate(_edited_facts(project, before, after), policy, day)
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
        "observed": finding.observed,
        "required": texts.required,
        "remedy": texts.remedy,
        "clause": texts.clause,
    }


def represent_verdict(
    number: str | None, facts: Facts, day: date, language: Language, policy: Policy, *, exempt: bool
) -> dict[str, Any]:
    """Represent the verdict on these facts on a day; ``exempt``: an exemption is in force."""
    findings = evaluate(facts, policy, day)
    if not in_scope(facts.agency_kind, policy):
        outcome = FreezeStatus.OUT_OF_SCOPE
    elif not findings:
        outcome = FreezeStatus.CLEAR
    else:
        outcome = FreezeStatus.EXEMPT if exempt else FreezeStatus.FLAGGED
    return {
        "project": number,
        "on": day,
        "policy_version": policy.version,
        "outcome": outcome.value,
        "findings": [explained(finding, policy, day, language) for finding in findings],
    }
