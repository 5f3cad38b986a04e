"""The whole workflow of cases as literal values: docs/reference/workflow.md."""

from __future__ import annotations

import pytest

from registry.cases import workflow
from registry.cases.vocabulary import DecisionKind, ReasonCode, Status
from registry.cases.workflow import ACTIONS, Target, Transition, Who, is_permitted, target

# For each action: its permission, whether the agency sees the entry, whether it sees the comment, whether a person is
# required; then for each status the target, who may take the action, and whether only under an order.
CONTRACT = {
    "claim": (
        ("cases.review", False, False, False),
        {
            "new": ("under_review", "FREE_OR_OWN", False),
            "awaiting_confirmation": ("under_review", "FREE_OR_OWN", False),
            "remediation": ("under_review", "LEAD", False),
        },
    ),
    "assign": (
        ("cases.review", False, False, False),
        {
            "new": ("under_review", "FREE_OR_HOLDER", False),
            "under_review": ("SAME", "FREE_OR_HOLDER", False),
            "awaiting_agency": ("SAME", "FREE_OR_HOLDER", False),
            "awaiting_approval": ("SAME", "FREE_OR_HOLDER", False),
            "with_commission": ("SAME", "FREE_OR_HOLDER", False),
            "remediation": ("SAME", "FREE_OR_HOLDER", False),
            "awaiting_confirmation": ("SAME", "FREE_OR_HOLDER", False),
        },
    ),
    "release": (("cases.review", False, False, False), {"under_review": ("new", "HOLDER", False)}),
    "ask": (("cases.review", True, True, False), {"under_review": ("awaiting_agency", "HOLDER", False)}),
    "answer": (("cases.answer", True, True, False), {"awaiting_agency": ("BACK", "ANYONE", False)}),
    "propose": (("cases.review", False, False, False), {"under_review": ("awaiting_approval", "HOLDER", False)}),
    "approve": (("cases.approve", True, False, True), {"awaiting_approval": ("DECIDED", "ANOTHER", False)}),
    "return": (
        ("cases.review", False, False, False),
        {
            "awaiting_approval": ("BACK", "LEAD", False),
            "with_commission": ("BACK", "HOLDER", False),
            "awaiting_confirmation": ("BACK", "FREE_OR_HOLDER", False),
        },
    ),
    "refer": (("cases.review", True, False, False), {"under_review": ("with_commission", "HOLDER", False)}),
    "confirm": (("cases.review", True, False, False), {"awaiting_confirmation": ("closed", "ANYONE", False)}),
    "withdraw": (
        ("cases.review", False, False, False),
        {
            "awaiting_agency": ("BACK", "HOLDER", False),
            "awaiting_approval": ("BACK", "HOLDER", False),
            "with_commission": ("BACK", "HOLDER", False),
            "remediation": ("BACK", "LEAD", False),
        },
    ),
    "appeal": (
        ("cases.answer", True, True, False),
        {
            "remediation": ("BACK", "ANYONE", False),
            "closed": ("BACK", "ANYONE", False),
            "new": ("BACK", "ANYONE", True),
            "under_review": ("BACK", "ANYONE", True),
            "awaiting_agency": ("BACK", "ANYONE", True),
            "awaiting_approval": ("BACK", "ANYONE", True),
            "with_commission": ("BACK", "ANYONE", True),
        },
    ),
    "comment": (
        ("cases.comment", False, False, False),
        {
            "new": ("SAME", "ANYONE", False),
            "under_review": ("SAME", "ANYONE", False),
            "awaiting_agency": ("SAME", "ANYONE", False),
            "awaiting_approval": ("SAME", "ANYONE", False),
            "with_commission": ("SAME", "ANYONE", False),
            "remediation": ("SAME", "ANYONE", False),
            "awaiting_confirmation": ("SAME", "ANYONE", False),
            "closed": ("SAME", "ANYONE", False),
        },
    ),
}


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
