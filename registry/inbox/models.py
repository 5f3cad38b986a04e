"""Tables of the inbox, and the kinds of its entries."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from registry.core.database import Instant, Model
from registry.core.translations import lazy_text
from registry.freeze.vocabulary import Choices

# Closed vocabulary of the inbox: what an entry is about (docs/reference/api.md).


class EntryKind(Choices, field="inbox_kind"):
    """Kinds of entries. Of one event a person gets one entry."""

    ANSWERED = "answered", lazy_text("The agency answered")
    RETURNED = "returned", lazy_text("Your proposal was returned")
    APPEALED = "appealed", lazy_text("The agency appealed")
    APPEALED_OWN = (
        "appealed_own",
        lazy_text("The agency appealed a decision that you proposed or approved: another person decides"),
    )
    REOPENED = "reopened", lazy_text("Your case was reopened")
    ASSIGNED = "assigned", lazy_text("Assigned to you")
    QUESTION = "question", lazy_text("Question to your agency")
    ORDER = "order", lazy_text("Order to your agency")
    DECISION = "decision", lazy_text("Decision on a project of your agency")
    MENTIONED = "mentioned", lazy_text("You were mentioned")
    COMMENTED = "commented", lazy_text("Comment on a case that you follow")
    STATUS_CHANGED = "status_changed", lazy_text("Change of a case that you follow")


# Inbox models: entries of people, and what people follow.


class InboxEntry(Model):
    """One entry of one person, about an entry of a case's timeline. ``read_at``: None until the person has read it."""

    __tablename__ = "inbox_entries"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    kind: Mapped[str] = mapped_column(String(20))
    event_id: Mapped[int] = mapped_column(ForeignKey("case_events.id"))
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    at: Mapped[datetime] = mapped_column(Instant)
    read_at: Mapped[datetime | None] = mapped_column(Instant)

    __table_args__ = (
        Index("uq_inbox_entries_account_id_event_id", "account_id", "event_id", unique=True),
        Index(None, "account_id", "id"),
        Index(
            "ix_inbox_entries_unread",
            "account_id",
            "id",
            sqlite_where=text("read_at IS NULL"),
            postgresql_where=text("read_at IS NULL"),
        ),
        Index(None, "event_id"),
        Index(None, "case_id"),
        Index(None, "project_id"),
    )


class Watch(Model):
    """A case or a project that a person follows, one of both; of a project, all its cases."""

    __tablename__ = "watches"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    case_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"))
    project_id: Mapped[int | None] = mapped_column(ForeignKey("projects.id"))
    created_at: Mapped[datetime] = mapped_column(Instant)

    __table_args__ = (
        Index("uq_watches_case_id_account_id", "case_id", "account_id", unique=True),
        Index("uq_watches_project_id_account_id", "project_id", "account_id", unique=True),
        Index(None, "account_id"),
    )
