"""Kinds of approvals: who proposes and decides, what is shown, what it rests on and what applies it.

A kind is a subclass in the slice that it belongs to; ``registry/hooks.py`` registers it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from registry.accounts.roles import Actor, Permission
from registry.approvals.tables import Approval, ApprovalKindCode


@dataclass(frozen=True, slots=True)
class Fact:
    """A value of the subject by its field's name: now (or before the decision) and as proposed."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is proposed. ``subject``: as in the journal. ``payload``: JSON, and all that ``apply`` gets."""

    subject: str
    reason: str
    payload: dict[str, Any] = field(default_factory=dict)
    agency_id: int | None = None
    project_id: int | None = None


class ApprovalKind:
    """A kind of approval. Instances have no state of their own.

    ``proposes``, ``decides``: the permissions of the roles. ``needs_supervisor``: one of the two people is a
    supervisor. ``valid_days``: until it expires. ``outlives_withdrawal``: it can be decided although its project was
    withdrawn.
    """

    code: ClassVar[ApprovalKindCode]
    proposes: ClassVar[Permission]
    decides: ClassVar[Permission]
    needs_supervisor: ClassVar[bool] = True
    valid_days: ClassVar[int] = 30
    outlives_withdrawal: ClassVar[bool] = False

    def facts(self, approval: Approval) -> Sequence[Fact]:
        """Return the values that it changes, for whoever decides."""
        raise NotImplementedError

    def effects(self, actor: Actor, approval: Approval) -> Mapping[str, int]:  # noqa: ARG002 - for subclasses
        """How much it touches of what the actor may see, by the names of ``EFFECT_LABELS``."""
        return {}

    def documents(self, approval: Approval) -> Sequence[int]:  # noqa: ARG002 - for subclasses
        """Return the ids of documents of the project that show it."""
        return ()

    def seen(self, approval: Approval) -> Any:
        """JSON of what the decision rests on: when it changes, the approval is out of date."""
        return [[fact.name, fact.before] for fact in self.facts(approval)]

    def lock(self, approval: Approval) -> None:
        """Lock, in the open transaction and before the approval itself, what ``apply`` changes."""

    def require_decider(self, actor: Actor, approval: Approval) -> None:
        """Raise NotAllowed when the actor, who has the permission, may not decide this one."""

    def apply(self, actor: Actor, approval: Approval) -> dict[str, Any]:
        """Let it take effect in the open transaction, as the decider; returns what to journal. Raises Conflict."""
        raise NotImplementedError

    def rejected(self, actor: Actor, approval: Approval) -> None:
        """What follows a rejection, in the open transaction."""


MAX_REASON_LENGTH: Final = 5000
# Of the projects that a proposal names, for display; what it does is worked out again when it is approved.
MAX_NAMED_PROJECTS: Final = 100
KINDS: Final[dict[str, ApprovalKind]] = {}


def register_kind(kind: ApprovalKind) -> None:
    """Make a kind known."""
    KINDS[kind.code.value] = kind
