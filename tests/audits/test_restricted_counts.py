"""Audit counts for readers who may not see restricted projects."""

from __future__ import annotations

from datetime import date

from flask import Flask

from registry.accounts.roles import Actor, Role
from registry.audits.queries import AUDIT_LIST, visible_run
from registry.core.database import transaction
from registry.core.lists import Page
from registry.flags.models import AuditRun
from registry.projects.models import Project
from registry.projects.service import find_project_to_change, restrict_project
from tests.audits.steps import AUDITOR, OLD_SYSTEM, SUPERVISOR, accept, audit, edit, exempt
from tests.factories import a_project, an_actor, an_agency
from tests.present import Present

DAY = date(2026, 10, 5)
REVIEWER = an_actor(Role.REVIEWER)
COUNTS = ("projects_judged", "projects_out_of_scope", "projects_flagged", "projects_exempt")
FLAGS = ("flags_opened", "flags_kept", "flags_reopened", "flags_cleared")


def restrict(project: Project, *, is_restricted: bool = True) -> None:
    with transaction():
        restrict_project(SUPERVISOR, find_project_to_change(SUPERVISOR, project.number), is_restricted, "State secret")


def seen(run: AuditRun, actor: Actor = REVIEWER) -> tuple[tuple[int, ...], tuple[int, ...]]:
    shown = visible_run(actor, run)
    return tuple(shown[name] for name in COUNTS), tuple(shown[name] for name in FLAGS)


def test_counts_exclude_projects_restricted_before_audit(app: Flask, present: Present) -> None:
    present.set(DAY)
    agency, outside = an_agency(), an_agency(kind="private")
    a_project(agency)
    hidden = [a_project(agency), a_project(outside), a_project(agency, **OLD_SYSTEM)]
    exempt(hidden[2], DAY, DAY)
    for project in hidden:
        restrict(project)
    run = audit()
    assert seen(run) == ((1, 0, 1, 0), (1, 0, 0, 0))
    assert seen(run, AUDITOR) == ((3, 1, 2, 1), (3, 0, 0, 0))
    (listed,) = AUDIT_LIST.read(REVIEWER, {}, Page()).items
    assert (listed["projects_judged"], listed["flags_opened"]) == (1, 1)
    assert "restricted_counts" not in listed


def test_flag_counts_of_every_kind_exclude_restricted_projects(app: Flask, present: Present) -> None:
    present.set(DAY)
    projects = [a_project() for _ in range(4)]
    audit()
    accept(projects[1], "freeze.creation")
    edit(projects[1], contract_signed_on="2026-01-21")
    edit(projects[2], contract_signed_on="2026-12-01", work_started_on="2026-12-01")
    for project in projects[1:]:
        restrict(project)
    run = audit()
    # Reopened, cleared with two others opened (what is planned, and what the edit ended), and kept: all flags of
    # restricted projects.
    assert seen(run, AUDITOR) == ((4, 0, 4, 0), (2, 2, 1, 1))
    assert seen(run) == ((1, 0, 1, 0), (0, 1, 0, 0))


def test_restriction_after_audit_updates_counts_and_report(app: Flask, present: Present) -> None:
    present.set(DAY)
    a_project()
    later = a_project()
    run = audit()
    unaudited = a_project()
    restrict(later)
    restrict(unaudited)
    assert seen(run) == ((1, 0, 1, 0), (1, 0, 0, 0))
    restrict(later, is_restricted=False)
    assert seen(run) == ((2, 0, 2, 0), (2, 0, 0, 0))
