"""Idempotence: repeating an audit with the same date and facts changes nothing."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from flask import Flask

from registry.flags.models import AuditChange, Flag
from tests.audits.steps import OLD_SYSTEM, accept, audit, changes, edit, exempt, flag_counts, flags_of, table, verify
from tests.factories import a_project, an_agency
from tests.present import Present

# Statements over all projects hang on the database.
pytestmark = pytest.mark.on_both

DAY = date(2026, 10, 5)


def create_mixed_registry() -> None:
    """Create projects that are flagged by several rules, exempt, accepted, clear and out of scope."""
    agency = an_agency()
    a_project(agency)
    a_project(agency, work_started_on="2025-12-31", contract_signed_on="2026-01-20")
    a_project(agency, **OLD_SYSTEM)
    a_project(agency, placement="on_platform")
    verify(a_project(agency, placement="on_platform"), date(2026, 9, 1))
    exempt(a_project(agency), date(2026, 9, 1), date(2026, 12, 31))
    a_project(an_agency(kind="private"))


def test_repeated_audit_changes_nothing(app: Flask, present: Present) -> None:
    present.set(DAY)
    create_mixed_registry()
    accepted = a_project()
    first = audit()
    accept(accepted, "freeze.creation")
    second = audit()
    before, kept = table(Flag), table(AuditChange)
    third = audit()
    assert table(Flag) == before
    assert table(AuditChange) == kept
    assert changes(second) == changes(third) == []
    assert flag_counts(third) == (0, len(before), 0, 0)
    assert first.input_digest == second.input_digest == third.input_digest
    seen = ("projects_judged", "projects_out_of_scope", "projects_exempt")
    assert [getattr(third, name) for name in seen] == [getattr(first, name) for name in seen] == [7, 1, 1]


def test_digest_differs_by_date_and_facts(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project()
    first = audit()
    edit(project, budget_kzt=1)
    edited = audit()
    edit(project, budget_kzt=120_000_000)
    back = audit()
    present.set(DAY + timedelta(days=1))
    digests = [first.input_digest, edited.input_digest, back.input_digest, audit().input_digest]
    # With the old values back the record has more revisions, which the rules compare too.
    assert len(set(digests)) == len(digests)


def test_later_date_may_open_flags(app: Flask, present: Present) -> None:
    present.set(date(2026, 9, 30))
    project = a_project(**OLD_SYSTEM)
    audit()
    assert flags_of(project) == [("freeze.legacy", "plan", "open")]
    present.set(date(2026, 10, 1))
    run = audit()
    assert flags_of(project) == [("freeze.legacy", "plan", "cleared"), ("migration.overdue", "plan", "open")]
    assert changes(run) == [
        (project.number, "freeze.legacy", "cleared"),
        (project.number, "migration.overdue", "opened"),
    ]
