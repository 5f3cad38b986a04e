"""What docs/reference/workflow.md says of each action: where it is possible, where it ends, why it is refused;
and that every case can be closed.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from registry.accounts.roles import Actor, Role
from registry.cases.models import Case
from registry.cases.transitions import appealed_decision
from registry.core.clock import today
from registry.core.errors import Conflict, NotAllowed, RegistryError
from registry.projects.models import Project
from tests.cases.cast import BOLAT, DANA, NO_BREACH, SAULE, TIMUR, TRANSITIONAL, act, case_of, migrate_by

REVIEW, ASKED, APPROVAL = "under_review", "awaiting_agency", "awaiting_approval"
COMMISSION, REMEDY, CONFIRMATION = "with_commission", "remediation", "awaiting_confirmation"
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
            "remediation": ("new", "ANYONE", False),
            "closed": ("new", "ANYONE", False),
            "new": ("new", "ANYONE", True),
            "under_review": ("new", "ANYONE", True),
            "awaiting_agency": ("new", "ANYONE", True),
            "awaiting_approval": ("new", "ANYONE", True),
            "with_commission": ("new", "ANYONE", True),
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
# Action → statuses in which it is possible.
STARTS = {name: set(transitions) for name, (_, transitions) in CONTRACT.items()}
ENDS: dict[str, set[str]] = {
    "claim": {REVIEW},
    "release": {"new"},
    "ask": {ASKED},
    "answer": {REVIEW, "new"},
    "propose": {APPROVAL},
    "approve": {REMEDY, "closed"},
    "return": {REVIEW, "new"},
    "refer": {COMMISSION},
    "confirm": {"closed"},
    "withdraw": {REVIEW, "new"},
    "appeal": {"new"},
}


def values_of(name: str, data: st.DataObject) -> list[Any]:
    """Draw what an action is called with."""
    if name == "assign":
        return [data.draw(st.sampled_from(["aigerim", "bolat", "saule", "timur", "dana"]))]
    if name == "propose":
        stop = {**migrate_by(today() + timedelta(days=40)), "decision": "stop"}
        write_off = {**migrate_by(today()), "decision": "write_off", "due_on": None}
        later = migrate_by(today() + timedelta(days=data.draw(st.integers(0, 30))))
        return [data.draw(st.sampled_from([NO_BREACH, TRANSITIONAL, stop, write_off, later]))]
    return ["word"] if name == "comment" else []


def assert_reason_is_documented(
    actor: Actor, name: str, status: str, refused: RegistryError, *, was_under_order: bool
) -> None:
    """An action that the role allows in this status fails only for one of the documented reasons."""
    if name == "appeal" and status not in (REMEDY, "closed") and not was_under_order:
        assert refused.code in ("case-action-not-possible", "role-not-allowed")
    elif isinstance(refused, Conflict) and status in STARTS[name]:
        assert refused.code in (
            "case-taken", "proposal-out-of-date", "nothing-to-appeal", "appeal-too-late", "another-case-open",
            "appeal-pending", "appeal-decided", "order-decided-on-appeal",
        )  # fmt: skip
    if isinstance(refused, NotAllowed) and actor.role is Role.SUPERVISOR:
        not_this_one = ("decision-needs-another-person", "appeal-needs-others")
        assert refused.code in not_this_one or name in ("answer", "appeal")


def appealed_by_case(case: Case) -> set[str]:
    """Who proposed and who approved the decision of which the appeal is open, or led to the order of the case."""
    appealed = appealed_decision(case)
    return set() if appealed is None else {appealed.proposed_by, str(appealed.decided_by)}


def come_to_an_end(project: Project) -> None:
    """A supervisor and another person who may can close the case from any state: there is no dead end."""
    for _ in range(8):
        case = case_of(project)
        barred = appealed_by_case(case)
        lead, other = [each for each in (SAULE, TIMUR, DANA, BOLAT) if each.principal not in barred][:2]
        match case.status:
            case "closed":
                return
            case "new" | "remediation":
                act(lead, case, "assign", lead.principal)
                if case.status == REMEDY:
                    act(lead, case, "claim")
            case "under_review":
                act(lead, case, "assign", other.principal)
                act(other, case, "propose", NO_BREACH)
                act(lead, case, "approve")
            case "awaiting_agency" | "with_commission":
                act(lead, case, "withdraw")
            case "awaiting_approval":
                act(lead, case, "return")
            case "awaiting_confirmation":
                act(lead, case, "confirm")
    raise AssertionError(f"the case is still {case_of(project).status}")
