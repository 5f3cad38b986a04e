"""Table of letters, and their kinds."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from registry.core.database import Instant, Model
from registry.core.translations import lazy_text
from registry.freeze.vocabulary import Choices
from registry.projects.models import Project

# Kinds of letters, and why a letter no longer stands.


class LetterKind(Choices, field="letter_kind"):
    """What a letter says. A referral goes to the Commission, every other kind to the agency."""

    ORDER = "order", lazy_text("Order to the agency")
    QUESTION = "question", lazy_text("Question to the agency")
    REFERRAL = "referral", lazy_text("Referral to the Commission")
    CLOSING = "closing", lazy_text("Notice that a case is closed")


class LetterEnd(Choices, field="letter_end"):
    """Why a letter no longer stands."""

    APPEALED = "appealed", lazy_text("The agency appealed it")
    WITHDRAWN = "withdrawn", lazy_text("It was withdrawn")
    REPLACED = "replaced", lazy_text("Another decision replaced it")
    REOPENED = "reopened", lazy_text("The case was opened again")


# Letters as they were issued. A row is written once and never changed; documents are made from it when asked for.


class Letter(Model):
    """A letter. ``data``: everything that it says, as canonical JSON in both languages; ``sha256`` is of its bytes.

    ``agency_id``: the agency when it was issued. ``code``: what ``/verify`` asks for, 80 random bits. Without
    ``decision_id`` it is a question, a referral, or the closing of a case whose flags are cleared.
    """

    __tablename__ = "letters"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(20), unique=True)
    kind: Mapped[str] = mapped_column(String(10))
    issued_on: Mapped[date]
    issued_at: Mapped[datetime] = mapped_column(Instant)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    event_id: Mapped[int] = mapped_column(ForeignKey("case_events.id"), unique=True)
    decision_id: Mapped[int | None] = mapped_column(ForeignKey("case_decisions.id"))
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    code: Mapped[str] = mapped_column(String(16), unique=True)
    data: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))

    project_record: Mapped[Project] = relationship(lazy="raise")

    __table_args__ = (Index(None, "case_id"), Index(None, "project_id"), Index(None, "issued_on", "id"))


class LetterSeries(Model):
    """The last serial used in a year."""

    __tablename__ = "letter_series"

    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]
