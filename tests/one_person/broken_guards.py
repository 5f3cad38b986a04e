"""Guards, each broken in one way, and the cast that gets something through then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from registry.accounts.roles import PERMISSIONS, Permission, Role
from registry.approvals import service as approvals
from registry.approvals.models import KINDS, Approval, ApprovalKindCode
from tests.one_person.world import ALONE, PROGRAMS, TOGETHER


def no_check(*_args: object) -> None:
    """Instead of a check that raises."""


def no(*_args: object) -> bool:
    """Instead of a check that somebody else has to agree."""
    return False


def yes(*_args: object) -> bool:
    """Instead of a check that the actor may."""
    return True


def another_person_but_of(kind: ApprovalKindCode) -> Any:
    """The check that another person approves, but not for one kind."""
    check = approvals._require_another_person

    def broken(actor: Any, approval: Approval) -> None:
        if approval.kind != kind.value:
            check(actor, approval)

    return broken


ANOTHER_PERSON: Final = "registry.approvals.service._require_another_person"


def permitted(role: Role, permission: Permission) -> dict[str, Any]:
    """The role may do what it may not."""
    permissions = {**PERMISSIONS, role: PERMISSIONS[role] | {permission}}
    return {"registry.accounts.roles.PERMISSIONS": permissions, "tests.one_person.found.PERMISSIONS": permissions}


# What is replaced by what.
BROKEN: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    **{
        f"another person: {kind.value}": (ALONE, {ANOTHER_PERSON: another_person_but_of(kind)})
        for kind in (
            ApprovalKindCode.COMMISSION_DECISION,
            ApprovalKindCode.RESTRICTION,
            ApprovalKindCode.PLACEMENT,
            ApprovalKindCode.ONBOARDING,
            ApprovalKindCode.ENDING,
            ApprovalKindCode.FACT,
            ApprovalKindCode.INVENTORY,
            ApprovalKindCode.MATCH_REJECTION,
            ApprovalKindCode.CONTRACT_CORRECTION,
        )
    },
    **{
        f"supervisor: {kind.value}": (
            TOGETHER,
            {f"{type(KINDS[kind.value]).__module__}.{type(KINDS[kind.value]).__name__}.needs_supervisor": False},
        )
        for kind in (
            ApprovalKindCode.PLACEMENT,
            ApprovalKindCode.ONBOARDING,
            ApprovalKindCode.ENDING,
            ApprovalKindCode.FACT,
            ApprovalKindCode.INVENTORY,
        )
    },
    "supervisor: agency_change": (
        TOGETHER,
        {
            "registry.requests.approval_kinds.AgencyChange.needs_supervisor": False,
            "registry.requests.approval_kinds.AgencyChange.decides": Permission.ORGANISATIONS_PROPOSE,
        },
    ),
    "supervisor: commission_decision": (
        TOGETHER,
        {
            "registry.cases.commission.CommissionDecision.needs_supervisor": False,
            **permitted(Role.REVIEWER, Permission.EXEMPTIONS_RECORD),
        },
    ),
    "kind and parent of an agency by approval alone": (TOGETHER, {"registry.agencies.service.APPROVED_FIELDS": ()}),
    "two people for a fact": (TOGETHER, {"registry.requests.confirmation.takes_two_people": no}),
    "two people for a requested fact": (TOGETHER, {"registry.requests.confirmation.takes_two_people": no}),
    "two people for an inventory": (TOGETHER, {"registry.requests.platform_approvals.Effect.takes_two_people": False}),
    "platform's program": (TOGETHER, {"registry.requests.platform_approvals.is_platform_program": yes}),
    "admission to restricted projects": (TOGETHER, {"registry.accounts.models.may_admit": yes}),
    "two people for a withdrawal": (ALONE, {"registry.requests.withdrawal.Withdrawal.people_who_decide": lambda *_: 1}),
    "supervisor for a withdrawal": (TOGETHER, {"registry.requests.withdrawal.Withdrawal.require_decider": no_check}),
    "withdrawal of what was flagged once": (TOGETHER, {"registry.requests.withdrawal.ever_had_serious_flag": no}),
    "another person of a request": (ALONE, {"registry.requests.kinds.require_another_person": no_check}),
    "supervisor for transfers and successions": (
        TOGETHER,
        permitted(Role.ADMINISTRATOR, Permission.ORGANISATIONS_CONFIRM),
    ),
    "roles of two people": (TOGETHER, {"registry.accounts.roles.TWO_PERSON_ROLES": frozenset()}),
    "supervisor for roles of oversight": (TOGETHER, {"registry.accounts.account_changes.require_supervisor": no_check}),
    "facts that count when confirmed": (TOGETHER, {"registry.freeze.edits.claims": no}),
    "edits": (
        TOGETHER,
        {
            "registry.freeze.evaluation.edited": no_check,
            "registry.freeze.evaluation.earlier_facts": no_check,
        },
    ),
    "another person for a decision": (ALONE, {"registry.cases.transitions.is_another_person": yes}),
    "others for an appeal": (ALONE, {"registry.cases.transitions.took_no_part": yes}),
    "one person with two accounts": (ALONE, {"registry.accounts.same_person._addresses_of": lambda *_: set()}),
    "people alone propose": (PROGRAMS, {"registry.approvals.service.require_person": no_check}),
    "people alone propose decisions": (PROGRAMS, {"registry.cases.transitions._is_by_person": yes}),
    "owners of programs": (PROGRAMS, {"registry.audits.policy_activation.nobody_answers_for": no}),
    "two people for a second object of a key": (TOGETHER, {"registry.requests.confirmation.confirmed_by_key": no}),
    "two people for a rejected match": (TOGETHER, {"registry.procurement.match_decisions.COUNTED": ()}),
    "two people for a correction of a contract": (TOGETHER, {"registry.procurement.file_imports._corrects": no}),
    "two people for an older contract": (TOGETHER, {"registry.procurement.match_decisions._may_excuse": no}),
    "another person for a policy": (ALONE, {"registry.audits.policy_activation.is_another_person": yes}),
}
