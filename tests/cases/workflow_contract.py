"""What docs/reference/workflow.md says of each action: where it is possible, where it ends, why it is refused;
and that every case can be closed.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from registry.accounts.roles import Actor, Role
from registry.core.clock import today
from registry.core.errors import Conflict, NotAllowed, RegistryError
from registry.projects.models import Project
from tests.cases.cast import NO_BREACH, SAULE, TIMUR, TRANSITIONAL, act, case_of, migrate_by

REVIEW, ASKED, APPROVAL = "under_review", "awaiting_agency", "awaiting_approval"
COMMISSION, REMEDY, CONFIRMATION = "with_commission", "remediation", "awaiting_confirmation"
# Action → statuses in which it is possible.
STARTS: dict[str, set[str]] = {
    "claim": {"new", REMEDY, CONFIRMATION},
    "assign": {"new", REVIEW, ASKED, APPROVAL, COMMISSION, REMEDY, CONFIRMATION},
    "release": {REVIEW},
    "ask": {REVIEW},
    "answer": {ASKED},
    "propose": {REVIEW},
    "approve": {APPROVAL},
    "return": {APPROVAL, COMMISSION, CONFIRMATION},
    "refer": {REVIEW},
    "confirm": {CONFIRMATION},
    "withdraw": {ASKED, APPROVAL, COMMISSION, REMEDY},
    "appeal": {REMEDY, "closed", "new", REVIEW, ASKED, APPROVAL, COMMISSION},
    "comment": {"new", REVIEW, ASKED, APPROVAL, COMMISSION, REMEDY, CONFIRMATION, "closed"},
}
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
    "appeal": {REVIEW, "new"},
}


def values_of(name: str, data: st.DataObject) -> list[Any]:
    """Draw what an action is called with."""
    if name == "assign":
        return [data.draw(st.sampled_from(["aigerim", "bolat", "saule", "timur"]))]
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
        )  # fmt: skip
    if isinstance(refused, NotAllowed) and actor.role is Role.SUPERVISOR:
        assert refused.code == "decision-needs-another-person" or name in ("answer", "appeal")


def come_to_an_end(project: Project) -> None:
    """Two supervisors can close the case from any state: there is no dead end."""
    for _ in range(8):
        case = case_of(project)
        match case.status:
            case "closed":
                return
            case "new" | "remediation":
                act(SAULE, case, "assign", "saule")
                if case.status == REMEDY:
                    act(SAULE, case, "claim")
            case "under_review":
                act(TIMUR, case, "propose", NO_BREACH)
                act(SAULE, case, "approve")
            case "awaiting_agency" | "with_commission":
                act(SAULE, case, "withdraw")
            case "awaiting_approval":
                act(SAULE, case, "return")
            case "awaiting_confirmation":
                act(SAULE, case, "confirm")
    raise AssertionError(f"the case is still {case_of(project).status}")
