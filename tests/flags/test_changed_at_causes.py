"""What moves ``changed_at`` of a project, its flags and its cases: causes that the random stories seldom reach."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import null, select, update

from registry.agencies.service import agency_to_change, change_agency
from registry.audits.service import void_audit
from registry.cases.models import Case
from registry.core.database import db, transaction
from registry.flags.models import AuditRun, Flag
from registry.freeze.policy import policy_in_force, set_policy
from registry.projects.models import Project
from tests.audits.steps import OLD_SYSTEM, OPERATOR, verify
from tests.cases.cast import AIGERIM, NO_BREACH, SAULE, act, audit, case_of, edit, editor_of
from tests.factories import ADMINISTRATOR, a_project, an_agency
from tests.present import Present

DAY = date(2026, 11, 2)


def times() -> dict[str, datetime]:
    """``changed_at`` of every project, flag (by its rule) and case."""
    db.session.expire_all()
    changed = {f"project {row.number}": row.changed_at for row in db.session.scalars(select(Project))}
    changed |= {row.rule: row.changed_at for row in db.session.scalars(select(Flag))}
    return changed | {f"case {row.id}": row.changed_at for row in db.session.scalars(select(Case))}


def moved(before: dict[str, datetime]) -> set[str]:
    """What has another time by now."""
    return {name for name, at in times().items() if at != before.get(name)}


@pytest.fixture(autouse=True)
def _begin(app: Flask, present: Present) -> None:
    present.set(DAY)


def test_approval_moves_project_flags_and_case(present: Present) -> None:
    project = a_project()
    audit()
    act(AIGERIM, case_of(project), "claim")
    act(AIGERIM, case_of(project), "propose", NO_BREACH)
    before = times()
    present.move(timedelta(minutes=1))
    act(SAULE, case_of(project), "approve")
    assert moved(before) == set(before)
    assert len(before) >= 3


def test_other_observed_values_move_the_flag_alone(present: Present) -> None:
    agency = an_agency()
    project = a_project(agency, contract_signed_on="2026-02-01", work_started_on="2026-02-01")
    audit()
    edit(editor_of(agency), project, contract_signed_on="2026-03-01", work_started_on="2026-03-01")
    before = times()
    present.move(timedelta(minutes=1))
    audit()
    assert moved(before) == {"freeze.creation"}


def test_another_kind_or_parent_of_the_agency_moves_neither_flags_nor_cases(present: Present) -> None:
    agency = an_agency()
    project = a_project(agency)
    audit()
    before = times()
    present.move(timedelta(minutes=1))
    with transaction():
        change_agency(ADMINISTRATOR, agency_to_change(agency.bin), {"parent_bin": an_agency().bin}, approved={})
    assert moved(before) == set()
    with transaction():
        change_agency(ADMINISTRATOR, agency_to_change(agency.bin), {"kind": "private"}, approved={})
    assert moved(before) == {f"project {project.number}"}


def moved_by_audit_with(**changes: Any) -> set[str]:
    """What the next audit moves when the policy differs in these values."""
    before = times()
    usual = policy_in_force()
    set_policy(replace(usual, digest="0" * 64, **changes))
    try:
        audit()
    finally:
        set_policy(usual)
    return moved(before)


@pytest.mark.parametrize("changes", [{"start_clock": ("work_started_on",)}, {"scope": frozenset({"central_body"})}])
def test_another_start_clock_or_scope_moves_every_project_at_the_next_audit(
    present: Present, changes: dict[str, Any]
) -> None:
    names = {f"project {a_project(**values).number}" for values in ({}, OLD_SYSTEM)}
    audit()
    present.move(timedelta(minutes=1))
    assert moved_by_audit_with(**changes) >= names


def test_policy_with_same_scope_and_start_clock_moves_only_projects_whose_flags_change(present: Present) -> None:
    created = a_project()
    a_project(**OLD_SYSTEM)
    audit()
    present.move(timedelta(minutes=1))
    rules = dict(policy_in_force().rules)
    rules["freeze.creation"] = replace(rules["freeze.creation"], severity="low")
    names = {name for name in moved_by_audit_with(rules=rules) if name.startswith("project")}
    assert names == {f"project {created.number}"}


def test_audit_from_before_the_basis_was_stored_lets_another_policy_move_every_project(present: Present) -> None:
    project = a_project()
    audit()
    with transaction() as session:
        session.execute(update(AuditRun).values(policy_basis=null()))
    present.move(timedelta(minutes=1))
    assert f"project {project.number}" in moved_by_audit_with()


def test_voiding_moves_a_project_that_was_edited_since_and_is_unaudited_again(present: Present) -> None:
    a_project()
    audit()
    present.set(date(2027, 11, 10))
    agency = an_agency()
    late = a_project(agency, placement="on_platform", platform_key="k-1")
    # Without a flag, which would move the project too.
    verify(late, DAY)
    run = audit()
    present.set(DAY)
    edit(editor_of(agency), late, purpose="Another purpose")
    before = times()
    present.move(timedelta(minutes=1))
    void_audit(OPERATOR, run.id, "The clock was ahead.")
    assert f"project {late.number}" in moved(before)
