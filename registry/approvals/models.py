"""Table of approvals, and their kinds and states."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Final

from sqlalchemy import JSON, ColumnElement, ForeignKey, Index, String, Text, and_, case, text
from sqlalchemy.orm import Mapped, mapped_column

from registry.accounts.account_names import MAX_NAME_LENGTH
from registry.accounts.roles import Actor, Permission
from registry.core.clock import now
from registry.core.database import Instant, Model
from registry.core.translations import lazy_text
from registry.freeze.vocabulary import Choices

# Kinds, states and effects of approvals. The codes are published.


class ApprovalKindCode(Choices, field="approval_kind"):
    """What is proposed. Each has an ``ApprovalKind`` in the slice that it belongs to."""

    COMMISSION_DECISION = "commission_decision", lazy_text("Decision of the Commission")
    AGENCY_CHANGE = "agency_change", lazy_text("Change of an agency")
    RESTRICTION = "restriction", lazy_text("Restriction of a project")
    RESTRICTED_READER = "restricted_reader", lazy_text("Access to restricted projects")
    PLACEMENT = "placement", lazy_text("Placement on QazTech")
    ONBOARDING = "onboarding", lazy_text("Onboarding of the object")
    ENDING = "ending", lazy_text("Ending of the work")
    FACT = "fact", lazy_text("Fact of the record")
    INVENTORY = "inventory", lazy_text("Platform inventory")
    LINK_REMOVAL = "link_removal", lazy_text("Removal of a link")
    MATCH_REJECTION = "match_rejection", lazy_text("Rejection of a match with a contract")
    MATCH_CONFIRMATION = "match_confirmation", lazy_text("Confirmation of a match with an older contract")
    CONTRACT_NO_PROJECT = "contract_no_project", lazy_text("Contract that belongs to no project")
    CONTRACT_CORRECTION = "contract_correction", lazy_text("Correction of a contract by a file")


class ApprovalState(Choices, field="approval_state"):
    """Where an approval stands. ``expired`` and ``outdated``: nobody decided in time, or its subject changed."""

    WAITING = "waiting", lazy_text("Waits for approval")
    APPROVED = "approved", lazy_text("Approved")
    REJECTED = "rejected", lazy_text("Rejected")
    CANCELLED = "cancelled", lazy_text("Cancelled")
    EXPIRED = "expired", lazy_text("Expired")
    OUTDATED = "outdated", lazy_text("Out of date")


# What an approval would touch, by the name of the count.
EFFECT_LABELS: Final[Mapping[str, str]] = {
    "projects": lazy_text("Projects"),
    "out_of_scope": lazy_text("Projects that leave the scope of the moratorium"),
    "into_scope": lazy_text("Projects that the moratorium applies to from then on"),
    "flags": lazy_text("Active medium and high flags"),
    "cases": lazy_text("Open cases"),
    "restricted": lazy_text("Restricted projects"),
    "readers": lazy_text("Accounts that can read restricted projects from then on"),
    "confirmed": lazy_text("Placements that it confirms"),
    "lost": lazy_text("Placements that lose their confirmation"),
    "deployments": lazy_text("Keys whose deployments it reports"),
    "set_back": lazy_text("Keys whose deployments it takes back"),
    "people": lazy_text("People"),
    "service_accounts": lazy_text("Service accounts"),
    "drafts": lazy_text("Drafts"),
    "agencies_below": lazy_text("Agencies below"),
}


# The table of approvals: what one person proposed and another decides, whatever the kind.

ONE_WAITING: Final = text("state = 'waiting'")


class Approval(Model):
    """A proposal and its decision.

    ``subject``: as in the journal, ``project:QT-…``. ``agency_id``, ``project_id``: what determines who may see it.
    ``payload``: what its kind applies. ``seen_digest``: of what it rests on, as it was when it was proposed.
    ``proposed_role``, ``proposed_account_id``: of the proposer then.
    """

    __tablename__ = "approvals"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(30))
    state: Mapped[str] = mapped_column(String(10))
    subject: Mapped[str] = mapped_column(Text)
    agency_id: Mapped[int | None] = mapped_column(ForeignKey("agencies.id"))
    project_id: Mapped[int | None] = mapped_column(ForeignKey("projects.id"))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    reason: Mapped[str] = mapped_column(Text)
    seen_digest: Mapped[str] = mapped_column(String(64))
    proposed_by: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH))
    proposed_account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    proposed_role: Mapped[str] = mapped_column(String(20))
    proposed_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    decided_by: Mapped[str | None] = mapped_column(String(MAX_NAME_LENGTH))
    decided_account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    decision_reason: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        Index(
            "uq_approvals_waiting",
            "kind",
            "subject",
            unique=True,
            sqlite_where=ONE_WAITING,
            postgresql_where=ONE_WAITING,
        ),
        Index(None, "agency_id"),
        Index(None, "project_id"),
    )

    @property
    def proposer(self) -> int | str:
        """The account that proposed it; without one the name."""
        return self.proposed_account_id or self.proposed_by

    @property
    def is_expired(self) -> bool:
        """True when nobody decided in time."""
        return self.state == ApprovalState.WAITING and self.expires_at <= now()

    @property
    def current_state(self) -> str:
        """The state; ``expired`` also before that is stored."""
        return ApprovalState.EXPIRED.value if self.is_expired else self.state


def current_state() -> ColumnElement[str]:
    """``Approval.current_state`` in SQL."""
    expired = and_(Approval.state == ApprovalState.WAITING.value, Approval.expires_at <= now())
    return case((expired, ApprovalState.EXPIRED.value), else_=Approval.state)


# What is proposed, and its kinds: who proposes and decides, what is shown, what it rests on and what applies it.
#
# A kind is a subclass in the slice that it belongs to; ``registry/hooks.py`` registers it.


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

    def names_of(self, subjects: Collection[str]) -> Mapping[str, str]:  # noqa: ARG002 - for subclasses
        """Return by what lists name subjects that are neither projects nor accounts."""
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
