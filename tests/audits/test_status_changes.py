"""Status changes: an audit lists every change of a flag's status since the last one, and stocks equal flows."""

from __future__ import annotations

from datetime import date, timedelta

from flask import Flask

from registry.flags.models import AuditRun
from registry.projects.models import Project
from tests.audits.steps import changes, edit, flags_of
from tests.cases.cast import AIGERIM, NO_BREACH, SAULE, act, audit, case_of, migrate_by
from tests.factories import a_project
from tests.present import Present

DAY = date(2026, 10, 5)
RULE = "freeze.creation"
HOUR = timedelta(hours=1)


def decide(present: Present, project: Project, proposal: dict[str, object]) -> None:
    """Propose and approve a decision, later than all earlier actions."""
    present.move(HOUR)
    case = case_of(project)
    if case.status == "new":
        act(AIGERIM, case, "claim")
    act(AIGERIM, case, "propose", proposal)
    act(SAULE, case, "approve")
    present.move(HOUR)


def counted(run: AuditRun) -> tuple[int, int]:
    return run.projects_flagged, run.projects_exempt


def test_accepted_flag_with_changed_values_is_listed_as_reopened(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project()
    audit()
    decide(present, project, NO_BREACH)
    audit()
    edit(project, contract_signed_on="2026-01-19")
    run = audit()
    assert (changes(run), run.flags_reopened) == ([(project.number, RULE, "reopened")], 1)


def test_flag_opened_by_order_is_listed_as_no_longer_accepted(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project(work_started_on="2025-12-31", contract_signed_on="2026-01-20")
    audit()
    decide(present, project, NO_BREACH)
    audit()
    # Other values reopen one of the two flags; the other stays accepted until an order replaces the decision.
    edit(project, contract_signed_on="2026-01-19")
    audit()
    assert flags_of(project) == [
        ("freeze.transitional", "medium", "accepted"),
        ("integrity.backdated", "high", "open"),
    ]
    decide(present, project, migrate_by(DAY + timedelta(days=30)))
    run = audit()
    assert changes(run) == [(project.number, "freeze.transitional", "unaccepted")]
    assert (counted(run), run.flags_reopened, run.flags_kept) == ((1, 0), 0, 2)
    present.move(HOUR)
    assert changes(audit()) == []
