"""Appeals against decisions: when they are possible, who decides them, and what follows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import select

from registry.accounts.models import Account, Person
from registry.accounts.roles import Actor, Role
from registry.cases.decisions import AnotherCaseOpen, AppealDecided, AppealPending, AppealTooLate, NothingToAppeal
from registry.cases.lists import list_cases, show_case
from registry.cases.models import Appeal, Case, order_in_force
from registry.cases.queries import find_case, find_case_to_change
from registry.cases.transitions import (
    AppealNeedsOthers,
    CaseActionNotPossible,
    OrderDecidedOnAppeal,
    newest_appeal,
    possible_actions,
    waiting_proposal,
)
from registry.core.database import db, transaction
from registry.core.errors import Invalid, NotAllowed
from registry.core.lists import Page
from registry.freeze.current import first_policy, set_policy
from registry.projects.models import Project
from tests.cases.cast import (
    AIGERIM,
    AIGERIM_AS_SUPERVISOR,
    BOLAT,
    DANA,
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
from tests.factories import a_project, a_token, an_actor, with_account
from tests.present import Present


def appealed(project: Project, proposal: dict[str, object] | None = None) -> Case:
    """The project's case after an order by Aigerim and Saule and its appeal."""
    case = decided_case(project, proposal or migrate_by(in_days(60)))
    return act(editor_of(project.agency), case, "appeal", "The contract is older.")


def decided_appeal(project: Project, proposal: dict[str, object]) -> Case:
    """The project's case after a decision on the appeal by Bolat and Timur."""
    case = act(BOLAT, appealed(project), "claim")
    act(BOLAT, case, "propose", proposal)
    return act(TIMUR, case, "approve")


def outcomes(project: Project) -> list[str | None]:
    made = select(Appeal.outcome).join(Case, Case.id == Appeal.case_id).where(Case.project_id == project.id)
    return list(db.session.scalars(made.order_by(Appeal.id)))


@pytest.mark.parametrize("then", [[], ["release"], ["ask"], ["propose"], ["refer"]])
def test_order_can_be_appealed_during_second_review(then: list[str], present: Present) -> None:
    project = a_project()
    editor = editor_of(project.agency)
    case = act(TIMUR, decided_case(project, migrate_by(in_days(60))), "claim")
    for action in then:
        case = act(TIMUR, case, action, *([NO_BREACH] if action == "propose" else []))
    assert "appeal" in possible_actions(editor, case, waiting_proposal(case))
    case = act(editor, case, "appeal", "The contract is older.")
    assert (case.status, case.assignee) == ("new", None)
    assert [order.ended_because for order in orders_of(project)] == ["appealed"]
    assert waiting_proposal(case) is None
    assert "appeal" not in possible_actions(editor, case, None)
    with pytest.raises(CaseActionNotPossible):
        act(editor, case, "appeal")


# Who decides.


@pytest.mark.parametrize("person", [AIGERIM, AIGERIM_AS_SUPERVISOR, SAULE])
def test_who_proposed_or_approved_takes_no_part_in_the_appeal(person: Actor) -> None:
    case = appealed(a_project())
    assert possible_actions(with_account(person), case, None) == ["comment"]
    with pytest.raises(AppealNeedsOthers):
        act(person, case, "claim")
    with pytest.raises(AppealNeedsOthers):
        act(person, case, "assign", "bolat")
    case = act(BOLAT, case, "claim")
    act(BOLAT, case, "propose", migrate_by(in_days(90)))
    for action in ("approve", "withdraw", "return"):
        with pytest.raises(NotAllowed):
            act(person, case, action)
    assert act(TIMUR, case, "approve").status == "remediation"


@pytest.mark.parametrize("name", ["aigerim", "saule"])
def test_appealed_case_is_not_assigned_to_who_decided_it(name: str) -> None:
    a_token(Role.REVIEWER, name="bolat")
    case = appealed(a_project())
    with pytest.raises(Invalid) as refused:
        act(TIMUR, case, "assign", name)
    assert [problem.code for problem in refused.value.problems] == ["assignee-decided-it"]
    assert act(TIMUR, case, "assign", "bolat").assignee == "bolat"


def test_case_that_was_handed_over_to_who_decided_it_can_be_taken_by_others() -> None:
    case = act(BOLAT, appealed(a_project()), "claim")
    with transaction():
        find_case_to_change(SAULE, case.id).assign_to(with_account(AIGERIM).account_id, "aigerim")
    case = find_case(SAULE, case.id)
    assert possible_actions(with_account(AIGERIM), case, None) == ["comment"]
    assert act(BOLAT, case, "assign", "bolat").assignee == "bolat"


@pytest.mark.parametrize(
    ("people", "missing"),
    [
        ({}, ["supervisor", "reviewer"]),
        ({"bolat": Role.REVIEWER}, ["supervisor"]),
        ({"timur": Role.SUPERVISOR}, ["reviewer"]),
        ({"bolat": Role.REVIEWER, "timur": Role.SUPERVISOR}, []),
    ],
)
def test_case_names_the_roles_that_nobody_has_who_may_decide_the_appeal(
    people: dict[str, Role], missing: list[str]
) -> None:
    project = a_project()
    appealed(project)
    for name, role in people.items():
        a_token(role, name=name)
    shown = show_case(with_account(SAULE), case_of(project), "en")["appeal"]
    assert (shown["missing"], shown["is_barred"]) == (missing, True)
    assert show_case(editor_of(project.agency), case_of(project), "en")["appeal"]["missing"] == []


def test_second_account_of_who_decided_it_takes_no_part_either() -> None:
    project = a_project()
    for name in ("saule", "saule-2", "timur"):
        a_token(Role.SUPERVISOR, name=name)
    with transaction():
        of_saule = select(Account.id).where(Account.name.in_(("saule", "saule-2")))
        for person in db.session.scalars(select(Person).where(Person.account_id.in_(of_saule))):
            person.email = "saule@example.kz"
    appealed(project)
    second = with_account(an_actor(Role.SUPERVISOR, name="saule-2"))
    shown = show_case(second, case_of(project), "en")["appeal"]
    assert (shown["missing"], shown["is_barred"]) == (["reviewer"], True)
    with pytest.raises(AppealNeedsOthers):
        act(second, case_of(project), "claim")


# What becomes of the decision.


def test_same_order_with_the_same_date_upholds_the_decision() -> None:
    project = a_project()
    case = decided_appeal(project, migrate_by(in_days(60)))
    assert (case.status, outcomes(project)) == ("remediation", ["upheld"])
    assert [order.ended_because for order in orders_of(project)] == ["appealed", None]
    assert order_in_force(project.id)["order_migrate_by"] == in_days(60)


@pytest.mark.parametrize(("days", "outcome"), [(70, "upheld"), (71, "changed"), (59, "changed")])
def test_order_is_upheld_with_a_date_that_is_later_by_the_suspension(days: int, outcome: str, present: Present) -> None:
    project = a_project()
    due_on, later = in_days(60), in_days(days)
    case = act(BOLAT, appealed(project, migrate_by(due_on)), "claim")
    present.set(date(2026, 2, 26))
    act(BOLAT, case, "propose", migrate_by(later))
    act(TIMUR, case, "approve")
    assert outcomes(project) == [outcome]


@pytest.mark.parametrize(
    ("proposal", "status", "outcome"),
    [
        ({**migrate_by(date(2027, 1, 1)), "decision": "stop"}, "remediation", "changed"),
        (NO_BREACH, "closed", "revoked"),
        (TRANSITIONAL, "closed", "revoked"),
    ],
)
def test_another_decision_changes_or_revokes_the_order(proposal: dict[str, object], status: str, outcome: str) -> None:
    project = a_project()
    case = decided_appeal(project, proposal)
    assert (case.status, outcomes(project)) == (status, [outcome])


def test_decision_on_an_appeal_is_not_appealed_again() -> None:
    project = a_project()
    editor = editor_of(project.agency)
    case = decided_appeal(project, migrate_by(in_days(60)))
    shown = show_case(editor, case, "en")
    assert (shown["actions"], shown["decisions"][-1]["appeal_until"]) == (["comment"], None)
    with pytest.raises(AppealDecided):
        act(editor, case, "appeal", "Once more.")


@pytest.mark.parametrize("person", [AIGERIM, AIGERIM_AS_SUPERVISOR, SAULE])
def test_who_decided_before_the_appeal_decides_nothing_after_it(person: Actor) -> None:
    case = decided_appeal(a_project(), migrate_by(in_days(60)))
    shown = show_case(with_account(person), case, "en")
    assert (shown["actions"], shown["appeal"]["is_barred"]) == (["comment"], True)
    with pytest.raises(NotAllowed):
        act(person, case, "claim")
    act(BOLAT, act(DANA, act(DANA, case, "claim"), "assign", "bolat"), "propose", migrate_by(in_days(20)))
    assert list_cases(with_account(person), {"to_approve": "true"}, Page(), "en").items == []
    with pytest.raises(NotAllowed):
        act(person, case, "approve")


def test_order_on_an_appeal_is_not_withdrawn_by_one_person() -> None:
    case = decided_appeal(a_project(), migrate_by(in_days(60)))
    assert "withdraw" not in possible_actions(with_account(TIMUR), case, None)
    with pytest.raises(OrderDecidedOnAppeal):
        act(TIMUR, case, "withdraw")


def test_decision_that_replaces_the_one_on_an_appeal_is_not_appealed_either() -> None:
    project = a_project()
    case = act(DANA, decided_appeal(project, migrate_by(in_days(60))), "claim")
    act(DANA, case, "propose", migrate_by(in_days(20)))
    case = act(TIMUR, case, "approve")
    assert [order.ended_because for order in orders_of(project)] == ["appealed", "replaced", None]
    with pytest.raises(AppealDecided):
        act(editor_of(project.agency), case, "appeal", "Too soon.")


def test_decision_on_other_findings_than_those_of_the_appeal_can_be_appealed() -> None:
    project = a_project()
    editor = editor_of(project.agency)
    case = decided_appeal(project, migrate_by(in_days(60)))
    edit(editor, project, stage="pilot")
    audit()
    act(DANA, act(DANA, case, "claim"), "propose", migrate_by(in_days(20)))
    act(TIMUR, case, "approve")
    assert act(editor, case, "appeal", "Too soon.").status == "new"
    assert outcomes(project) == ["upheld", None]


def test_appeal_ends_without_a_decision_when_its_case_closes() -> None:
    project = project_with_gap()
    editor = editor_of(project.agency)
    case = appealed(project)
    edit(editor, project, object_commissioned_on="2020-01-01")
    audit()
    case = case_of(project)
    assert (case.status, outcomes(project)) == ("awaiting_confirmation", [None])
    with pytest.raises(AppealNeedsOthers):
        act(AIGERIM, case, "confirm")
    act(BOLAT, case, "confirm")
    assert outcomes(project) == ["discontinued"]


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
    case = appealed(project)
    assert case.status == "new"
    assert [order.ended_because for order in orders_of(project)] == [None]
    shown = show_case(editor, case, "en")
    assert [decision["ended_because"] for decision in shown["decisions"]] == [None]
    assert order_in_force(project.id)["order_migrate_by"] == in_days(60)
    # One appeal a decision.
    assert shown["actions"] == ["comment"]
    with pytest.raises(AppealPending):
        act(editor, case, "appeal", "Once more.")
    act(BOLAT, case, "claim")
    act(BOLAT, case, "propose", migrate_by(in_days(90)))
    act(TIMUR, case, "approve")
    assert [order.ended_because for order in orders_of(project)] == ["replaced", None]
    assert outcomes(project) == ["changed"]


def test_time_to_decide_begins_with_the_appeal(present: Present) -> None:
    project = a_project()
    case = decided_case(project, migrate_by(in_days(60)))
    # 15 working days after 16 February is 10 March, because 9 March is a day off.
    present.set(date(2026, 3, 10))
    case = act(editor_of(project.agency), case, "appeal", "The contract is older.")
    assert (case.status, case.due_on) == ("new", date(2026, 4, 10))


def test_time_to_decide_begins_again_when_a_second_review_was_under_way(present: Present) -> None:
    project = a_project()
    case = act(TIMUR, decided_case(project, migrate_by(in_days(60))), "claim")
    present.set(date(2026, 3, 10))
    assert act(editor_of(project.agency), case, "appeal", "It is older.").due_on == date(2026, 4, 10)


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
    assert case.status == "new"
    with pytest.raises(CaseActionNotPossible):
        act(editor_of(project.agency), case, "appeal")
    audit()
    assert act(BOLAT, case_of(project), "claim").status == "under_review"
    act(BOLAT, case, "propose", TRANSITIONAL)
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
    assert newest_appeal(case) is None


def test_appealed_case_stays_in_review_without_active_flags() -> None:
    project = a_project()
    editor = editor_of(project.agency)
    decided_case(project, NO_BREACH)
    verify(project)
    audit()
    case = act(editor, case_of(project), "appeal", "It is somebody else's project.")
    assert (case.status, flags_of(project)) == ("new", {"freeze.creation": "cleared"})
    audit()
    assert case_of(project).status == "new"


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
