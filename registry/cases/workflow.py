"""Case workflow as data: each action with its permission, the statuses it starts from and the status it leads to.

Services apply it, pages and the API list the possible actions from it, and a test walks through every transition.
The transitions that audits make are in ``registry/cases/sync.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from registry.accounts.roles import Permission
from registry.cases.vocabulary import ActionName, DecisionKind, Status
from registry.freeze.vocabulary import Stage


class Target(Enum):
    """Target statuses that depend on the case."""

    SAME = "unchanged"
    BACK = "under_review when assigned, else new"
    DECIDED = "closed or remediation, by the decision"


class Who(Enum):
    """Who may take an action, in addition to the required permission."""

    ANYONE = "no further condition"
    HOLDER = "the assignee or a supervisor"
    FREE_OR_HOLDER = "anyone while unassigned, then the assignee or a supervisor"
    FREE_OR_OWN = "unassigned, or assigned to the person"
    ANOTHER = "not the proposer"
    LEAD = "a supervisor: a single reviewer may not undo an approved order"


@dataclass(frozen=True, slots=True)
class Transition:
    """The target status of an action from one status, and who may take it.

    ``under_order``: only while an order from this case is in force. ``before_appeal``: not of an order that was decided
    on an appeal.
    """

    to: Status | Target
    who: Who = Who.HOLDER
    under_order: bool = False
    before_appeal: bool = False


@dataclass(frozen=True, slots=True)
class Action:
    """``needs_person``: not for service accounts. ``visible_to_agency``: the agency sees the timeline entry;
    ``comment_visible_to_agency``: the agency also sees its comment.
    """

    name: ActionName
    needs: Permission
    transitions: Mapping[Status, Transition]
    visible_to_agency: bool = False
    comment_visible_to_agency: bool = False
    needs_person: bool = False


S, P, A, D = Status, Permission, ActionName, DecisionKind
OPEN: Final = tuple(status for status in Status if status is not Status.CLOSED)
# Statuses in which the review deadline runs; in the others it is paused.
REVIEW_CLOCK_RUNS: Final = frozenset({S.NEW, S.UNDER_REVIEW, S.AWAITING_APPROVAL, S.AWAITING_CONFIRMATION})

# Statuses before a decision, also when a case is reviewed again.
REVIEWED: Final = (S.NEW, S.UNDER_REVIEW, S.AWAITING_AGENCY, S.AWAITING_APPROVAL, S.WITH_COMMISSION)

_ALL: Final = (
    Action(
        A.CLAIM,
        P.CASES_REVIEW,
        {
            S.NEW: Transition(S.UNDER_REVIEW, Who.FREE_OR_OWN),
            # Claiming returns the case to review; an order stays in force until a decision replaces it.
            S.AWAITING_CONFIRMATION: Transition(S.UNDER_REVIEW, Who.FREE_OR_OWN),
            S.REMEDIATION: Transition(S.UNDER_REVIEW, Who.LEAD),
        },
    ),
    Action(
        A.ASSIGN,
        P.CASES_REVIEW,
        {status: Transition(S.UNDER_REVIEW if status is S.NEW else Target.SAME, Who.FREE_OR_HOLDER) for status in OPEN},
    ),
    Action(A.RELEASE, P.CASES_REVIEW, {S.UNDER_REVIEW: Transition(S.NEW)}),
    Action(
        A.ASK,
        P.CASES_REVIEW,
        {S.UNDER_REVIEW: Transition(S.AWAITING_AGENCY)},
        visible_to_agency=True,
        comment_visible_to_agency=True,
    ),
    Action(
        A.ANSWER,
        P.CASES_ANSWER,
        {S.AWAITING_AGENCY: Transition(Target.BACK, Who.ANYONE)},
        visible_to_agency=True,
        comment_visible_to_agency=True,
    ),
    Action(A.PROPOSE, P.CASES_REVIEW, {S.UNDER_REVIEW: Transition(S.AWAITING_APPROVAL)}),
    Action(
        A.APPROVE,
        P.CASES_APPROVE,
        {S.AWAITING_APPROVAL: Transition(Target.DECIDED, Who.ANOTHER)},
        visible_to_agency=True,
        needs_person=True,
    ),
    Action(
        A.RETURN,
        P.CASES_REVIEW,
        {
            S.AWAITING_APPROVAL: Transition(Target.BACK, Who.LEAD),
            S.WITH_COMMISSION: Transition(Target.BACK),
            S.AWAITING_CONFIRMATION: Transition(Target.BACK, Who.FREE_OR_HOLDER),
        },
    ),
    Action(A.REFER, P.CASES_REVIEW, {S.UNDER_REVIEW: Transition(S.WITH_COMMISSION)}, visible_to_agency=True),
    Action(
        A.CONFIRM, P.CASES_REVIEW, {S.AWAITING_CONFIRMATION: Transition(S.CLOSED, Who.ANYONE)}, visible_to_agency=True
    ),
    Action(
        A.WITHDRAW,
        P.CASES_REVIEW,
        {
            # Withdraws what the case waits for: the question, the proposal, the referral or the order.
            S.AWAITING_AGENCY: Transition(Target.BACK),
            S.AWAITING_APPROVAL: Transition(Target.BACK),
            S.WITH_COMMISSION: Transition(Target.BACK),
            S.REMEDIATION: Transition(Target.BACK, Who.LEAD, before_appeal=True),
        },
    ),
    Action(
        A.APPEAL,
        P.CASES_ANSWER,
        {
            # Nobody holds an appealed case: others than those who decided it take it from the queue.
            S.REMEDIATION: Transition(S.NEW, Who.ANYONE),
            S.CLOSED: Transition(S.NEW, Who.ANYONE),
            # During a second review the order in force still binds the agency, which may still appeal it.
            **{status: Transition(S.NEW, Who.ANYONE, under_order=True) for status in REVIEWED},
        },
        visible_to_agency=True,
        comment_visible_to_agency=True,
    ),
    Action(A.COMMENT, P.CASES_COMMENT, {status: Transition(Target.SAME, Who.ANYONE) for status in Status}),
)
ACTIONS: Final[Mapping[str, Action]] = {action.name: action for action in _ALL}


class Effect(Enum):
    """What the approval of a decision does with the case."""

    ACCEPTS = "accepts its flags and closes it"
    ORDERS = "becomes an order to the agency"


# Every decision, so that a new one becomes neither by default.
EFFECTS: Final[Mapping[DecisionKind, Effect]] = {
    D.NO_BREACH: Effect.ACCEPTS,
    D.TRANSITIONAL_ACCEPTED: Effect.ACCEPTS,
    D.MIGRATE_BY: Effect.ORDERS,
    D.STOP: Effect.ORDERS,
    D.WRITE_OFF: Effect.ORDERS,
}
ACCEPTING: Final = tuple(decision for decision in D if EFFECTS[decision] is Effect.ACCEPTS)
ORDERING: Final = tuple(decision for decision in D if EFFECTS[decision] is Effect.ORDERS)
NEEDS_DUE_ON: Final = (D.MIGRATE_BY, D.STOP)
# The stage of the project that carries out an order.
STAGES: Final[Mapping[str, Stage]] = {D.STOP: Stage.TERMINATED, D.WRITE_OFF: Stage.WRITTEN_OFF}


def back(assignee: str | None) -> Status:
    """Return the status of a case that comes back to the reviewers."""
    return S.NEW if assignee is None else S.UNDER_REVIEW


def target(transition: Transition, status: Status, assignee: str | None, decision: str | None = None) -> Status:
    """Return the status that a transition leads to. ``assignee`` is the assignee after it."""
    if isinstance(transition.to, Status):
        return transition.to
    match transition.to:
        case Target.SAME:
            return status
        case Target.BACK:
            return back(assignee)
        case Target.DECIDED:
            return S.CLOSED if decision in ACCEPTING else S.REMEDIATION


def is_permitted(who: Who, principal: str, *, leads: bool, assignee: str | None, proposed_by: str | None) -> bool:
    """Return True when the person meets the transition's condition."""
    match who:
        case Who.ANYONE:
            return True
        case Who.HOLDER:
            return leads or assignee == principal
        case Who.FREE_OR_HOLDER:
            return leads or assignee in (None, principal)
        case Who.FREE_OR_OWN:
            return assignee in (None, principal)
        case Who.ANOTHER:
            return proposed_by is not None and proposed_by != principal
        case Who.LEAD:
            return leads
