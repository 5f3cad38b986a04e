"""Table of requests, and their closed sets."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from registry.accounts.account_names import MAX_NAME_LENGTH
from registry.accounts.models import Account
from registry.agencies.models import Agency
from registry.core.clock import today
from registry.core.database import Instant, Model
from registry.core.translations import lazy_text
from registry.freeze.vocabulary import Choices
from registry.projects.models import Project

# Kinds and states of requests. The codes are published; how they are decided is in ``kinds.py``.


class RequestKind(Choices, field="request_kind"):
    """What is asked for. Each kind has a handler."""

    SUCCESSION = "succession", lazy_text("Succession of an agency")
    TRANSFER = "transfer", lazy_text("Transfer of a project")
    WITHDRAWAL = "withdrawal", lazy_text("Withdrawal of a project")
    CONFIRMATION = "confirmation_request", lazy_text("Confirmation of a fact")


class SuccessionKind(Choices, field="succession_kind"):
    """How an agency passes on what it has. A division passes the listed projects only; the agency goes on."""

    MERGER = "merger", lazy_text("Merger: the agency becomes part of the successor")
    RENAMING = "renaming", lazy_text("Renaming: the agency continues under another BIN")
    DIVISION = "division", lazy_text("Division: the listed projects go to the successor")


class RequestState(Choices, field="request_state"):
    """Where a request stands."""

    WAITING = "waiting", lazy_text("Waiting for a decision")
    CONFIRMED = "confirmed", lazy_text("Request confirmed")
    REFUSED = "refused", lazy_text("Refused")
    CANCELLED = "cancelled", lazy_text("Cancelled")


# The table of requests: what somebody asks for and somebody else decides, whatever the kind.

MAX_TEXT_LENGTH = 5000
ONE_WAITING_FOR_AGENCY = text("state = 'waiting' AND project_id IS NULL")
ONE_WAITING_FOR_PROJECT = text("state = 'waiting' AND project_id IS NOT NULL")
TO_CARRY_OUT = text("state = 'confirmed' AND carried_out_at IS NULL")


class Request(Model):
    """A request about an agency, or about a project of it.

    ``agency_id``: the agency that it is about, as it was when it was asked. ``to_agency_id``: the agency that gets
    something by it. ``on``: the day from which it takes effect; None for kinds that take effect with the confirmation.
    ``details``: what only its kind has, as its schema validated it. ``first_decided_by``: the first of two people, for
    requests that two people decide. ``carried_out_at``: when a confirmed request took effect.
    """

    __tablename__ = "requests"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(30))
    state: Mapped[str] = mapped_column(String(10))
    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    project_id: Mapped[int | None] = mapped_column(ForeignKey("projects.id"))
    to_agency_id: Mapped[int | None] = mapped_column(ForeignKey("agencies.id"))
    on: Mapped[date | None]
    act: Mapped[str | None] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    details: Mapped[dict[str, Any]] = mapped_column(JSON)
    asked_by: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH))
    asked_account_id: Mapped[int | None] = mapped_column(ForeignKey(Account.id))
    asked_at: Mapped[datetime] = mapped_column(Instant)
    first_decided_by: Mapped[str | None] = mapped_column(String(MAX_NAME_LENGTH))
    first_decided_account_id: Mapped[int | None] = mapped_column(ForeignKey(Account.id))
    first_decided_at: Mapped[datetime | None] = mapped_column(Instant)
    decided_by: Mapped[str | None] = mapped_column(String(MAX_NAME_LENGTH))
    decided_account_id: Mapped[int | None] = mapped_column(ForeignKey(Account.id))
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    decision_reason: Mapped[str | None] = mapped_column(Text)
    carried_out_at: Mapped[datetime | None] = mapped_column(Instant)

    agency_record: Mapped[Agency] = relationship(foreign_keys=[agency_id], lazy="joined", innerjoin=True)
    to_agency_record: Mapped[Agency | None] = relationship(foreign_keys=[to_agency_id], lazy="joined")
    project_record: Mapped[Project | None] = relationship(lazy="joined")

    __table_args__ = (
        Index(
            "uq_requests_waiting_agency",
            "kind",
            "agency_id",
            unique=True,
            sqlite_where=ONE_WAITING_FOR_AGENCY,
            postgresql_where=ONE_WAITING_FOR_AGENCY,
        ),
        Index(
            "uq_requests_waiting_project",
            "kind",
            "project_id",
            unique=True,
            sqlite_where=ONE_WAITING_FOR_PROJECT,
            postgresql_where=ONE_WAITING_FOR_PROJECT,
        ),
        Index("ix_requests_to_carry_out", "on", "id", sqlite_where=TO_CARRY_OUT, postgresql_where=TO_CARRY_OUT),
        Index(None, "agency_id"),
        Index(None, "to_agency_id"),
        Index(None, "project_id"),
    )

    @property
    def is_open(self) -> bool:
        """True while it waits for a decision, and when it is confirmed for a later day."""
        open_states = (RequestState.WAITING, RequestState.CONFIRMED)
        return self.state in open_states and self.carried_out_at is None

    @property
    def is_due(self) -> bool:
        """True when it is confirmed for today or earlier and has not taken effect."""
        due = self.on is not None and self.on <= today()
        return due and self.state == RequestState.CONFIRMED and self.carried_out_at is None

    @property
    def agency(self) -> str:
        """The BIN of the agency that the request is about."""
        return self.agency_record.bin

    @property
    def project(self) -> str | None:
        """The number of the project that the request is about; None when it is about an agency."""
        return None if self.project_record is None else self.project_record.number

    @property
    def subject_project(self) -> Project:
        """The project of a request that is about one."""
        if self.project_record is None:
            raise RuntimeError("the request is about an agency")
        return self.project_record

    @property
    def to_agency(self) -> str | None:
        """The BIN of the agency that gets something by it."""
        return None if self.to_agency_record is None else self.to_agency_record.bin
