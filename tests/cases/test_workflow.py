"""The workflow as data: complete and without dead ends."""

from __future__ import annotations

import pytest

from registry.accounts.roles import PERMISSIONS, Permission, Role
from registry.cases.vocabulary import DecisionKind, Status
from registry.cases.workflow import ACTIONS, Target, is_permitted, target


def steps(status: Status) -> set[tuple[str, Status]]:
    """Return the actions that people can take from a status, with their targets."""
    possible = set()
    for action in ACTIONS.values():
        transition = action.transitions.get(status)
        if transition is None:
            continue
        for assignee in (None, "somebody"):
            for decision in DecisionKind if transition.to is Target.DECIDED else (None,):
                possible.add((action.name, target(transition, status, assignee, decision)))
    return possible


def reachable(start: Status) -> set[Status]:
    """Return every status to which people can bring a case."""
    seen, ahead = {start}, [start]
    while ahead:
        for _, after in steps(ahead.pop()):
            if after not in seen:
                seen.add(after)
                ahead.append(after)
    return seen


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.AWAITING_CONFIRMATION])
def test_people_can_close_case_from_every_status(status: Status) -> None:
    assert Status.CLOSED in reachable(status)


def test_every_status_is_reachable_from_new() -> None:
    # Only an audit brings a case to confirmation.
    assert reachable(Status.NEW) == set(Status) - {Status.AWAITING_CONFIRMATION}


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.CLOSED])
def test_supervisor_other_than_proposer_can_always_continue(status: Status) -> None:
    """No case waits for one person or for the agency alone, because the assignee may be absent."""
    may = PERMISSIONS[Role.SUPERVISOR]
    on = [
        action.name
        for action in ACTIONS.values()
        if action.needs in may
        and action.name != "comment"
        and (transition := action.transitions.get(status))
        and is_permitted(transition.who, "saule", leads=True, assignee="ill", proposed_by="ill")
    ]
    assert set(on) - {"assign"} or (
        # After reassigning it, the new assignee can claim it.
        "assign" in on and "claim" in {name for name, _ in steps(status)}
    )


def test_every_action_has_a_role() -> None:
    for action in ACTIONS.values():
        assert any(action.needs in may for may in PERMISSIONS.values()), action.name


def test_only_supervisors_approve_and_only_agencies_answer_and_appeal() -> None:
    def roles(name: str) -> set[Role]:
        return {role for role, may in PERMISSIONS.items() if ACTIONS[name].needs in may}

    assert roles("approve") == {Role.SUPERVISOR}
    assert roles("answer") == roles("appeal") == {Role.AGENCY_EDITOR, Role.AGENCY_ADMINISTRATOR}
    others = set(ACTIONS) - {"approve", "answer", "appeal", "comment"}
    assert all(roles(name) == {Role.REVIEWER, Role.SUPERVISOR} for name in others)


def test_supervisor_may_do_all_reviewer_actions() -> None:
    assert PERMISSIONS[Role.REVIEWER] <= PERMISSIONS[Role.SUPERVISOR]


def test_only_supervisors_lead_and_auditors_and_administrators_decide_nothing() -> None:
    deciding = {p for p in Permission if p.value.startswith("cases.")} - {Permission.CASES_READ}
    for role in (Role.AUDITOR, Role.ADMINISTRATOR, Role.OPERATOR, Role.AGENCY_VIEWER):
        assert not deciding & PERMISSIONS[role], role


def test_approval_is_the_only_way_to_a_decision() -> None:
    for action in ACTIONS.values():
        if action.name != "approve":
            targets = {transition.to for transition in action.transitions.values()}
            assert Target.DECIDED not in targets
            assert Status.REMEDIATION not in targets
            assert action.name == "confirm" or Status.CLOSED not in targets
