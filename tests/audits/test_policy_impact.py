"""Impact of a policy: equal to what the audit under the activated policy then changes; writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings, strategies as st
from sqlalchemy import select, update

from registry.audits.policy_activation import impact_of, impact_report
from registry.cases.models import Case
from registry.core.clock import today
from registry.core.database import Base, db, transaction
from registry.freeze.policy import first_policy
from registry.projects.models import Project
from registry.projects.service import find_project_to_change, restrict_project
from tests.audits.policy_steps import SAULE, activate, active_flags, changed, draft, settings_of, shown_sets
from tests.audits.real_file import AUDITED_ON
from tests.audits.steps import OLD_SYSTEM, accept, audit, edit, exempt, table, verify
from tests.audits.written import an_agency_of_each_kind, write_all
from tests.factories import a_project, a_token, an_agency, bearer
from tests.freeze.random_projects import SEVERITIES, another_policy, project
from tests.present import Present

DAY = date(2026, 11, 5)
QUIET = {**OLD_SYSTEM, "placement": "on_platform"}


# Rules are the same on both databases; what each step does is tried on both.
@pytest.mark.sqlite_only
@given(st.integers(0, 10**9))
@settings(
    max_examples=settings.default.max_examples // 10,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)
def test_impact_equals_what_the_audit_then_changes(
    app: Flask, each_example: Callable[[], AbstractContextManager[None]], present: Present, seed: int
) -> None:
    rng, first = Random(seed), first_policy()
    drawn = [project(seed * 100 + place, first) for place in range(30)]
    on = max(day for _, day in drawn)
    with each_example():
        present.set(on)
        agencies = an_agency_of_each_kind()
        write_all([facts for facts, _ in drawn[:24]], agencies)
        audit()
        move_facts(rng, on)
        # Registered since the last audit.
        write_all([facts for facts, _ in drawn[24:]], agencies)
        other = replace(another_policy(seed, first), case_from_severity=rng.choice(SEVERITIES))
        draft(**settings_of(other))
        shown = activate()
        before = active_flags()
        run = audit()
        assert run.status == "succeeded"
        assert run.policy_version == "2026.2"
        assert shown_sets(shown) == changed(before, active_flags(), run)
        assert run.promise_check == {"version": "2026.2", "missing": NONE, "unexpected": NONE, "restricted": []}


NONE: dict[str, list[int]] = {
    "newly_flagged": [],
    "cleared": [],
    "changed_severity": [],
    "changed_rules": [],
    "cases_opened": [],
}


def move_facts(rng: Random, on: date) -> None:
    """Exempt some projects, accept flags of some, close the cases of some."""
    projects = list(db.session.scalars(select(Project).order_by(Project.id)))
    for record in rng.sample(projects, 3):
        exempt(record, on - timedelta(days=1), on + timedelta(days=rng.choice((0, 30))))
    for record in rng.sample(projects, 4):
        accept(record, *active_flags().get(record.number, {}))
    with transaction() as session:
        chosen = [record.id for record in rng.sample(projects, 8)]
        session.execute(update(Case).where(Case.project_id.in_(chosen)).values(status="closed"))


@pytest.mark.sqlite_only
@pytest.mark.nightly
def test_impact_on_real_records_equals_what_the_audit_then_changes(real_app: Flask, present: Present) -> None:
    present.set(AUDITED_ON)
    audit()
    draft(
        verification_grace_days=0,
        modification_limit_percent=10,
        case_from_severity="low",
        scope=["central_body", "local_executive", "quasi_public", "subsidiary", "other_performer", "private"],
        rules={"freeze.legacy": {"enabled": False}, "migration.overdue": {"severity": "high"}},
        change_threshold_percent=100,
    )
    shown = activate()
    before = active_flags()
    run = audit()
    sets = shown_sets(shown)
    assert all(sets[name] for name in ("cleared", "changed_severity", "cases_opened"))
    assert sets == changed(before, active_flags(), run)
    for kind, projects in sets.items():
        assert sum(row[kind] for row in shown["by_agency"]) == len(projects)
        assert sum(row[kind] for row in shown["by_region"]) == len(projects)


def test_impact_says_what_changes_and_why(app: Flask, present: Present) -> None:
    present.set(DAY)
    agency = an_agency()
    new = a_project(agency, region="71", budget_kzt=5)
    old = a_project(agency, **OLD_SYSTEM, region="75", budget_kzt=7)
    moved = verify_on_platform()
    audit()
    # Taken off the platform since: the next audit flags it by either policy.
    edit(moved, placement="off_platform")
    draft(rules={"freeze.creation": {"severity": "low"}, "migration.overdue": {"enabled": False}})
    shown = impact_report(impact_of(SAULE, "2026.2"))
    about_moved = {"severity_before": None, "severity": "plan", "rules": ["freeze.legacy"], "because": "policy"}
    (flagged,) = shown["newly_flagged"]
    assert flagged["project"] == moved.number
    assert {name: flagged[name] for name in about_moved} == about_moved
    (weaker,) = shown["changed_severity"]
    assert (weaker["project"], weaker["severity_before"], weaker["severity"]) == (new.number, "high", "low")
    assert weaker["because"] == "policy"
    (other,) = shown["changed_rules"]
    assert (other["project"], other["rules"]) == (old.number, ["freeze.legacy"])
    assert shown["cleared"] == shown["cases_opened"] == []
    assert shown["sums"]["changed_severity_kzt"] == 5
    assert shown["sums"]["changed_rules_kzt"] == 7
    regions = {row["region"]: row["changed_rules"] for row in shown["by_region"]}
    assert regions["75"] == 1


def test_change_that_the_policy_in_force_makes_too_is_because_of_facts(app: Flask, present: Present) -> None:
    present.set(DAY)
    moved = verify_on_platform()
    audit()
    edit(moved, placement="off_platform")
    draft(pilot_limit_months=6)
    shown = impact_report(impact_of(SAULE, "2026.2"))
    assert [(each["project"], each["because"]) for each in shown["newly_flagged"]] == [(moved.number, "facts")]


def verify_on_platform() -> Project:
    made = a_project(an_agency(), **QUIET)
    verify(made, today())
    return made


def test_accepted_flag_that_opens_again_reopens_its_case_and_opens_no_other(app: Flask, present: Present) -> None:
    present.set(DAY)
    record = a_project(an_agency())
    audit()
    with transaction() as session:
        session.execute(update(Case).where(Case.project_id == record.id).values(status="closed"))
    draft(rules={"freeze.creation": {"severity": "medium"}})
    shown = activate()
    assert shown["cases_opened"] == []
    assert [each["project"] for each in shown["changed_severity"]] == [record.number]
    run = audit()
    assert changed({}, {}, run)["cases_opened"] == set()


def test_restricted_projects_are_counted_and_not_named(app: Flask, present: Present) -> None:
    present.set(DAY)
    restrict(a_project(an_agency()))
    draft()
    shown = impact_report(impact_of(SAULE, "2026.2"))
    assert shown["newly_flagged"] == shown["cases_opened"] == shown["by_agency"] == []
    assert (shown["restricted"]["newly_flagged"], shown["restricted"]["cases_opened"]) == (1, 1)
    assert shown["sums"]["newly_flagged_kzt"] == 0


def restrict(record: Project) -> None:
    with transaction():
        restrict_project(SAULE, find_project_to_change(SAULE, record.number), True, "State secret")


def test_impact_writes_nothing(client: FlaskClient, app: Flask, present: Present) -> None:
    present.set(DAY)
    headers = bearer(a_token("supervisor"))
    a_project(an_agency())
    draft(pilot_limit_months=6)
    before = contents()
    answer = client.post("/api/v1/policies/2026.2/impact", headers=headers)
    assert answer.status_code == 200
    assert len(answer.json["newly_flagged"]) == 1
    assert contents() == before


def contents() -> dict[str, Any]:
    db.session.rollback()
    left_out = {"tokens", "sessions", "rate_limits"}
    return {
        mapper.class_.__tablename__: table(mapper.class_)
        for mapper in Base.registry.mappers
        if mapper.class_.__tablename__ not in left_out
    }
