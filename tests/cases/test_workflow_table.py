"""The whole workflow of cases as literal values: docs/reference/workflow.md."""

from __future__ import annotations

import pytest

from registry.cases import workflow
from registry.cases.vocabulary import DecisionKind, ReasonCode, Status
from registry.cases.workflow import ACTIONS, Target, Transition, Who, is_permitted, target
from tests.cases.workflow_contract import CONTRACT


def target_name(to: Status | Target) -> str:
    return to.value if isinstance(to, Status) else to.name


@pytest.mark.parametrize("name", CONTRACT)
def test_action_matches_the_contract(name: str) -> None:
    action = ACTIONS[name]
    properties = (action.needs.value, action.visible_to_agency, action.comment_visible_to_agency, action.needs_person)
    transitions = {
        status.value: (target_name(each.to), each.who.name, each.under_order)
        for status, each in action.transitions.items()
    }
    assert (action.name, properties, transitions) == (name, *CONTRACT[name])


def test_there_is_no_other_action() -> None:
    assert set(ACTIONS) == set(CONTRACT)


def test_review_deadline_runs_while_reviewers_hold_the_case() -> None:
    assert {"new", "under_review", "awaiting_approval", "awaiting_confirmation"} == workflow.REVIEW_CLOCK_RUNS


def test_decisions_match_the_contract() -> None:
    assert workflow.ACCEPTING == ("no_breach", "transitional_accepted")
    assert workflow.ORDERING == ("migrate_by", "stop", "write_off")
    assert DecisionKind.codes() == ("no_breach", "transitional_accepted", "migrate_by", "stop", "write_off")
    assert workflow.NEEDS_DUE_ON == ("migrate_by", "stop")
    assert ReasonCode.codes() == ("wrong_data", "out_of_scope", "duplicate", "other")


def test_status_groups_match_the_contract() -> None:
    assert workflow.REVIEWED == ("new", "under_review", "awaiting_agency", "awaiting_approval", "with_commission")
    assert set(workflow.OPEN) == {*workflow.REVIEWED, "remediation", "awaiting_confirmation"}


@pytest.mark.parametrize(
    ("to", "assignee", "decision", "status"),
    [
        (Status.CLOSED, "aigerim", None, "closed"),
        (Target.SAME, "aigerim", None, "awaiting_approval"),
        (Target.BACK, "aigerim", None, "under_review"),
        (Target.BACK, None, None, "new"),
        (Target.DECIDED, "aigerim", "no_breach", "closed"),
        (Target.DECIDED, "aigerim", "transitional_accepted", "closed"),
        (Target.DECIDED, "aigerim", "migrate_by", "remediation"),
        (Target.DECIDED, "aigerim", "stop", "remediation"),
        (Target.DECIDED, "aigerim", "write_off", "remediation"),
    ],
)
def test_transition_leads_to_status(
    to: Status | Target, assignee: str | None, decision: str | None, status: str
) -> None:
    assert target(Transition(to), Status.AWAITING_APPROVAL, assignee, decision) == status


def permitted(who: Who, *, leads: bool = False, proposed_by: str | None = None) -> list[str | None]:
    """Of a case of nobody, of the person and of another: those in which the person meets the condition."""
    assignees = (None, "aigerim", "bolat")
    return [
        each for each in assignees if is_permitted(who, "aigerim", leads=leads, assignee=each, proposed_by=proposed_by)
    ]


@pytest.mark.parametrize(
    ("who", "reviewer", "supervisor"),
    [
        (Who.ANYONE, [None, "aigerim", "bolat"], [None, "aigerim", "bolat"]),
        (Who.HOLDER, ["aigerim"], [None, "aigerim", "bolat"]),
        (Who.FREE_OR_HOLDER, [None, "aigerim"], [None, "aigerim", "bolat"]),
        (Who.FREE_OR_OWN, [None, "aigerim"], [None, "aigerim"]),
        (Who.ANOTHER, [], []),
        (Who.LEAD, [], [None, "aigerim", "bolat"]),
    ],
)
def test_condition_permits_by_assignee(who: Who, reviewer: list[str | None], supervisor: list[str | None]) -> None:
    assert (permitted(who), permitted(who, leads=True)) == (reviewer, supervisor)


def test_proposal_is_approved_by_another_person_only() -> None:
    assert permitted(Who.ANOTHER, proposed_by="bolat") == [None, "aigerim", "bolat"]
    assert permitted(Who.ANOTHER, proposed_by="aigerim", leads=True) == []
