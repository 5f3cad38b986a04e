"""Appeals against decisions: when they are possible, and what follows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest

from registry.cases.decisions import AnotherCaseOpen, AppealPending, AppealTooLate, NothingToAppeal
from registry.cases.lists import show_case
from registry.cases.models import migrate_by_in_force
from registry.cases.queries import find_case
from registry.cases.transitions import (
    CaseActionNotPossible,
    possible_actions,
    waiting_proposal,
)
from registry.freeze.current import first_policy, set_policy
from tests.cases.cast import (
    AIGERIM,
    NO_BREACH,
    SAULE,
    TIMUR,
    TRANSITIONAL,
    act,
    audit,
    case_of,
    cases_of,
    decided_case,
    edit,
    editor_of,
    flags_of,
    in_days,
    migrate_by,
    orders_of,
    project_with_gap,
    verify,
)
from tests.factories import a_project
from tests.present import Present


@pytest.mark.parametrize("then", [[], ["release"], ["ask"], ["propose"], ["refer"]])
def test_order_can_be_appealed_during_second_review(then: list[str], present: Present) -> None:
    project = a_project()
    editor = editor_of(project.agency)
    case = act(TIMUR, decided_case(project, migrate_by(in_days(60))), "claim")
    for action in then:
        case = act(TIMUR, case, action, *([NO_BREACH] if action == "propose" else []))
    assert "appeal" in possible_actions(editor, case, waiting_proposal(case))
    case = act(editor, case, "appeal", "The contract is older.")
    assert case.status == ("new" if then == ["release"] else "under_review")
    assert [order.ended_because for order in orders_of(project)] == ["appealed"]
    assert waiting_proposal(case) is None
    assert "appeal" not in possible_actions(editor, case, None)
    with pytest.raises(CaseActionNotPossible):
        act(editor, case, "appeal")


@pytest.fixture
def binding_while_appealed() -> Iterator[None]:
    """A policy by which an appealed order stays in force until another decision replaces it."""
    usual = first_policy()
    set_policy(replace(usual, appeal_suspends=False))
    yield
    set_policy(usual)


def test_appealed_order_stays_in_force_where_the_policy_says_so(binding_while_appealed: None) -> None:
    project = a_project()
    editor = editor_of(project.agency)
    case = decided_case(project, migrate_by(in_days(60)))
    case = act(editor, case, "appeal", "The contract is older.")
    assert case.status == "under_review"
    assert [order.ended_because for order in orders_of(project)] == [None]
    shown = show_case(editor, case, "en")
    assert [decision["ended_because"] for decision in shown["decisions"]] == [None]
    assert migrate_by_in_force(project.id) == in_days(60)
    # One appeal a decision.
    assert shown["actions"] == ["comment"]
    with pytest.raises(AppealPending):
        act(editor, case, "appeal", "Once more.")
    act(AIGERIM, case, "propose", migrate_by(in_days(90)))
    case = act(TIMUR, case, "approve")
    assert [order.ended_because for order in orders_of(project)] == ["replaced", None]
    assert "appeal" in show_case(editor, case, "en")["actions"]


def test_appeal_suspends_the_order_unless_the_policy_says_otherwise() -> None:
    project = a_project()
    case = act(editor_of(project.agency), decided_case(project, migrate_by(in_days(60))), "appeal", "It is older.")
    assert [order.ended_because for order in orders_of(project)] == ["appealed"]
    assert [decision["ended_because"] for decision in show_case(SAULE, case, "en")["decisions"]] == ["appealed"]
    assert migrate_by_in_force(project.id) is None


def test_appeal_ends_order_and_reopens_case(present: Present) -> None:
    project = a_project()
    case = decided_case(project, migrate_by(in_days(60)))
    # 15 working days after 16 February is 10 March, because 9 March is a day off.
    present.set(date(2026, 3, 10))
    case = act(editor_of(project.agency), case, "appeal", "The contract is older.")
    assert (case.status, case.due_on) == ("under_review", date(2026, 4, 10))
    assert [order.ended_because for order in orders_of(project)] == ["appealed"]
    act(AIGERIM, case, "propose", migrate_by(in_days(90)))
    assert act(SAULE, case, "approve").status == "remediation"


def test_appeal_is_too_late_day_after_deadline(present: Present) -> None:
    project = a_project()
    case = decided_case(project, migrate_by(in_days(60)))
    present.set(date(2026, 3, 11))
    assert show_case(editor_of(project.agency), case, "en")["actions"] == ["comment"]
    with pytest.raises(AppealTooLate):
        act(editor_of(project.agency), case, "appeal")
    assert [order.ended_because for order in orders_of(project)] == [None]


def test_closed_case_reopens_on_appeal() -> None:
    project = a_project()
    case = decided_case(project, NO_BREACH)
    case = act(editor_of(project.agency), case, "appeal")
    assert case.status == "under_review"
    with pytest.raises(CaseActionNotPossible):
        act(editor_of(project.agency), case, "appeal")
    audit()
    assert case_of(project).status == "under_review"
    act(AIGERIM, case, "propose", TRANSITIONAL)
    assert act(TIMUR, case, "approve").outcome == "transitional_accepted"


def test_appeal_needs_a_decision() -> None:
    project = project_with_gap()
    editor = editor_of(project.agency)
    audit()
    edit(editor, project, object_commissioned_on="2020-01-01")
    audit()
    case = act(AIGERIM, case_of(project), "confirm")
    assert show_case(editor, case, "en")["actions"] == ["comment"]
    with pytest.raises(NothingToAppeal):
        act(editor, case, "appeal")


def test_appealed_case_stays_in_review_without_active_flags() -> None:
    project = a_project()
    editor = editor_of(project.agency)
    decided_case(project, NO_BREACH)
    verify(project)
    audit()
    case = act(editor, case_of(project), "appeal", "It is somebody else's project.")
    assert (case.status, flags_of(project)) == ("under_review", {"freeze.creation": "cleared"})
    audit()
    assert case_of(project).status == "under_review"


def test_older_case_refuses_appeal_while_later_case_is_open() -> None:
    project = a_project()
    editor = editor_of(project.agency)
    first = decided_case(project, NO_BREACH)
    edit(editor, project, placement="unknown")
    audit()
    assert cases_of(project) == 2
    assert show_case(editor, find_case(editor, first.id), "en")["actions"] == ["comment"]
    with pytest.raises(AnotherCaseOpen):
        act(editor, first, "appeal")
