"""Counts and cases that an audit reads before it locks, and what changes until it does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import Phase, given, settings, strategies as st
from sqlalchemy import delete, select, update

from registry.agencies.service import agency_by_bin
from registry.audits import counting
from registry.audits.counting import Counts
from registry.audits.execution import execute_audit, new_run
from registry.audits.judgement import Preparation
from registry.audits.models import AgencyCount, DailyCount
from registry.audits.reconciliation import Plan
from registry.audits.schedule import exclusive_lock
from registry.cases.models import Case, CaseFlag
from registry.cases.sync import NO_AUDIT, projects_to_sync
from registry.core.clock import now
from registry.core.database import db, table_of, transaction
from registry.freeze.current import first_policy, policy_in_force, set_policy
from registry.freeze.policy import Policy
from registry.projects.models import Project
from registry.projects.service import find_project_to_change, restrict_project
from registry.requests.models import RequestKind
from registry.requests.service import ask, confirm
from tests.audits.history import ASKER, DECIDER, STEPS, History
from tests.audits.steps import OPERATOR, audit, edit, verify
from tests.cases.cast import AIGERIM, SAULE, act
from tests.factories import a_project, an_agency
from tests.present import Present

# Statements over all projects hang on the database.
pytestmark = pytest.mark.on_both

Undone = Callable[[], AbstractContextManager[None]]
DAY = date(2026, 9, 28)
STEP = st.tuples(st.sampled_from([kind for kind in STEPS if kind != "night"]), st.integers(0, 9), st.integers(0, 9))
NOTHING = Plan()


@pytest.fixture
def usual_policy(app: Flask) -> Iterator[Policy]:
    usual = first_policy()
    yield usual
    set_policy(usual)


@pytest.fixture(autouse=True)
def _units_of_one_agency(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with many projects: an agency is counted again without the others."""
    monkeypatch.setattr(counting, "PROJECTS_IN_UNIT", 1)


def rows_of(audit_id: int) -> list[list[tuple[Any, ...]]]:
    """The counts of an audit, of agencies and of the day."""
    tables = table_of(AgencyCount), table_of(DailyCount)
    return [
        sorted(tuple(row)[1:] for row in db.session.execute(select(t).where(t.c.audit_id == audit_id))) for t in tables
    ]


def stored(counts: Counts) -> list[list[tuple[Any, ...]]]:
    """The counts of agencies and of the day, as they are stored with an audit that does not count."""
    with transaction() as session:
        run = new_run(OPERATOR, DAY, "manual", policy_in_force(DAY), dry_run=True)
        run.status, run.finished_at = "succeeded", now()
        session.add(run)
        session.flush()
        counts.save(run.id)
        return rows_of(run.id)


def counted_again(on: date) -> list[list[tuple[Any, ...]]]:
    """The counts of now."""
    counts = Counts(on)
    counts.count()
    return stored(counts)


@pytest.mark.parametrize(
    "examples", [2, pytest.param(8, marks=pytest.mark.nightly), pytest.param(200, marks=pytest.mark.at_length)]
)
def test_counts_and_cases_brought_up_to_date_equal_those_read_again(
    app: Flask, present: Present, each_example: Undone, usual_policy: Policy, examples: int
) -> None:
    @settings(max_examples=examples, phases=[Phase.generate], deadline=None)
    @given(nights=st.lists(st.lists(STEP, min_size=1, max_size=4), min_size=4, max_size=4))
    def check(nights: list[list[tuple[str, int, int]]]) -> None:
        with each_example():
            set_policy(usual_policy)
            present.set(DAY)
            history = History(present)
            history.begin()
            history.take("night", 0, 1)
            for steps in nights:
                prepared = Preparation(policy_in_force(), DAY)
                prepared.read()
                for step in steps:
                    history.take(*step)
                    prepared.counts.bring_up_to_date()
                assert prepared.projects_to_sync(NOTHING, NO_AUDIT) == projects_to_sync(prepared.policy)
                assert stored(prepared.counts) == counted_again(DAY)

    check()


def test_project_that_is_new_and_moves_between_two_readings_is_counted_once(app: Flask, present: Present) -> None:
    present.set(DAY)
    first, second, *_ = agencies = [an_agency() for _ in range(8)]
    for agency in agencies:
        a_project(agency)
    audit()
    counts = Counts(DAY)
    counts.count()
    project = a_project(first)
    counts.bring_up_to_date()
    request = ask(
        ASKER, RequestKind.TRANSFER, project.number, {"to": second.bin, "on": DAY, "act": "17", "reason": "R"}
    )
    confirm(DECIDER, RequestKind.TRANSFER, request.id)
    counts.bring_up_to_date()
    assert stored(counts) == counted_again(DAY)


def test_case_of_a_person_that_does_not_cover_a_flag_is_found_before_the_lock(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project()
    audit()
    with transaction() as session:
        session.execute(update(Case).values(opened_by_audit=None))
        session.execute(delete(CaseFlag))
    prepared = Preparation(policy_in_force(), DAY)
    prepared.read()
    assert prepared.projects_to_sync(NOTHING, 1_000) == frozenset({project.id})


def test_counts_are_those_of_the_moment_at_which_the_audit_commits(own_app: Flask, present: Present) -> None:
    present.set(DAY)
    with own_app.app_context():
        agencies = [an_agency() for _ in range(8)]
        projects = [a_project(agency, budget_kzt=10**place, region="71") for place, agency in enumerate(agencies)]
        edited, decided, moved, restricted, cleared, *_ = (project.id for project in projects)
        bins = [agency.bin for agency in agencies]
        audit()
        case = db.session.scalars(select(Case.id).where(Case.project_id == decided)).one()
        present.move(timedelta(days=1))
        # The audit itself changes the status of this one, of which nothing changes meanwhile.
        edit(projects[7], placement="on_platform", platform_key="qt-8")
        verify(projects[7], DAY)
        policy, on = policy_in_force(), DAY + timedelta(days=1)

        def change(which: Callable[[], Any]) -> None:
            def in_thread() -> None:
                with own_app.app_context():
                    which()

            with ThreadPoolExecutor(1) as others:
                others.submit(in_thread).result(timeout=20)

        def project_of(project_id: int) -> Project:
            return db.session.get_one(Project, project_id)

        def decide() -> None:
            act(AIGERIM, case, "claim")
            act(AIGERIM, case, "propose", {"decision": "transitional_accepted", "reason": "R", "legal_basis": "L"})
            act(SAULE, case, "approve")

        def restrict() -> None:
            with transaction():
                number = project_of(restricted).number
                restrict_project(SAULE, find_project_to_change(SAULE, number), True, "Secret.")

        def clear() -> None:
            edit(project_of(cleared), placement="on_platform", platform_key="qt-7")
            verify(project_of(cleared), DAY)

        def transfer() -> None:
            values = {"to": bins[6], "on": on, "act": "17", "reason": "R"}
            request = ask(ASKER, RequestKind.TRANSFER, project_of(moved).number, values)
            confirm(DECIDER, RequestKind.TRANSFER, request.id)

        changes: list[Callable[[], Any]] = [
            lambda: edit(project_of(edited), budget_kzt=5, region="10", sector="07"),
            decide,
            clear,
            lambda: a_project(agency_by_bin(bins[5])),
            transfer,
            restrict,
        ]
        for each in changes:
            prepared = Preparation(policy, on)

            def read(prepared: Preparation = prepared, each: Callable[[], Any] = each) -> None:
                prepared.read()
                change(each)

            with exclusive_lock(read):
                run = new_run(OPERATOR, on, "manual", policy, dry_run=False)
                execute_audit(OPERATOR, run, policy, check_threshold=False, prepared=prepared)
            assert rows_of(run.id) == counted_again(on), each
            assert projects_to_sync(policy) == frozenset()
            present.move(timedelta(minutes=5))
