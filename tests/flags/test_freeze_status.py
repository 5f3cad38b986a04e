"""Freeze status in lists, and as it is stored: derived from flags, agencies and the last successful audit."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from registry.accounts.roles import Role
from registry.audits.service import run_audit, void_audit
from registry.core.clock import today
from registry.core.database import db
from registry.core.lists import Page
from registry.flags.freeze_status import computed_freeze_status, computed_severity
from registry.flags.models import AuditRun
from registry.freeze.policy import policy_in_force, set_policy
from registry.projects.models import STATUS, Project
from registry.projects.queries import list_projects
from registry.reports.compliance import compliance
from tests.audits.steps import (
    AUDITOR,
    OLD_SYSTEM,
    OPERATOR,
    accept,
    audit,
    create_projects,
    edit,
    exempt,
    flags_of,
    set_verified,
    status_of,
    verify,
)
from tests.cases.cast import NO_BREACH, TRANSITIONAL, cases_of, decided_case, migrate_by
from tests.factories import a_project, an_actor, an_agency
from tests.flags.test_changed_at import Story
from tests.present import Present

DAY = date(2026, 10, 5)


def listed(project: Project) -> tuple[str, str | None]:
    """Return (freeze_status, severity) as in lists."""
    (row,) = list_projects(AUDITOR, {"number": project.number}, Page(limit=1)).items
    assert row["freeze_status"] == status_of(project)
    return row["freeze_status"], row["severity"]


def test_project_is_unaudited_until_first_successful_audit(app: Flask, present: Present) -> None:
    present.set(DAY)
    agency = an_agency()
    first = a_project(agency)
    assert listed(first) == ("unaudited", None)
    audit(dry_run=True)
    assert listed(first) == ("unaudited", None)
    audit()
    second = a_project(agency)
    assert (listed(first), listed(second)) == (("flagged", "high"), ("unaudited", None))
    audit()
    assert listed(second) == ("flagged", "high")


def test_held_audit_leaves_new_projects_unaudited(app: Flask, present: Present) -> None:
    present.set(DAY)
    ids = create_projects(60, placement="on_platform")
    set_verified(ids, date(2026, 10, 1))
    audit()
    present.set(DAY + timedelta(days=1))
    new = a_project()
    set_verified(ids, None)
    assert run_audit(OPERATOR).status == "held"
    assert listed(new) == ("unaudited", None)


def test_out_of_scope_has_precedence(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project(an_agency(kind="private"))
    assert listed(project) == ("out_of_scope", None)
    audit()
    assert listed(project) == ("out_of_scope", None)


def test_project_verified_on_platform_is_clear(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project(placement="on_platform")
    verify(project, DAY)
    audit()
    assert listed(project) == ("clear", None)


def test_severity_is_that_of_highest_active_flag(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project(work_started_on="2025-12-31", contract_signed_on="2026-01-20")
    audit()
    assert listed(project) == ("flagged", "high")
    edit(project, contract_signed_on="2025-12-20")
    audit()
    # The backdated contract was a high flag; the edit that ended it left another.
    assert sorted(flags_of(project)) == [
        ("freeze.transitional", "medium", "open"),
        ("integrity.backdated", "high", "cleared"),
        ("integrity.rewritten", "medium", "open"),
    ]
    assert listed(project) == ("flagged", "medium")


def test_exempt_and_accepted_projects_are_not_clear(app: Flask, present: Present) -> None:
    present.set(DAY)
    exempted, accepted, both = a_project(), a_project(), a_project(**OLD_SYSTEM)
    exempt(exempted, DAY, DAY)
    exempt(both, DAY, DAY)
    audit()
    accept(accepted, "freeze.creation")
    accept(both, "migration.overdue")
    assert listed(accepted) == ("accepted", "high")
    audit()
    assert listed(exempted) == ("exempt", "high")
    assert listed(accepted) == ("accepted", "high")
    assert listed(both) == ("exempt", "plan")
    present.set(DAY + timedelta(days=1))
    audit()
    assert listed(exempted) == ("flagged", "high")
    assert listed(both) == ("accepted", "plan")


def test_project_with_flags_of_the_plan_alone_is_to_migrate_and_not_flagged(app: Flask, present: Present) -> None:
    present.set(DAY)
    old = a_project(**OLD_SYSTEM)
    accepted = a_project(**{**OLD_SYSTEM, "work_type": "modification"})
    audit()
    assert listed(old) == ("to_migrate", "plan")
    assert listed(accepted) == ("flagged", "medium")
    accept(accepted, "freeze.data-gap")
    assert listed(accepted) == ("to_migrate", "medium")
    run = audit()
    assert (run.projects_flagged, run.projects_to_migrate) == (0, 2)


def test_one_open_flag_makes_project_flagged(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project(work_started_on="2025-12-31", contract_signed_on="2026-01-20")
    audit()
    accept(project, "integrity.backdated")
    assert listed(project) == ("flagged", "high")
    accept(project, "freeze.transitional")
    assert listed(project) == ("accepted", "high")


def test_report_counts_equal_lists(app: Flask, present: Present) -> None:
    present.set(DAY)
    agency = an_agency()
    a_project(agency)
    exempt(a_project(agency), DAY, DAY)
    accepted = a_project(agency, **OLD_SYSTEM)
    verify(a_project(agency, placement="on_platform"), DAY)
    a_project(an_agency(kind="private"))
    audit()
    accept(accepted, "migration.overdue")
    a_project(agency)
    totals = compliance(AUDITOR, "agency")["totals"]
    statuses = ("clear", "flagged", "exempt", "accepted", "out_of_scope", "unaudited")
    assert {name: totals[name] for name in statuses} == dict.fromkeys(statuses, 1)
    assert (totals["projects"], totals["flagged_high"], totals["flagged_low"]) == (6, 1, 0)
    assert totals["clear_percent"] == 25.0


ACTS = 80


def stored() -> list[tuple[int, str, str | None]]:
    statement = select(STATUS.c.project_id, STATUS.c.freeze_status, STATUS.c.severity).order_by(STATUS.c.project_id)
    return [(row[0], row[1], row[2]) for row in db.session.execute(statement)]


def computed() -> list[tuple[int, str, str | None]]:
    columns = (STATUS.c.project_id, computed_freeze_status(policy_in_force()), computed_severity())
    return [(row[0], row[1], row[2]) for row in db.session.execute(select(*columns).order_by(STATUS.c.project_id))]


class LongerStory(Story):
    """With registrations, and audits of a wrong clock that are voided."""

    def __init__(self, present: Present, seed: int) -> None:
        super().__init__(present, seed)
        self.acts = (*self.acts, self.register, self.register, self.void, *[self.decide] * 4)

    def register(self) -> None:
        self.projects.append(a_project(self.agency))

    def decide(self) -> None:
        proposal = self.random.choice((NO_BREACH, TRANSITIONAL, migrate_by(today() + timedelta(days=40))))
        audit()
        with_case = [project for project in self.projects if cases_of(project)]
        if with_case:
            decided_case(self.random.choice(with_case), proposal)

    def void(self) -> None:
        day = today()
        self.present.set(day + timedelta(days=40))
        a_project(self.agency)
        run = run_audit(an_actor(Role.OPERATOR))
        self.present.set(day)
        void_audit(OPERATOR, run.id, "The clock was 40 days ahead.")


# Each seed is another story; one database is enough for each.
@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(seed, marks=pytest.mark.postgres_only if seed == 2 else pytest.mark.sqlite_only)
        for seed in (1, 2, 3)
    ],
)
def test_stored_status_is_the_computed_one_after_every_act(app: Flask, present: Present, seed: int) -> None:
    story = LongerStory(present, seed)
    done: list[str] = []
    statuses: set[str] = set()
    for _ in range(ACTS):
        done.append(story.happen())
        assert stored() == computed(), done[-5:]
        statuses |= {status for _, status, _ in stored()}
    assert {"audit", "act_on_case", "change_kind", "register", "void"} <= set(done)
    assert {"out_of_scope", "unaudited", "flagged", "accepted"} <= statuses


def test_voided_audit_leaves_its_new_projects_unaudited(app: Flask, present: Present) -> None:
    present.set(DAY)
    first = a_project()
    audit()
    present.set(DAY + timedelta(days=30))
    second = a_project()
    run = audit()
    assert (status_of(first), status_of(second)) == ("flagged", "flagged")
    present.set(DAY)
    void_audit(OPERATOR, run.id, "The clock was 30 days ahead.")
    assert (status_of(first), status_of(second)) == ("flagged", "unaudited")


def test_other_scope_shows_from_the_next_audit_on(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project(an_agency(kind="private"))
    audit()
    assert status_of(project) == "out_of_scope"
    usual = policy_in_force()
    wider = replace(usual, scope=frozenset({*usual.scope, "private"}), digest="0" * 64)
    set_policy(wider)
    try:
        assert status_of(project) == "out_of_scope"
        audit()
        assert status_of(project) == "flagged"
        assert db.session.scalars(select(AuditRun.status).order_by(AuditRun.id)).all() == ["succeeded", "succeeded"]
    finally:
        set_policy(usual)
