"""The table of approvals: what one person proposed and another decides, whatever the kind."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import JSON, ColumnElement, ForeignKey, Index, String, Text, and_, case, text
from sqlalchemy.orm import Mapped, mapped_column

from registry.accounts.account_names import MAX_NAME_LENGTH
from registry.approvals.vocabulary import ApprovalState
from registry.core.clock import now
from registry.core.database import Instant, Model

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
    proposed_account_id: Mapped[int | None] = mapped_column(ForeignKey("principals.id"))
    proposed_role: Mapped[str] = mapped_column(String(20))
    proposed_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    decided_by: Mapped[str | None] = mapped_column(String(MAX_NAME_LENGTH))
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
