"""Changes while an audit judges: others do not wait, and the audit is as of the moment when it locks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import Phase, given, settings, strategies as st
from sqlalchemy import select

from registry.agencies.models import Agency
from registry.agencies.service import agency_to_change, change_agency
from registry.audits.candidates import counts_of_others
from registry.audits.execution import execute_audit, new_run
from registry.audits.judgement import Judgement
from registry.audits.past import verify_audit
from registry.audits.schedule import exclusive_lock
from registry.cases.models import Case
from registry.changes.service import delete_old_changes
from registry.core.database import db, transaction
from registry.freeze.policy import Policy, first_policy, policy_in_force, set_policy
from registry.freeze.policy_file import read_policy
from registry.projects.models import Project
from registry.requests.models import RequestKind
from registry.requests.service import ask, confirm
from tests.audits.history import ASKER, DECIDER, NARROWER, STEPS, History
from tests.audits.steps import AUDITOR, OPERATOR, audit, edit, flags_of, status_of, verify
from tests.cases.cast import AIGERIM, IN_BOTH, SAULE, act
from tests.factories import ADMINISTRATOR, a_project, an_agency
from tests.present import Present

# Statements over all projects hang on the database.
pytestmark = pytest.mark.on_both

Undone = Callable[[], AbstractContextManager[None]]
DAY = date(2026, 9, 28)
# Projects registered later are not judged at all.
KINDS = [kind for kind in STEPS if kind not in ("night", "register", "split")]
STEP = st.tuples(st.sampled_from(KINDS), st.integers(0, 9), st.integers(0, 9))


@pytest.fixture
def usual_policy(app: Flask) -> Iterator[Policy]:
    usual = first_policy()
    yield usual
    set_policy(usual)


def judged(policy: Policy, on: date) -> Judgement:
    """Every project judged."""
    judgement = Judgement(policy, on, full=True)
    judgement.read()
    return judgement


def all_of(judgement: Judgement) -> dict[str, Any]:
    """What an audit takes from it."""
    judgement.bring_up_to_date()
    taken: dict[str, Any] = {"digest": judgement.digest()}
    for whose, plan in zip(("all", "restricted"), judgement.plan(), strict=True):
        lists = [plan.opened, plan.updated, plan.reopened, plan.restated, plan.cleared, plan.turned]
        taken[whose] = [sorted(map(repr, each)) for each in lists]
    return taken | {"coming": [sorted(each) for each in judgement.coming_changes()]}


@pytest.mark.parametrize(
    "examples", [2, pytest.param(8, marks=pytest.mark.nightly), pytest.param(200, marks=pytest.mark.at_length)]
)
def test_a_judgement_brought_up_to_date_equals_another_one(
    app: Flask, present: Present, each_example: Undone, usual_policy: Policy, examples: int
) -> None:
    @settings(max_examples=examples, phases=[Phase.generate], deadline=None)
    @given(nights=st.lists(st.lists(STEP, min_size=4, max_size=8), min_size=3, max_size=3))
    def check(nights: list[list[tuple[str, int, int]]]) -> None:
        with each_example():
            set_policy(usual_policy)
            present.set(DAY)
            history = History(present)
            history.begin()
            for steps in nights:
                policy, on = policy_in_force(), DAY
                judgement = judged(policy, on)
                for step in steps:
                    history.take(*step)
                other = judged(policy, on)
                assert all_of(judgement) == all_of(other)
                history.take("night", 0, 1)

    check()


def transfer(project: Project) -> None:
    values = {"to": an_agency().bin, "on": DAY, "act": "17", "reason": "R"}
    request = ask(ASKER, RequestKind.TRANSFER, project.number, values)
    confirm(DECIDER, RequestKind.TRANSFER, request.id)


def change_kind(project: Project) -> None:
    number = db.session.get_one(Agency, project.agency_id).bin
    with transaction():
        change_agency(ADMINISTRATOR, agency_to_change(number), {"kind": "central_body"}, approved={})


@pytest.mark.parametrize("change", [transfer, change_kind])
def test_a_project_that_comes_into_the_scope_is_counted_before_statuses_follow_the_policy(
    app: Flask, present: Present, usual_policy: Policy, change: Callable[[Project], None]
) -> None:
    present.set(DAY)
    project = a_project(an_agency(kind="local_executive"))
    assert (audit().projects_judged, status_of(project)) == (1, "flagged")
    # In force since the audit, so that the stored status is still that of the wider scope.
    set_policy(read_policy(NARROWER, "policy.toml"))
    judgement = judged(policy_in_force(), DAY)
    assert counts_of_others(policy_in_force(), judgement.up_to)[0]["projects_out_of_scope"] == 1
    change(project)
    assert judgement.bring_up_to_date() == 1
    assert counts_of_others(policy_in_force(), judgement.up_to)[0]["projects_judged"] == 1


def test_an_order_that_ends_changes_a_judgement(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project()
    audit()
    case = db.session.scalars(select(Case.id).where(Case.project_id == project.id)).one()
    proposal = {"decision": "migrate_by", "due_on": DAY + timedelta(days=9), **IN_BOTH}
    act(AIGERIM, case, "claim")
    act(AIGERIM, case, "propose", proposal)
    act(SAULE, case, "approve")
    judgement = judged(policy_in_force(), DAY)
    ordered = judgement.digest()
    act(SAULE, case, "withdraw")
    assert judgement.bring_up_to_date() == 1
    other = judged(policy_in_force(), DAY)
    assert all_of(judgement) == all_of(other)
    assert judgement.digest() != ordered


def test_a_judgement_whose_changes_were_deleted_begins_again(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project()
    audit()
    judgement = judged(policy_in_force(), DAY)
    edit(project, placement="on_platform", platform_key="qt-7")
    verify(project, DAY)
    present.move(timedelta(days=91))
    delete_old_changes()
    judgement.bring_up_to_date()
    assert len(judgement.plan()[0].cleared) == 1
    other = judged(policy_in_force(), DAY)
    assert all_of(judgement) == all_of(other)


def test_others_act_and_edit_while_an_audit_judges_and_it_sees_their_changes(own_app: Flask, present: Present) -> None:
    present.set(DAY)
    with own_app.app_context():
        left, moved = a_project(), a_project()
        moved_id = moved.id
        assert audit().flags_opened == 2
        case = db.session.scalars(select(Case.id).where(Case.project_id == left.id)).one()
        present.move(timedelta(days=1))
        policy, on = policy_in_force(), DAY + timedelta(days=1)
        early = Judgement(policy, on, full=True)
        newest: list[int] = []

        def change() -> None:
            with own_app.app_context():
                act(AIGERIM, case, "claim")
                project = db.session.get_one(Project, moved_id)
                edit(project, placement="on_platform", platform_key="qt-7")
                verify(project, DAY)
                newest.append(a_project().id)

        def read() -> None:
            early.read()
            with ThreadPoolExecutor(1) as others:
                others.submit(change).result(timeout=20)

        with exclusive_lock(read):
            run = new_run(OPERATOR, on, "manual", policy, dry_run=False)
            execute_audit(OPERATOR, run, policy, check_threshold=True, judged=early)
        assert run.status == "succeeded"
        assert flags_of(left) == [("freeze.creation", "high", "open")]
        assert flags_of(moved) == [("freeze.creation", "high", "cleared")]
        assert (status_of(left), status_of(moved)) == ("flagged", "clear")
        assert (run.projects_judged, run.judged_up_to) == (3, newest[0])
        present.move(timedelta(minutes=5))
        assert verify_audit(AUDITOR, run.id).matches


def test_a_judgement_of_another_day_is_not_used(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project()
    policy, on = policy_in_force(), DAY
    early = judged(policy, DAY - timedelta(days=400))
    assert early.plan()[0].opened == []
    with exclusive_lock():
        run = new_run(OPERATOR, on, "manual", policy, dry_run=False)
        execute_audit(OPERATOR, run, policy, check_threshold=True, judged=early)
    assert flags_of(project) == [("freeze.creation", "high", "open")]
    assert verify_audit(AUDITOR, run.id).digest.recorded == verify_audit(AUDITOR, run.id).digest.repeated
