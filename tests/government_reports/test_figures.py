"""Frozen figures: equal to the compliance report, adding up, and silent about restricted projects."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings, strategies as st

from registry.accounts.roles import Actor, Role
from registry.audits.service import run_audit
from registry.cases.models import Case
from registry.core.database import db, transaction
from registry.government_reports.queries import data_of_report, find_government_report
from registry.government_reports.service import NoAuditToReport, freeze_figures
from registry.projects.models import Project
from registry.projects.service import find_project_to_change, restrict_project
from registry.reports.compliance import compliance
from tests.cases.cast import act, migrate_by
from tests.factories import a_project, an_actor, an_agency
from tests.government_reports.steps import AUTHOR, READER, SECOND, begin
from tests.present import Present

NARROWED = an_actor(Role.REVIEWER, name="aigerim")
OPERATOR = an_actor(Role.OPERATOR)


def frozen(actor: Actor) -> dict[str, Any]:
    number = begin().number
    freeze_figures(AUTHOR, number)
    return json.loads(data_of_report(actor, find_government_report(actor, number))[0])


def restrict(project: Project) -> None:
    with transaction():
        restrict_project(SECOND, find_project_to_change(SECOND, project.number), True, "Secret")


def test_figures_equal_the_compliance_report_of_the_same_reader(app: Flask, present: Present) -> None:
    present.set(date(2026, 10, 1))
    agency = an_agency()
    a_project(agency, region="71", budget_kzt=5)
    a_project(agency, region=None, placement="on_platform", budget_kzt=7)
    secret = a_project(an_agency(), region="75", budget_kzt=11)
    restrict(secret)
    run = run_audit(OPERATOR)
    for reader in (READER, NARROWED):
        figures = frozen(reader)
        for grouped in ("agency", "region"):
            report = compliance(reader, grouped)
            assert figures[f"by_{grouped}"] == report["items"]
            assert figures["totals"] == report["totals"]
        assert figures["audit"] == {"id": run.id, "on": "2026-10-01", "policy_version": run.policy_version}
    assert frozen(READER)["totals"]["projects"] == 3
    assert frozen(NARROWED)["totals"]["projects"] == 2


def test_list_has_projects_of_high_severity_with_orders_and_no_restricted_one(app: Flask, present: Present) -> None:
    present.set(date(2026, 10, 1))
    project, secret = a_project(), a_project(name_ru="Тайная система")
    restrict(secret)
    run_audit(OPERATOR)
    case_id = db.session.query(Case.id).filter(Case.project_id == project.id).scalar()
    act(NARROWED, case_id, "claim")
    act(NARROWED, case_id, "propose", migrate_by(date(2026, 12, 1)))
    act(SECOND, case_id, "approve")
    for reader in (READER, NARROWED):
        figures = frozen(reader)
        assert [row["key"] for row in figures["high_severity"]] == [project.number]
        order = {"decision": "migrate_by", "approved_on": "2026-10-01", "due_on": "2026-12-01"}
        assert figures["high_severity"][0]["orders"] == [order]
        text = json.dumps(figures, ensure_ascii=False)
        assert secret.number not in text and "Тайная" not in text


def test_rules_count_their_flags_and_have_titles_in_both_languages(app: Flask) -> None:
    a_project()
    run_audit(OPERATOR)
    rows = {row["key"]: row for row in frozen(READER)["by_rule"]}
    assert rows["freeze.creation"]["open"] == 1
    assert rows["freeze.creation"]["title_kk"] and rows["freeze.creation"]["title_ru"]


def test_hash_is_of_the_bytes_and_differs_by_what_the_reader_may_see(app: Flask) -> None:
    restrict(a_project())
    run_audit(OPERATOR)
    number = begin().number
    freeze_figures(AUTHOR, number)
    digests = set()
    for reader in (READER, NARROWED):
        data, digest = data_of_report(reader, find_government_report(reader, number))
        assert hashlib.sha256(data.encode()).hexdigest() == digest
        assert data == json.dumps(json.loads(data), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        digests.add(digest)
    assert len(digests) == 2


def test_figures_stay_as_they_were_frozen(app: Flask) -> None:
    a_project()
    run_audit(OPERATOR)
    number = begin().number
    freeze_figures(AUTHOR, number)
    before = data_of_report(READER, find_government_report(READER, number))
    a_project()
    run_audit(OPERATOR)
    assert data_of_report(READER, find_government_report(READER, number)) == before


def test_freezing_needs_an_audit(app: Flask) -> None:
    number = begin().number
    with pytest.raises(NoAuditToReport):
        freeze_figures(AUTHOR, number)


PLACES = st.tuples(
    st.integers(0, 2),
    st.sampled_from([None, "71", "75"]),
    st.sampled_from(["on_platform", "off_platform", "onboarding"]),
    st.booleans(),
    st.integers(0, 10**12),
)


@settings(
    max_examples=settings.default.max_examples // 8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(PLACES, max_size=8))
def test_sums_over_agencies_regions_and_severities_equal_the_totals(app: Flask, rows: list[Any]) -> None:
    agencies = [an_agency() for _ in range(3)]
    for agency, region, placement, restricted, budget in rows:
        made = a_project(agencies[agency], region=region, placement=placement, budget_kzt=budget)
        if restricted:
            restrict(made)
    run_audit(OPERATOR)
    for reader in (READER, NARROWED):
        figures = frozen(reader)
        totals = figures["totals"]
        for table in ("by_agency", "by_region"):
            for name in ("projects", "flagged", "clear", "budget_kzt", "budget_flagged_kzt"):
                assert sum(row[name] for row in figures[table]) == totals[name]
        assert sum(row["projects"] for row in figures["by_severity"]) == totals["flagged"]
        assert sum(row["budget_flagged_kzt"] for row in figures["by_severity"]) == totals["budget_flagged_kzt"]
        assert len(figures["high_severity"]) <= totals["flagged_high"]
