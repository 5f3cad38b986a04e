"""Steps of the tests on policy versions: draft, activate, and what an audit changed, read from the tables."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import select

from registry.accounts.roles import Role
from registry.audits.policy_activation import activate_policy, impact_of, impact_report
from registry.cases.models import Case
from registry.core.clock import today
from registry.core.database import db
from registry.flags.models import AuditRun, Flag
from registry.freeze.policy import Policy
from registry.freeze.policy_file import policy_document
from registry.policies.service import draft_policy
from registry.policies.settings import as_json
from registry.projects.models import Project
from tests.factories import an_actor

SAULE = an_actor(Role.SUPERVISOR, name="saule")
TIMUR = an_actor(Role.SUPERVISOR, name="timur")
RANKS = {"plan": 0, "low": 1, "medium": 2, "high": 3}
Flags = dict[str, dict[str, str]]


def settings_of(policy: Policy) -> dict[str, Any]:
    """All settings of a policy as a draft takes them."""
    document = as_json(policy_document(policy))
    return {name: value for name, value in document.items() if name not in ("version", "in_force_from")}


def draft(version: str = "2026.2", **settings: Any) -> None:
    """Draft a version as Saule."""
    draft_policy(SAULE, {"version": version, **settings})


def activate(version: str = "2026.2", on: date | None = None) -> dict[str, Any]:
    """Activate a draft as Timur with the impact that he is shown; return that impact."""
    shown = impact_report(impact_of(TIMUR, version))
    activate_policy(TIMUR, version, shown["digest"], on or today())
    return shown


def active_flags() -> Flags:
    """The active flags of each project: number → rule → severity."""
    statement = select(Project.number, Flag.rule, Flag.severity).join(Project, Project.id == Flag.project_id)
    flags: Flags = {}
    for number, rule, severity in db.session.execute(statement.where(Flag.status != "cleared")):
        flags.setdefault(number, {})[rule] = severity
    return flags


def changed(before: Flags, after: Flags, run: AuditRun) -> dict[str, set[Any]]:
    """What an audit changed, by the tables before and after it."""
    worst = {number: (_worst(before.get(number, {})), _worst(after.get(number, {}))) for number in {*before, *after}}
    opened = select(Project.number).join(Case, Case.project_id == Project.id).where(Case.opened_by_audit == run.id)
    return {
        "newly_flagged": {number for number, (first, then) in worst.items() if first is None and then},
        "cleared": {number for number, (first, then) in worst.items() if first and then is None},
        "changed_severity": {
            (number, first, then) for number, (first, then) in worst.items() if first and then and first != then
        },
        "changed_rules": {
            number
            for number, (first, then) in worst.items()
            if first and first == then and before[number] != after[number]
        },
        "cases_opened": set(db.session.scalars(opened)),
    }


def shown_sets(impact: Mapping[str, Any]) -> dict[str, set[Any]]:
    """The lists of an impact as sets like those of ``changed``."""
    sets = {
        name: {each["project"] for each in impact[name]}
        for name in ("newly_flagged", "cleared", "changed_rules", "cases_opened")
    }
    severities = {(each["project"], each["severity_before"], each["severity"]) for each in impact["changed_severity"]}
    return {**sets, "changed_severity": severities}


def _worst(flags: Mapping[str, str]) -> str | None:
    return max(flags.values(), key=RANKS.__getitem__, default=None)
