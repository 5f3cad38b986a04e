"""Audit candidates and idempotence: every finding from few projects, nothing changes when repeated."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import date, timedelta

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings, strategies as st
from sqlalchemy import Connection, event

from registry.audits.candidates import Part, candidates, counts_of_others, highest_id, new_digest
from registry.audits.queries import all_changes_of
from registry.audits.service import run_audit
from registry.cases.models import order_in_force
from registry.core.database import db, transaction
from registry.flags.models import AuditChange, Flag
from registry.freeze.evaluation import evaluate
from registry.freeze.policy import policy_in_force
from registry.projects.models import Project
from registry.projects.revisions import earlier
from registry.projects.service import change_project, find_project_to_change
from tests.audits.real_file import AUDITED_ON, LISTED_ON, record
from tests.audits.steps import (
    AUDITOR,
    OLD_SYSTEM,
    OPERATOR,
    accept,
    audit,
    changes,
    edit,
    exempt,
    flag_counts,
    flags_of,
    table,
    verify,
)
from tests.audits.written import an_agency_of_each_kind, write, write_all
from tests.factories import ADMINISTRATOR, a_project, an_agency
from tests.freeze.random_projects import another_policy, project
from tests.present import Present

# Statements over all projects hang on the database.
pytestmark = pytest.mark.on_both


DAY = date(2026, 10, 5)


@given(st.integers(0, 10**9), st.booleans())
@settings(
    max_examples=settings.default.max_examples // 10,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)
def test_candidates_include_every_project_with_findings(
    app: Flask, each_example: Callable[[], AbstractContextManager[None]], seed: int, shipped: bool
) -> None:
    served = policy_in_force()
    policy = served if shipped else another_policy(seed, served)
    with each_example():
        agencies = an_agency_of_each_kind()
        drawn = [project(seed * 100 + place, policy) for place in range(40)]
        written = write_all([facts for facts, _ in drawn], agencies)
        up_to = highest_id()
        totals, _restricted = counts_of_others(policy, up_to)
        outside = sum(facts.agency_kind not in policy.scope for facts in written.values())
        assert (totals["projects_judged"], totals["projects_out_of_scope"]) == (40 - outside, outside)
        assert up_to == max(written)
        for on in {on for _, on in drawn[:8]}:
            flagged = {key for key, facts in written.items() if evaluate(facts, policy, on)}
            read = list(candidates(policy, on, Part(0, up_to), new_digest(policy, on)))
            assert [each.project_id for each in read] == sorted({each.project_id for each in read})
            # The facts equal the record, and no project that would be flagged is missing.
            assert all(each.facts == written[each.project_id] for each in read)
            assert {each.project_id for each in read} >= flagged


@given(st.integers(0, 10**9))
@settings(
    max_examples=settings.default.max_examples // 15,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)
def test_flags_after_audit_equal_findings_of_every_project(
    app: Flask, each_example: Callable[[], AbstractContextManager[None]], present: Present, seed: int
) -> None:
    policy = policy_in_force()
    drawn = [project(seed * 100 + place, policy) for place in range(40)]
    on = max(day for _, day in drawn)
    with each_example():
        present.set(on)
        agencies = an_agency_of_each_kind()
        written = write_all([facts for facts, _ in drawn], agencies)
        audit()
        stand = {(row["project_id"], row["rule"], row["severity"], row["fingerprint"]) for row in table(Flag)}
        assert stand == {
            (key, finding.rule, finding.severity, finding.fingerprint)
            for key, facts in written.items()
            for finding in evaluate(facts, policy, on)
        }
        for key, facts in written.items():
            record = db.session.get_one(Project, key)
            orders = {"order_migrate_by": facts.order_migrate_by, "order_end_by": facts.order_end_by}
            assert (earlier(record), order_in_force(key)) == (facts.past, orders)


def test_many_revisions_belong_to_their_project(app: Flask, present: Present) -> None:
    present.set(DAY)
    agency = an_agency()
    quiet = [a_project(agency, placement="on_platform", platform_key=f"qt-{place}") for place in range(3)]
    renamed, moved, unchanged = a_project(agency), a_project(agency), a_project(agency)
    for place in range(12):
        for each in (*quiet, renamed, moved):
            edit(each, budget_kzt=place)
    edit(renamed, work_type="modification", object_commissioned_on="2020-01-01", consent_number="1")
    edit(moved, contract_signed_on="2025-11-01", work_started_on="2025-11-01")
    for place in range(12):
        edit(renamed, budget_kzt=place)
    audit()
    assert ("integrity.rewritten", "high", "open") in flags_of(renamed)
    assert ("integrity.rewritten", "high", "open") in flags_of(moved)
    assert flags_of(unchanged) == [("freeze.creation", "high", "open")]
    assert [flags_of(each) for each in quiet] == [[("platform.unverified", "low", "open")]] * 3
    (observed,) = [row["observed"] for row in table(Flag) if row["rule"] == "integrity.rewritten"][:1]
    assert observed == {
        "work_type": "modification",
        "earlier_work_type": "creation",
        "started_on": "2026-01-20",
    }


def test_several_orders_and_exemptions_do_not_duplicate_a_project(app: Flask, present: Present) -> None:
    present.set(DAY)
    agencies = an_agency_of_each_kind()
    facts, _ = project(1, policy_in_force())
    facts = replace(
        facts,
        agency_kind="central_body",
        stage="operation",
        placement="off_platform",
        order_migrate_by=DAY - timedelta(days=1),
        order_end_by=None,
    )
    key, written = write(facts, agencies)
    up_to = highest_id()
    (only,) = candidates(policy_in_force(), DAY, Part(0, up_to), new_digest(policy_in_force(), DAY))
    assert (only.project_id, only.facts, only.exemption_id) == (key, written, None)


def test_project_registered_during_audit_waits_for_next_one(app: Flask, present: Present) -> None:
    present.set(DAY)
    first, second = a_project(), a_project()
    up_to = highest_id()
    read = candidates(policy_in_force(), DAY, Part(0, first.id), new_digest(policy_in_force(), DAY))
    assert [each.project_id for each in read] == [first.id]
    assert up_to == second.id


@pytest.mark.postgres_only
def test_edit_while_projects_are_judged_is_judged_with_its_revision(own_app: Flask) -> None:
    """An edit of the work type between the audit's two queries must not hide a creation under the freeze."""
    with own_app.app_context():
        number = a_project().number
        edited: list[str] = []

        def read(conn: Connection, cursor: object, sql: str, *rest: object) -> None:
            if not edited and sql.startswith("SELECT") and ("revisions" in sql or "placement_verified_on" in sql):
                edited.append("now")
                with ThreadPoolExecutor(1) as agency:
                    agency.submit(rename, own_app, number).result()

        event.listen(db.engine, "after_cursor_execute", read)
        audit()
        assert edited
        assert high_rules() == {"integrity.rewritten"}


def rename(app: Flask, number: str) -> None:
    """Edit a project as its agency on another connection."""
    with app.app_context(), transaction():
        values = {"work_type": "modification", "object_commissioned_on": date(2020, 1, 1), "consent_number": "1"}
        change_project(ADMINISTRATOR, find_project_to_change(ADMINISTRATOR, number), values)


def high_rules() -> set[str]:
    return {row["rule"] for row in table(Flag) if row["status"] == "open" and row["severity"] == "high"}


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
    second = run_audit(OPERATOR, full=True)
    before, kept = table(Flag), table(AuditChange)
    third = audit()
    assert table(Flag) == before
    assert table(AuditChange) == kept
    assert changes(second) == changes(third) == []
    assert flag_counts(third) == (0, len(before), 0, 0)
    # Two that judge every project, and one that continues the second without judging any.
    assert first.input_digest == second.input_digest != third.input_digest
    assert (first.continues, second.continues, third.continues) == (None, None, second.id)
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


LATER = AUDITED_ON + timedelta(days=1)


def test_first_audit_of_real_records(real_app: Flask, present: Present) -> None:
    present.set(AUDITED_ON)
    run = audit()
    assert (run.status, run.projects_judged, run.projects_out_of_scope) == ("succeeded", 1029, 21)
    assert (run.projects_flagged, run.projects_to_migrate, run.flags_opened) == (605, 140, 1152)
    assert Counter((row["rule"], row["severity"]) for row in table(Flag)) == {
        ("freeze.creation", "high"): 37,
        ("freeze.data-gap", "medium"): 120,
        ("freeze.development", "medium"): 15,
        ("freeze.legacy", "plan"): 51,
        ("freeze.misclassified", "high"): 2,
        ("freeze.pilot-limit", "high"): 3,
        ("freeze.planned", "medium"): 1,
        ("freeze.transitional", "medium"): 294,
        ("integrity.backdated", "high"): 15,
        ("integrity.contradiction", "medium"): 172,
        ("integrity.ended-unconfirmed", "medium"): 9,
        ("migration.overdue", "plan"): 255,
        ("platform.onboarding-unconfirmed", "low"): 102,
        ("platform.unverified", "medium"): 76,
    }


def test_audit_of_real_records_takes_less_than_a_second(real_app: Flask, present: Present) -> None:
    present.set(AUDITED_ON)
    # The best of three, because the machine is busy with other tests; the fixed clock does not affect perf_counter.
    seconds = []
    for _ in range(3):
        before = time.perf_counter()
        assert audit(dry_run=True).flags_opened == 1152
        seconds.append(time.perf_counter() - before)
    assert 0 < min(seconds) < 1


def test_audit_after_edits_changes_only_affected_flags(real_app: Flask, present: Present) -> None:
    present.set(AUDITED_ON)
    first = audit()
    before = {row["id"]: row for row in table(Flag)}
    renamed, filled, moved, placed, unrelated = (
        record("024-000003036/730"),
        record("014-000000014/3"),
        record("006-000803200/8032D12228"),
        record("028-000000100/15922"),
        record("024-000005397/5001"),
    )
    present.set(LATER)
    edit(renamed, work_type="modification", object_commissioned_on="2020-05-01", consent_number="1")
    edit(filled, object_commissioned_on="2019-03-01")
    edit(moved, work_started_on="2026-02-20")
    edit(unrelated, budget_kzt=1, purpose="Другое")
    verify(placed, LISTED_ON)
    run = audit()
    expected = [
        (renamed.number, "freeze.creation", "cleared"),
        (renamed.number, "freeze.data-gap", "opened"),
        (renamed.number, "integrity.rewritten", "opened"),
        (renamed.number, "migration.overdue", "opened"),
        (filled.number, "freeze.data-gap", "cleared"),
        (filled.number, "migration.overdue", "opened"),
        (placed.number, "integrity.contradiction", "cleared"),
        (placed.number, "migration.overdue", "cleared"),
        (placed.number, "platform.unverified", "cleared"),
    ]
    assert changes(run) == sorted(expected)
    assert flag_counts(run) == (4, first.flags_opened - 5, 0, 5)
    # The changed start is still under the freeze: the same flag with the new value.
    ((rule, severity, status),) = flags_of(moved)
    assert (rule, severity, status) == ("freeze.creation", "high", "open")
    touched = {project.id for project in (renamed, filled, moved, placed)}
    after = {row["id"]: row for row in table(Flag)}
    assert {key: row for key, row in after.items() if row["project_id"] not in touched} == {
        key: row for key, row in before.items() if row["project_id"] not in touched
    }
    assert len(all_changes_of(AUDITOR, run)) == len(expected)
