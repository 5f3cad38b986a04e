"""A day on which only severities change: the audit counts the projects and the cases that open, and pages show it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from flask import Flask

from registry.accounts.roles import Role
from registry.audits.past import verify_audit
from registry.audits.queries import count_changes, visible_run
from registry.core.database import transaction
from registry.flags.models import AuditRun
from registry.projects.models import Project
from registry.projects.service import find_project_to_change, restrict_project
from tests.audits.policy_steps import activate, draft
from tests.audits.steps import AUDITOR, OLD_SYSTEM, SUPERVISOR, audit, changes, flag_counts
from tests.factories import a_project, an_actor, an_agency
from tests.present import Present

DAY = date(2026, 10, 5)
HIGH = {"rules": {"migration.overdue": {"severity": "high"}}}
REVIEWER = an_actor(Role.REVIEWER)
COUNTS = ("severity_raised", "severity_lowered", "cases_opened")


def restrict(project: Project, *, is_restricted: bool = True) -> None:
    with transaction():
        restrict_project(SUPERVISOR, find_project_to_change(SUPERVISOR, project.number), is_restricted, "State secret")


@pytest.fixture
def projects(app: Flask, present: Present) -> list[Project]:
    """Three old systems whose flag is low until a policy makes it high the next day; one more whose flag is high."""
    present.set(DAY)
    agency = an_agency()
    made = [a_project(agency, **OLD_SYSTEM, placement="onboarding") for _ in range(3)]
    a_project(agency)
    audit()
    present.set(DAY + timedelta(days=1))
    draft(**HIGH)
    activate()
    return made


def seen(run: AuditRun, actor: object = AUDITOR) -> tuple[int, ...]:
    shown = visible_run(actor, run)  # type: ignore[arg-type] # an Actor
    return tuple(shown[name] for name in COUNTS)


def test_audit_counts_raised_severities_and_opened_cases(projects: list[Project]) -> None:
    run = audit()
    assert flag_counts(run) == (0, 7, 0, 0)
    assert seen(run) == (3, 0, 3)
    assert changes(run) == sorted((project.number, "migration.overdue", "raised") for project in projects)
    assert count_changes(AUDITOR, run)["raised"] == 3
    assert verify_audit(AUDITOR, run.id).matches
    assert seen(audit()) == (0, 0, 0)


def test_dry_run_counts_the_same_and_opens_nothing(projects: list[Project]) -> None:
    assert seen(audit(dry_run=True)) == (3, 0, 3)
    assert seen(audit()) == (3, 0, 3)


def test_lowered_severity_is_counted(projects: list[Project], present: Present) -> None:
    audit()
    present.set(DAY + timedelta(days=2))
    draft("2026.3", rules={"migration.overdue": {"severity": "low"}})
    activate("2026.3")
    run = audit()
    assert seen(run) == (0, 3, 0)
    assert {change for _, _, change in changes(run)} == {"lowered"}


def test_restricted_projects_are_subtracted_also_when_they_are_restricted_later(projects: list[Project]) -> None:
    restrict(projects[0])
    run = audit()
    assert (seen(run), seen(run, REVIEWER)) == ((3, 0, 3), (2, 0, 2))
    restrict(projects[1])
    assert seen(run, REVIEWER) == (1, 0, 1)
    restrict(projects[0], is_restricted=False)
    assert (seen(run), seen(run, REVIEWER)) == ((3, 0, 3), (2, 0, 2))
