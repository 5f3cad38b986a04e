"""Case models: cases, the flags they cover, timeline events and decisions. Audits open cases, people decide them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import JSON, ColumnElement, ForeignKey, Index, String, Subquery, Text, func, select, text
from sqlalchemy.orm import Mapped, column_property, mapped_column, relationship
from sqlalchemy.orm.attributes import set_committed_value

from registry.accounts.models import Account
from registry.accounts.roles import AGENCY_ROLES, Actor
from registry.core.clock import now
from registry.core.database import EPOCH, Event, Instant, Model, db, require_transaction, table_of
from registry.projects.models import Project

# An alias, so that statements that read accounts for other reasons may read the name of an assignee too.
ASSIGNEES: Final = table_of(Account).alias("assignees")


class Case(Model):
    """The review of a flagged project. The database allows one open case per project.

    ``from_severity``: the severity that opens cases at the time of opening. Weaker flags are displayed and decided with
    the case, but neither keep it open nor reopen it. ``due_on``: the date by which the responsible party must act: the
    reviewers, the agency that received a question, or the agency that received an order. ``review_days_left``: working
    days left of a paused review. ``exempt_since``: the case waits for the Commission because an exemption is in force.
    ``version`` increases with every action.
    """

    __tablename__ = "cases"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    status: Mapped[str] = mapped_column(String(24))
    severity: Mapped[str] = mapped_column(String(10))
    from_severity: Mapped[str] = mapped_column(String(10))
    assignee_account_id: Mapped[int | None] = mapped_column(ForeignKey(Account.id))
    opened_at: Mapped[datetime] = mapped_column(Instant)
    opened_by_audit: Mapped[int | None] = mapped_column(ForeignKey("audits.id"))
    due_on: Mapped[date | None]
    review_days_left: Mapped[int | None]
    exempt_since: Mapped[date | None]
    closed_at: Mapped[datetime | None] = mapped_column(Instant)
    outcome: Mapped[str | None] = mapped_column(String(24))
    version: Mapped[int] = mapped_column(default=1)
    changed_at: Mapped[datetime] = mapped_column(Instant, server_default=EPOCH)

    project_record: Mapped[Project] = relationship(lazy="raise")
    # Read once after the case was read or locked; actions add to them.
    decisions: Mapped[list[CaseDecision]] = relationship(order_by="CaseDecision.id")
    appeals: Mapped[list[Appeal]] = relationship(order_by="Appeal.id")
    events: Mapped[list[CaseEvent]] = relationship(order_by="CaseEvent.id", back_populates="case_record")
    # The present name, as it was when the case was read.
    assignee: Mapped[str | None] = column_property(
        select(ASSIGNEES.c.name)
        .where(ASSIGNEES.c.id == assignee_account_id)
        .correlate_except(ASSIGNEES)
        .scalar_subquery(),
        expire_on_flush=False,
    )

    __table_args__ = (
        Index(
            "uq_cases_open",
            "project_id",
            unique=True,
            sqlite_where=text("status <> 'closed'"),
            postgresql_where=text("status <> 'closed'"),
        ),
        Index(None, "project_id"),
        Index(None, "status", "due_on"),
        Index(None, "due_on", "id"),
        Index(None, "changed_at", "id"),
        Index(None, "assignee_account_id"),
        # The sorts of lists within a status; PostgreSQL has ix_cases_status_closed_at_down too.
        *(Index(None, "status", name, "id") for name in ("opened_at", "changed_at", "closed_at", "outcome")),
        # Sorts by severity, and by what is in the project, read this instead of the table.
        Index(None, "status", "severity", "project_id"),
    )

    def assign_to(self, account_id: int | None, name: str | None) -> None:
        """Give the case to an account with that name, or to nobody."""
        self.assignee_account_id = account_id
        set_committed_value(self, "assignee", name)


CASE: Final = table_of(Case)


class CaseFlag(Model):
    """A flag covered by a case. A flag can belong to several cases over time."""

    __tablename__ = "case_flags"

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    flag_id: Mapped[int] = mapped_column(ForeignKey("flags.id"), primary_key=True)

    __table_args__ = (Index(None, "flag_id", "case_id"),)


class CaseEvent(Model):
    """A timeline entry. ``by``: the name of the time. ``side``: ``oversight``, ``agency`` or ``audit``; ``by`` is then
    ``audit:<id>``.
    """

    __tablename__ = "case_events"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    at: Mapped[datetime] = mapped_column(Instant)
    action: Mapped[str] = mapped_column(String(24))
    by: Mapped[str] = mapped_column(Text)
    account_id: Mapped[int | None] = mapped_column(ForeignKey(Account.id))
    side: Mapped[str] = mapped_column(String(10))
    from_status: Mapped[str | None] = mapped_column(String(24))
    to_status: Mapped[str] = mapped_column(String(24))
    comment: Mapped[str | None] = mapped_column(Text)
    details: Mapped[dict[str, Any]] = mapped_column(JSON)
    visible_to_agency: Mapped[bool]
    comment_visible_to_agency: Mapped[bool]

    case_record: Mapped[Case] = relationship(lazy="raise", back_populates="events")

    __table_args__ = (Index(None, "case_id", "id"),)


AGENCY_SIDE: Final = "agency"
OVERSIGHT_SIDE: Final = "oversight"


def side_of(actor: Actor) -> str:
    """Return the side of a person or service account."""
    return AGENCY_SIDE if actor.role in AGENCY_ROLES else OVERSIGHT_SIDE


def add_event(
    actor: Actor,
    case: Case,
    action: str,
    *,
    from_status: str | None,
    comment: str | None = None,
    details: Mapping[str, Any] | None = None,
    for_agency: bool = True,
    comment_for_agency: bool = False,
) -> CaseEvent:
    """Add an entry of a timeline in the open transaction; a flush gives it its id. An agency sees all of its own."""
    from_agency = actor.role in AGENCY_ROLES
    event = CaseEvent(
        case_record=case,
        at=now(),
        action=action,
        by=actor.principal,
        account_id=actor.account_id,
        side=side_of(actor),
        from_status=from_status,
        to_status=case.status,
        comment=comment,
        details=dict(details or {}),
        visible_to_agency=for_agency or from_agency,
        comment_visible_to_agency=comment_for_agency or from_agency,
    )
    require_transaction().add(event)
    return event


class CaseDecision(Model):
    """A proposed decision and its outcome.

    ``outcome``: None while the proposal waits, then approved, returned, withdrawn or lapsed. ``seen``: flag id →
    fingerprint, and ``object`` → digest of which object it is, as the proposer saw them. An approved decision is in
    effect until ``ended_because`` is set: appealed, withdrawn or replaced. ``reason`` and ``legal_basis`` repeat one of
    their two languages; decisions of earlier versions have nothing else.
    """

    __tablename__ = "case_decisions"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    decision: Mapped[str] = mapped_column(String(24))
    reason_code: Mapped[str | None] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(Text)
    legal_basis: Mapped[str] = mapped_column(Text)
    reason_kk: Mapped[str | None] = mapped_column(Text)
    reason_ru: Mapped[str | None] = mapped_column(Text)
    legal_basis_kk: Mapped[str | None] = mapped_column(Text)
    legal_basis_ru: Mapped[str | None] = mapped_column(Text)
    due_on: Mapped[date | None]
    comment: Mapped[str | None] = mapped_column(Text)
    seen: Mapped[dict[str, str]] = mapped_column(JSON)
    proposed_by: Mapped[str] = mapped_column(Text)
    proposed_account_id: Mapped[int | None] = mapped_column(ForeignKey(Account.id))
    proposed_at: Mapped[datetime] = mapped_column(Instant)
    outcome: Mapped[str | None] = mapped_column(String(10))
    decided_by: Mapped[str | None] = mapped_column(Text)
    decided_account_id: Mapped[int | None] = mapped_column(ForeignKey(Account.id))
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    appeal_until: Mapped[date | None]
    order_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"))
    ended_because: Mapped[str | None] = mapped_column(String(10))

    proposer_record: Mapped[Account | None] = relationship(foreign_keys=proposed_account_id)

    __table_args__ = (
        Index(
            "uq_case_decisions_waiting",
            "case_id",
            unique=True,
            sqlite_where=text("outcome IS NULL"),
            postgresql_where=text("outcome IS NULL"),
        ),
        Index(None, "case_id", "id"),
    )

    @property
    def proposer(self) -> int | str:
        """The account that proposed it; without one the name."""
        return self.proposed_account_id or self.proposed_by

    def decide(self, outcome: str, actor: Actor) -> None:
        """Set the outcome of the waiting proposal."""
        self.outcome, self.decided_at = outcome, now()
        self.decided_by, self.decided_account_id = actor.principal, actor.account_id


class Appeal(Model):
    """An agency's appeal of a decision, decided by people who took no part in it, and what the court does then.

    ``event_id``: the entry of the timeline with its text. ``suspends``: the decision had no effect until the appeal was
    decided. ``outcome``: None while it is open; ``new_decision_id`` is the decision that it led to. ``in_court_on`` and
    ``settled_on``: the dates of the lawsuit and of the court's ruling.
    """

    __tablename__ = "appeals"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    decision_id: Mapped[int] = mapped_column(ForeignKey("case_decisions.id"), unique=True)
    event_id: Mapped[int] = mapped_column(ForeignKey("case_events.id"), unique=True)
    appealed_at: Mapped[datetime] = mapped_column(Instant)
    appealed_by: Mapped[str] = mapped_column(Text)
    suspends: Mapped[bool]
    outcome: Mapped[str | None] = mapped_column(String(12))
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    new_decision_id: Mapped[int | None] = mapped_column(ForeignKey("case_decisions.id"), unique=True)
    in_court_on: Mapped[date | None]
    settled_on: Mapped[date | None]
    court_outcome: Mapped[str | None] = mapped_column(String(12))

    __table_args__ = (
        Index(
            "uq_appeals_open",
            "case_id",
            unique=True,
            sqlite_where=text("outcome IS NULL"),
            postgresql_where=text("outcome IS NULL"),
        ),
        Index(None, "case_id", "id"),
    )


def proposer_before(event: CaseEvent, *conditions: ColumnElement[bool]) -> int | None:
    """Return the account that proposed the last decision before an entry of a timeline."""
    earlier = (CaseDecision.case_id == event.case_id, CaseDecision.proposed_at <= event.at, *conditions)
    proposer = select(CaseDecision.proposed_account_id).where(*earlier).order_by(CaseDecision.id.desc()).limit(1)
    return db.session.scalar(proposer)


def case_id_of_flag(flag_id: ColumnElement[int]) -> ColumnElement[int | None]:
    """Scalar subquery: the newest case that covers a flag, or NULL."""
    return (
        select(func.max(CaseFlag.case_id))
        .where(CaseFlag.flag_id == flag_id)
        .correlate_except(CaseFlag)
        .scalar_subquery()
    )


# Orders: approved decisions that an agency must carry out by a date. ``cases/decisions.py`` writes them.


class Order(Model):
    """In force from approval until it ends: withdrawn, replaced, or appealed where the policy says that an appeal
    suspends it. The newest order in force applies.
    """

    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    decision: Mapped[str] = mapped_column(String(20))
    due_on: Mapped[date | None]
    approved_at: Mapped[datetime] = mapped_column(Instant)
    approved_by: Mapped[str] = mapped_column(Text)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    ended_because: Mapped[str | None] = mapped_column(String(20))

    __table_args__ = (Index(None, "project_id"),)


def newest_in_force(*conditions: ColumnElement[bool]) -> Subquery:
    """Subquery of (project_id, order_id): each project's newest order in force that meets the conditions."""
    return (
        select(Order.project_id, func.max(Order.id).label("order_id"))
        .where(Order.ended_at.is_(None), *conditions)
        .group_by(Order.project_id)
        .subquery()
    )


# What the rules call the due date of a project's newest order in force, by its decisions.
ORDER_FACTS: Final[Mapping[str, tuple[str, ...]]] = {
    "order_migrate_by": ("migrate_by",),
    "order_end_by": ("stop", "write_off"),
}


def order_facts(decision: str | None = None, due_on: date | None = None) -> dict[str, Any]:
    """Return the facts that a project's newest order in force gives to the rules."""
    return {name: due_on if decision in decisions else None for name, decisions in ORDER_FACTS.items()}


def order_in_force(project_id: int) -> dict[str, Any]:
    """Return the facts of the project's newest order in force."""
    newest = db.session.scalar(
        select(Order).where(Order.project_id == project_id, Order.ended_at.is_(None)).order_by(Order.id.desc()).limit(1)
    )
    return order_facts() if newest is None else order_facts(newest.decision, newest.due_on)


# Events of cases, published inside the transaction of the change, after its entries of the timeline are written.

case_acted: Final[Event[[Actor, Case, CaseEvent, CaseDecision | None]]] = Event("case_acted")
"""A person or a service account acted: the case after it, its entry of the timeline, and the proposal that waited."""
case_seen: Final[Event[[Actor, int, int]]] = Event("case_seen")
"""A person has seen a case: the actor, the id of the case, and up to which entry of its timeline."""


class CaseVisit(Model):
    """The newest entry of the timeline that a person has seen, and when."""

    __tablename__ = "case_visits"

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), primary_key=True, autoincrement=False)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True, autoincrement=False)
    event_id: Mapped[int] = mapped_column(ForeignKey("case_events.id"))
    at: Mapped[datetime] = mapped_column(Instant)


class CaseDocument(Model):
    """To which entry of the timeline a document belongs."""

    __tablename__ = "case_documents"

    document_id: Mapped[int] = mapped_column(ForeignKey("documents.id"), primary_key=True, autoincrement=False)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    event_id: Mapped[int] = mapped_column(ForeignKey("case_events.id"), index=True)


class CaseTemplate(Model):
    """A text to begin a question or a reason with. ``rule``: None for any rule. ``version`` rises with every change."""

    __tablename__ = "case_templates"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    rule: Mapped[str | None] = mapped_column(String(60))
    language: Mapped[str] = mapped_column(String(2))
    title: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text)
    version: Mapped[int] = mapped_column(default=1)
    changed_at: Mapped[datetime] = mapped_column(Instant)
    changed_by: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (Index(None, "rule", "kind"),)
