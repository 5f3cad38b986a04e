"""Letters as they were issued. A row is written once and never changed; documents are made from it when asked for."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from registry.core.database import Instant, Model
from registry.projects.models import Project


class Letter(Model):
    """A letter. ``data``: everything that it says, as canonical JSON in both languages; ``sha256`` is of its bytes.

    ``agency_id``: the agency when it was issued. ``code``: what ``/verify`` asks for, 80 random bits. Without
    ``decision_id`` it is a question, a referral, or the closing of a case whose flags are cleared.
    """

    __tablename__ = "case_letters"

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
