"""Table of approvals, and their kinds and states."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import JSON, ColumnElement, ForeignKey, Index, String, Text, and_, case, text
from sqlalchemy.orm import Mapped, mapped_column

from registry.accounts.account_names import MAX_NAME_LENGTH
from registry.core.clock import now
from registry.core.database import Instant, Model
from registry.core.translations import lazy_text
from registry.freeze.vocabulary import Choices

# Kinds, states and effects of approvals. The codes are published.


class ApprovalKindCode(Choices):
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


class ApprovalState(Choices):
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
