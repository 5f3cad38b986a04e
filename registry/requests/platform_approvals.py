"""Approvals of facts that QazTech confirms, and of its inventory."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any, ClassVar, Final

from sqlalchemy import select

from registry.accounts.roles import PERMISSIONS, Actor, Permission, Role
from registry.approvals import models
from registry.approvals.service import propose, propose_as_consequence
from registry.core.clock import now
from registry.core.database import db, require_transaction, transaction
from registry.core.errors import Invalid, Problem
from registry.core.fields import Text
from registry.core.translations import lazy_text
from registry.flags.former_flags import serious_flags
from registry.flags.freeze_status import not_judged_as_they_stand
from registry.flags.models import lock_flags_for_review
from registry.platform import inventory
from registry.platform.confirmations import lock_keys, require_confirmer
from registry.platform.inventory import is_platform_program
from registry.platform.models import ProposedInventory
from registry.projects.edits import ENDING_CLAIMS, GIVEN_WITH, IDENTITY, OFFICIAL_NAMES, PLACEMENT_CLAIMS
from registry.projects.models import Project
from registry.projects.service import find_project_to_change
from registry.requests.confirmation import CHECKS, CONFIRM, lock_for, read_facts, stored
from registry.requests.kinds import decide, require_another_person
from registry.requests.models import Request, RequestState
from registry.requests.service import carry_out

# Approvals of confirmed facts: one person proposes a confirmation with a document, another one approves it.

# The field of a fact → the field of the record that it confirms.
COLUMNS: Final = {"verified_on": "placement_verified_on", "due_on": "onboarding_due_on"}
RESTS_ON: Final = (*PLACEMENT_CLAIMS, *ENDING_CLAIMS, *IDENTITY, *OFFICIAL_NAMES, "placement_verified_on")


class FactApproval(models.ApprovalKind):
    """A confirmation by two people."""

    proposes = Permission.PLACEMENTS_CONFIRM
    decides = Permission.PLACEMENTS_CONFIRM

    def facts(self, approval: models.Approval) -> Sequence[models.Fact]:
        """Return the confirmed values."""
        project = _project(approval)
        names = {name: COLUMNS.get(name, name) for name in approval.payload["facts"]}
        return [
            models.Fact(column, stored(getattr(project, column)), approval.payload["facts"][name])
            for name, column in names.items()
        ]

    def effects(self, actor: Actor, approval: models.Approval) -> Mapping[str, int]:  # noqa: ARG002 - the base's
        """Return the serious flags of the project."""
        return {"flags": sum(serious_flags(approval.project_id).values())}

    def documents(self, approval: models.Approval) -> Sequence[int]:
        """Return what shows it."""
        return list(approval.payload["documents"])

    def seen(self, approval: models.Approval) -> Any:
        """Return what is claimed, the object that it is about, and whether the request that it accepts still waits."""
        project, request = _project(approval), _request(approval)
        state = None if request is None else request.state
        return [[name, stored(getattr(project, name))] for name in RESTS_ON] + [["request", state]]

    def lock(self, approval: models.Approval) -> None:
        """Lock the request and the project, after a running audit."""
        lock_flags_for_review()
        if "request" in approval.payload:
            id_of_request = approval.payload["request"]
            db.session.scalar(select(Request).where(Request.id == id_of_request).with_for_update(of=Request))
        # As everywhere where placements are confirmed: the keys before the projects.
        lock_for(self.code.value)
        db.session.scalar(select(Project.id).where(Project.id == approval.project_id).with_for_update())

    def require_decider(self, actor: Actor, approval: models.Approval) -> None:
        """Raises RequestNeedsAnotherPerson for whoever asked for it."""
        request = _request(approval)
        if request is not None:
            require_another_person(actor, request)

    def apply(self, actor: Actor, approval: models.Approval) -> dict[str, Any]:
        """Confirm, and settle the request. Raises what the confirmation raises."""
        request = _request(approval)
        if request is not None:
            decide(actor, request, RequestState.CONFIRMED, approval.decision_reason)
            carry_out(actor, request)
            return {"request": request.id}
        kind, facts = self.code.value, read_facts(self.code.value, approval.payload["facts"])
        project = find_project_to_change(actor, approval.subject.removeprefix("project:"))
        CHECKS[kind](project, **facts)
        CONFIRM[kind](actor, project, **facts, evidence=approval.reason)
        return {}

    def rejected(self, actor: Actor, approval: models.Approval) -> None:
        """Refuse the request."""
        request = _request(approval)
        if request is not None and request.state == RequestState.WAITING:
            decide(actor, request, RequestState.REFUSED, approval.decision_reason)


class PlacementApproval(FactApproval):
    """A placement that the inventory does not list."""

    code: ClassVar[models.ApprovalKindCode] = models.ApprovalKindCode.PLACEMENT


class OnboardingApproval(FactApproval):
    """A move to QazTech of a project with a serious flag."""

    code: ClassVar[models.ApprovalKindCode] = models.ApprovalKindCode.ONBOARDING


class EndingApproval(FactApproval):
    """An ending of a project with a serious flag."""

    code: ClassVar[models.ApprovalKindCode] = models.ApprovalKindCode.ENDING


class RecordFactApproval(FactApproval):
    """A fact of the record."""

    code: ClassVar[models.ApprovalKindCode] = models.ApprovalKindCode.FACT

    def facts(self, approval: models.Approval) -> Sequence[models.Fact]:
        """Return the fact that is confirmed: its value stays as it is."""
        return [models.Fact(approval.payload["facts"]["fact"], None, approval.payload["facts"]["value"])]

    def seen(self, approval: models.Approval) -> Any:
        """Return the value too, and what the fact is given with."""
        project, name = _project(approval), approval.payload["facts"]["fact"]
        given_with = [stored(getattr(project, of)) for of in GIVEN_WITH.values()]
        return [*super().seen(approval), [name, stored(getattr(project, name))], *given_with]


def _project(approval: models.Approval) -> Project:
    return db.session.get_one(Project, approval.project_id)


def _request(approval: models.Approval) -> Request | None:
    id_of_request = approval.payload.get("request")
    return None if id_of_request is None else db.session.get_one(Request, id_of_request)


# Inventories: what somebody applies by hand takes two people when it confirms projects with a serious flag, or that no
# audit has judged as they stand, or reports deployments, which end flags; and when more than a tenth of the
# confirmations would be lost, by it and by what one person applied in the 30 days before.
#
# The platform's own program applies one at once, unless more than a tenth of the confirmations would be lost, by it and
# by what the program sent in the day before, or more than a tenth of the deployments would be set back to earlier ones
# or reported no more, which ends flags: the list may be truncated, or an old one.

# More than this part is not lost on the word of one person or program.
LOST_FRACTION: Final = 10
# Many small losses are one great loss.
LOST_WITHIN: Final = timedelta(days=30)
LOST_BY_PROGRAM_WITHIN: Final = timedelta(days=1)
# So many the program may take away whatever part they are.
SMALL_LOSS: Final = 5
# One inventory waits at a time.
SUBJECT: Final = "inventory"
REASON: Final = Text(
    models.MAX_REASON_LENGTH,
    description="Why it is applied by hand; required where it waits for a second person.",
    label=lazy_text("Reason"),
)


# The platform's program gives no reason of its own.
REASON_OF_PROGRAM: Final = (
    "Платформа бағдарламасының тізімі растаулардың немесе орнатулардың оннан бірінен көбін кері қайтарады. / "
    "Список программы платформы отменяет больше десятой части подтверждений или развёртываний."
)


@dataclass(frozen=True, slots=True)
class Effect:
    """What a list would do, and how much of it somebody else must approve."""

    plan: inventory.Plan
    flags: dict[int, int]
    not_judged: frozenset[int]
    confirmed_now: int
    lost_before: int
    is_by_program: bool
    deployments: int
    set_back: inventory.SetBack
    set_back_before: int

    @property
    def flagged(self) -> list[str]:
        """The projects with a serious flag that it confirms."""
        return sorted(write.number for write in self.plan.confirms if write.project_id in self.flags)

    @property
    def changed_since_audit(self) -> list[str]:
        """The projects that it confirms and that no audit has judged as they stand."""
        return sorted(write.number for write in self.plan.confirms if write.project_id in self.not_judged)

    @property
    def loses_many(self) -> bool:
        """True when more than a tenth of the confirmations would be lost, with what was lost before."""
        lost = len(self.plan.lost) + self.lost_before
        is_small = self.is_by_program and lost <= SMALL_LOSS
        return bool(self.plan.lost) and not is_small and lost * LOST_FRACTION > self.confirmed_now + self.lost_before

    @property
    def sets_back_many(self) -> bool:
        """True when over a tenth of the deployments, with those of the day, would be earlier or reported no more."""
        keys = self.set_back.keys + self.set_back_before
        return self.set_back.keys > 0 and keys > SMALL_LOSS and keys * LOST_FRACTION > self.set_back.known

    @property
    def takes_two_people(self) -> bool:
        """True when serious flags would end, or might, or much would be lost."""
        if self.is_by_program:
            return self.loses_many or self.sets_back_many
        return bool(self.flagged or self.changed_since_audit or self.deployments) or self.loses_many

    @property
    def digest(self) -> str:
        """Of all that it would write or set back, and of the flags that this ends.

        An audit of the night may have judged more.
        """
        writes = sorted((each.project_id, each.verified_on) for each in self.plan.writes)
        return sha256(repr((writes, self.flagged, self.set_back.keys)).encode()).hexdigest()

    def counts(self) -> dict[str, int]:
        """As an approval shows them."""
        confirms = self.plan.confirms
        return {
            "confirmed": sum(not write.was_confirmed for write in confirms),
            "lost": len(self.plan.lost),
            "deployments": self.deployments,
            "set_back": self.set_back.keys,
            "flags": sum(self.flags.get(write.project_id, 0) for write in confirms),
        }


def effect_of(viewer: Actor, listed: inventory.ListedKeys, *, lock: bool = False) -> Effect:
    """Return the effect of a list on what the viewer may see."""
    plan = inventory.plan_inventory(viewer, listed, lock=lock)
    is_by_program = is_platform_program(viewer)
    within = LOST_BY_PROGRAM_WITHIN if is_by_program else LOST_WITHIN
    return Effect(
        plan,
        serious_flags(),
        not_judged_as_they_stand(),
        inventory.count_confirmed_projects(viewer),
        inventory.count_of_one("lost", now() - within, viewer.principal if is_by_program else None),
        is_by_program,
        sum(row.is_reported for row in listed.rows.values()),
        inventory.count_set_back(listed),
        inventory.count_of_one(inventory.SET_BACK, now() - within, viewer.principal) if is_by_program else 0,
    )


def preview_inventory(actor: Actor, file_name: str, content: bytes) -> dict[str, Any]:
    """Return what ``import_inventory`` would do: the summary, and ``needs_approval``. Raises RoleNotAllowed and
    Invalid.
    """
    actor.require(Permission.PLACEMENTS_CONFIRM)
    listed = inventory.read_inventory(file_name, content)
    effect = effect_of(actor, listed)
    summary = inventory.summary_of(
        effect.plan, listed, dry_run=True, flagged=effect.flagged, changed_since_audit=effect.changed_since_audit
    )
    return {**summary, "needs_approval": effect.takes_two_people}


def import_inventory(
    actor: Actor, file_name: str, content: bytes, reason: str | None
) -> dict[str, Any] | models.Approval:
    """Apply an inventory and return its summary, or propose to, where it takes two people.

    Raises RoleNotAllowed, ConfirmationNeedsAPerson, Invalid (``/file``; ``/reason`` where it takes two people), and
    what ``propose`` raises.
    """
    require_source(actor)
    return _apply_or_propose(actor, inventory.read_inventory(file_name, content), content, reason)


def change_inventory(actor: Actor, changes: Mapping[str, Any], reason: str | None) -> dict[str, Any] | models.Approval:
    """Apply changes of the present inventory, or propose to, as ``import_inventory``; joins the open transaction, which
    has called ``lock_inventory``. Raises as ``import_inventory``, with the places in ``changes``.
    """
    require_source(actor)
    content = json.dumps(changes, sort_keys=True).encode()
    return _apply_or_propose(actor, inventory.read_changes(content), content, reason)


def lock_inventory() -> None:
    """Let no audit run and nobody else apply an inventory until the open transaction ends."""
    lock_flags_for_review()
    lock_keys(require_transaction())


def require_source(actor: Actor) -> None:
    """Raises RoleNotAllowed, and ConfirmationNeedsAPerson for a program that is not the platform's."""
    if is_platform_program(actor):
        actor.require(Permission.PLACEMENTS_CONFIRM)
    else:
        require_confirmer(actor)


def _apply_or_propose(
    actor: Actor, listed: inventory.ListedKeys, content: bytes, reason: str | None
) -> dict[str, Any] | models.Approval:
    with transaction() as session:
        lock_inventory()
        effect = effect_of(actor, listed, lock=True)
        if not effect.takes_two_people:
            summary = inventory.apply_plan(
                actor,
                listed,
                effect.plan,
                is_trusted=effect.is_by_program,
                flagged=effect.flagged,
                changed_since_audit=effect.changed_since_audit,
            )
            return {**summary, "needs_approval": False}
        if reason is None and effect.is_by_program:
            reason = REASON_OF_PROGRAM
        if reason is None:
            raise Invalid([Problem("/reason", "proposal-reason-required")])
        file = ProposedInventory(
            at=now(), by=actor.principal, file_name=listed.file_name, sha256=listed.sha256, content=content
        )
        session.add(file)
        session.flush()
        hidden = {write.number for write in effect.plan.writes if write.is_restricted}
        shown = {
            name: [number for number in numbers if number not in hidden][: models.MAX_NAMED_PROJECTS]
            for name, numbers in (
                ("flagged", effect.flagged),
                ("changed_since_audit", effect.changed_since_audit),
                ("lost", effect.plan.lost),
            )
        }
        payload = {"file": file.id, "file_name": file.file_name, "sha256": file.sha256, **shown}
        if listed.removed is not None:
            payload["are_changes"] = True
        proposal = models.Proposal(SUBJECT, reason, payload)
        if effect.is_by_program:
            # It decides nothing: it may only ask whether its list is right.
            return propose_as_consequence(actor, models.ApprovalKindCode.INVENTORY, proposal)
        return propose(actor, models.ApprovalKindCode.INVENTORY, proposal)


class InventoryApproval(models.ApprovalKind):
    """An inventory that takes two people."""

    code = models.ApprovalKindCode.INVENTORY
    proposes = Permission.PLACEMENTS_CONFIRM
    decides = Permission.PLACEMENTS_CONFIRM

    def facts(self, approval: models.Approval) -> Sequence[models.Fact]:
        """Return the file, and the projects that it takes two people for, as it was proposed."""
        names = ("file_name", "sha256", "flagged", "changed_since_audit", "lost")
        return [models.Fact(name, None, approval.payload.get(name) or None) for name in names]

    def effects(self, actor: Actor, approval: models.Approval) -> Mapping[str, int]:
        """Return how many placements it confirms and takes away, and the flags of those that it confirms."""
        proposer = _proposer(approval)
        viewer = proposer if actor.has_role_permission(Permission.RESTRICTED_READ) else _without_restricted(proposer)
        try:
            return effect_of(viewer, _listed(approval)).counts()
        except Invalid:
            # As in ``seen``: it is out of date, and is still shown.
            return {}

    def seen(self, approval: models.Approval) -> Any:
        """Return the digest of its effect."""
        try:
            return effect_of(_proposer(approval), _listed(approval)).digest
        except Invalid:
            # No row is valid any more, such as when an agency was closed.
            return None

    def lock(self, approval: models.Approval) -> None:  # noqa: ARG002 - the base's
        """Wait for a running audit and for other confirmations."""
        lock_flags_for_review()
        lock_keys(db.session())

    def require_decider(self, actor: Actor, approval: models.Approval) -> None:
        """Raises RoleNotAllowed for who may not see the restricted projects that the proposer sees."""
        if Permission.RESTRICTED_READ in PERMISSIONS[Role(approval.proposed_role)]:
            actor.require_role(Permission.RESTRICTED_READ)

    def apply(self, actor: Actor, approval: models.Approval) -> dict[str, Any]:
        """Apply the file to what the proposer sees."""
        listed = _listed(approval)
        effect = effect_of(_proposer(approval), listed, lock=True)
        inventory.apply_plan(
            actor,
            listed,
            effect.plan,
            is_trusted=True,
            flagged=effect.flagged,
            changed_since_audit=effect.changed_since_audit,
            approval=approval.id,
        )
        # The entry of the inventory has the counts, which are redacted there.
        return {}


def _listed(approval: models.Approval) -> inventory.ListedKeys:
    file = db.session.get_one(ProposedInventory, approval.payload["file"])
    if approval.payload.get("are_changes"):
        listed = inventory.read_changes(file.content)
    else:
        listed = inventory.read_inventory(file.file_name, file.content)
    if listed.sha256 != approval.payload["sha256"]:
        raise RuntimeError(f"the file of approval {approval.id} is not the one that was proposed")
    return listed


def _proposer(approval: models.Approval) -> Actor:
    return Actor(approval.proposed_by, Role(approval.proposed_role))


def _without_restricted(actor: Actor) -> Actor:
    return Actor(actor.principal, Role.OPERATOR)
