"""The verdict on a project from what the register knew at an earlier moment."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from registry.audits.known_facts import KnownRegister
from registry.audits.repeatable import policy_known_at
from registry.audits.verdicts import represent_verdict
from registry.core.clock import local_date
from registry.core.languages import Language
from registry.projects.models import Project
from registry.projects.service import ProjectNotFound


def verdict_known_at(project: Project, on: date | None, at: datetime, language: Language) -> dict[str, Any]:
    """Return the verdict on a date (default: the day of ``at``) from what was known ``at`` a moment.

    The policy is that of ``policy_known_at``. Raises ProjectNotFound for a project that was registered
    later, and AuditPolicyMissing.
    """
    if project.registered_at > at:
        raise ProjectNotFound(number=project.number)
    day, policy = on or local_date(at), policy_known_at(at, on)
    candidate, _ = KnownRegister(at).project(project.id, policy, day)
    exempt = candidate.exemption_id is not None
    return represent_verdict(project.number, candidate.facts, day, language, policy, exempt=exempt)
