"""Case workflow as data: each action with its permission, the statuses it starts from and the status it leads to.

Services apply it, pages and the API list the possible actions from it, and a test walks through every transition.
``AUDIT_MOVES`` lists the transitions that audits make (see ``registry/cases/sync.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final

from registry.accounts.roles import Permission


class Status(StrEnum):
    """Status of a case (docs/reference/workflow.md)."""

    NEW = "new"
    UNDER_REVIEW = "under_review"
    AWAITING_AGENCY = "awaiting_agency"
    AWAITING_APPROVAL = "awaiting_approval"
    WITH_COMMISSION = "with_commission"
    REMEDIATION = "remediation"
    AWAITING_CONFIRMATION = "awaiting_confirmation"
    CLOSED = "closed"


class To(Enum):
    """Target statuses that depend on the case."""

    SAME = "stays as it is"
    BACK = "under_review when somebody holds it, else new"
    DECIDED = "closed or remediation, as the decision says"


class Who(Enum):
    """Who may take an action, in addition to the required permission."""

    ANYONE = "nothing more"
    HOLDER = "the assignee, or who leads"
    FREE_OR_HOLDER = "anyone while nobody holds it, then the holder or who leads"
    FREE_OR_OWN = "nobody holds it, or the person does"
    ANOTHER = "not who proposed it"
    LEAD = "who leads: an approved order is not taken back by a single reviewer"


@dataclass(frozen=True, slots=True)
class Move:
    """The target status of an action from one status, and who may take it.

    ``under_order``: only while an order from this case is in force.
    """

    to: Status | To
    who: Who = Who.HOLDER
    under_order: bool = False


@dataclass(frozen=True, slots=True)
class Action:
    """``needs_person``: not for service accounts. ``tells_agency``: the agency sees the timeline entry;
    ``speaks_to_agency``: the agency also sees its comment.
    """

    name: str
    needs: Permission
    moves: Mapping[Status, Move]
    tells_agency: bool = False
    speaks_to_agency: bool = False
    needs_person: bool = False


S, P = Status, Permission
OPEN: Final = tuple(status for status in Status if status is not Status.CLOSED)
# Statuses in which the review deadline runs; in the others it is paused.
REVIEW_CLOCK_RUNS: Final = frozenset({S.NEW, S.UNDER_REVIEW, S.AWAITING_APPROVAL, S.AWAITING_CONFIRMATION})

# Statuses before a decision, also when a case is reviewed again.
REVIEWED: Final = (S.NEW, S.UNDER_REVIEW, S.AWAITING_AGENCY, S.AWAITING_APPROVAL, S.WITH_COMMISSION)

_ALL: Final = (
    Action(
        "claim",
        P.CASES_REVIEW,
        {
            S.NEW: Move(S.UNDER_REVIEW, Who.FREE_OR_OWN),
            # Claiming returns the case to review; an order stays in force until a decision replaces it.
            S.AWAITING_CONFIRMATION: Move(S.UNDER_REVIEW, Who.FREE_OR_OWN),
            S.REMEDIATION: Move(S.UNDER_REVIEW, Who.LEAD),
        },
    ),
    Action(
        "assign",
        P.CASES_REVIEW,
        {status: Move(S.UNDER_REVIEW if status is S.NEW else To.SAME, Who.FREE_OR_HOLDER) for status in OPEN},
    ),
    Action("release", P.CASES_REVIEW, {S.UNDER_REVIEW: Move(S.NEW)}),
    Action("ask", P.CASES_REVIEW, {S.UNDER_REVIEW: Move(S.AWAITING_AGENCY)}, tells_agency=True, speaks_to_agency=True),
    Action(
        "answer",
        P.CASES_ANSWER,
        {S.AWAITING_AGENCY: Move(To.BACK, Who.ANYONE)},
        tells_agency=True,
        speaks_to_agency=True,
    ),
    Action("propose", P.CASES_REVIEW, {S.UNDER_REVIEW: Move(S.AWAITING_APPROVAL)}),
    Action(
        "approve",
        P.CASES_APPROVE,
        {S.AWAITING_APPROVAL: Move(To.DECIDED, Who.ANOTHER)},
        tells_agency=True,
        needs_person=True,
    ),
    Action(
        "return",
        P.CASES_REVIEW,
        {
            S.AWAITING_APPROVAL: Move(To.BACK, Who.LEAD),
            S.WITH_COMMISSION: Move(To.BACK),
            S.AWAITING_CONFIRMATION: Move(To.BACK, Who.FREE_OR_HOLDER),
        },
    ),
    Action("refer", P.CASES_REVIEW, {S.UNDER_REVIEW: Move(S.WITH_COMMISSION)}, tells_agency=True),
    Action("confirm", P.CASES_REVIEW, {S.AWAITING_CONFIRMATION: Move(S.CLOSED, Who.ANYONE)}, tells_agency=True),
    Action(
        "withdraw",
        P.CASES_REVIEW,
        {
            # Withdraws what the case waits for: the question, the proposal, the referral or the order.
            S.AWAITING_AGENCY: Move(To.BACK),
            S.AWAITING_APPROVAL: Move(To.BACK),
            S.WITH_COMMISSION: Move(To.BACK),
            S.REMEDIATION: Move(To.BACK, Who.LEAD),
        },
    ),
    Action(
        "appeal",
        P.CASES_ANSWER,
        {
            S.REMEDIATION: Move(To.BACK, Who.ANYONE),
            S.CLOSED: Move(To.BACK, Who.ANYONE),
            # During a second review the order in force still binds the agency, which may still appeal it.
            **{status: Move(To.BACK, Who.ANYONE, under_order=True) for status in REVIEWED},
        },
        tells_agency=True,
        speaks_to_agency=True,
    ),
    Action("comment", P.CASES_COMMENT, {status: Move(To.SAME, Who.ANYONE) for status in Status}),
)
ACTIONS: Final[Mapping[str, Action]] = {action.name: action for action in _ALL}

# Transitions by audits, by name of the timeline entry: the source statuses and the target status.
AUDIT_MOVES: Final[Mapping[str, tuple[frozenset[Status], Status | To]]] = {
    "reopened": (frozenset({S.CLOSED, S.AWAITING_CONFIRMATION, S.WITH_COMMISSION}), To.BACK),
    "cleared": (frozenset(OPEN) - {S.AWAITING_CONFIRMATION}, S.AWAITING_CONFIRMATION),
    "exempted": (frozenset({S.NEW, S.UNDER_REVIEW, S.WITH_COMMISSION}), S.WITH_COMMISSION),
}

# On approval, these decisions accept the case's flags and close it; the others become orders.
ACCEPTING: Final = ("no_breach", "transitional_accepted")
ORDERING: Final = ("migrate_by", "stop", "write_off")
DECISIONS: Final = (*ACCEPTING, *ORDERING)
NEEDS_DUE_ON: Final = ("migrate_by", "stop")
REASON_CODES: Final = ("wrong_data", "out_of_scope", "duplicate", "other")


def back(assignee: str | None) -> Status:
    """Return the status of a case that comes back to the reviewers."""
    return S.NEW if assignee is None else S.UNDER_REVIEW


def target(move: Move, status: Status, assignee: str | None, decision: str | None = None) -> Status:
    """Return the status that a move leads to. ``assignee`` is the assignee after the move."""
    if isinstance(move.to, Status):
        return move.to
    match move.to:
        case To.SAME:
            return status
        case To.BACK:
            return back(assignee)
        case To.DECIDED:
            return S.CLOSED if decision in ACCEPTING else S.REMEDIATION


def fits(who: Who, principal: str, *, leads: bool, assignee: str | None, proposed_by: str | None) -> bool:
    """True when the person meets the move's condition."""
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
