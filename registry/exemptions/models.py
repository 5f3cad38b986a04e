"""Tables of exemptions, decisions of the Commission under the President, and of their documents."""

from datetime import date, datetime
from typing import Final

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from registry.core.clock import today
from registry.core.database import Instant, Model, table_of
from registry.projects.models import Project


class Exemption(Model):
    """A decision, in force from ``valid_from`` to ``valid_to`` inclusive unless revoked."""

    __tablename__ = "exemptions"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    decision_number: Mapped[str] = mapped_column(String(200))
    decided_on: Mapped[date]
    valid_from: Mapped[date]
    valid_to: Mapped[date]
    scope: Mapped[str | None] = mapped_column(Text)
    conditions: Mapped[str | None] = mapped_column(Text)
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    recorded_by: Mapped[str] = mapped_column(Text)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)
    revoked_by: Mapped[str | None] = mapped_column(Text)
    revocation_reason: Mapped[str | None] = mapped_column(Text)

    project_record: Mapped[Project] = relationship(lazy="joined", innerjoin=True)

    __table_args__ = (Index(None, "project_id", "valid_to"),)

    @property
    def project(self) -> str:
        """The project's number."""
        return self.project_record.number

    @property
    def status(self) -> str:
        """``revoked``, ``future``, ``in_force`` or ``expired``, today."""
        if self.revoked_at is not None:
            return "revoked"
        if today() < self.valid_from:
            return "future"
        return "in_force" if today() <= self.valid_to else "expired"


class ExemptionDocument(Model):
    """To which exemption a document belongs."""

    __tablename__ = "exemption_documents"

    document_id: Mapped[int] = mapped_column(ForeignKey("documents.id"), primary_key=True, autoincrement=False)
    exemption_id: Mapped[int] = mapped_column(ForeignKey("exemptions.id"), index=True)


EXEMPTIONS: Final = table_of(Exemption)
