"""Table of agencies: the hierarchy of organisations that must register projects, identified by BIN."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from sqlalchemy import ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from registry.core.database import Instant, Model, table_of


class Agency(Model):
    """An organisation. ``parent_id`` forms a tree: an editor of an agency also acts for its subordinate agencies.

    ``closed_on``: the first day on which it no longer exists; ``successor_id``: the agency that everything passed to.
    """

    __tablename__ = "agencies"

    id: Mapped[int] = mapped_column(primary_key=True)
    bin: Mapped[str] = mapped_column(String(12), unique=True)
    name_kk: Mapped[str | None] = mapped_column(String(500))
    name_ru: Mapped[str | None] = mapped_column(String(500))
    name_en: Mapped[str | None] = mapped_column(String(500))
    kind: Mapped[str] = mapped_column(String(20))
    region: Mapped[str | None] = mapped_column(String(2))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("agencies.id"), index=True)
    email: Mapped[str | None] = mapped_column(String(200))
    version: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)

    closed_on: Mapped[date | None]
    successor_id: Mapped[int | None] = mapped_column(ForeignKey("agencies.id"), index=True)

    parent: Mapped[Agency | None] = relationship(
        remote_side="Agency.id", foreign_keys=[parent_id], lazy="joined", join_depth=1
    )
    successor: Mapped[Agency | None] = relationship(
        remote_side="Agency.id", foreign_keys=[successor_id], lazy="joined", join_depth=1
    )

    @property
    def parent_bin(self) -> str | None:
        """The BIN of the parent agency."""
        return self.parent.bin if self.parent else None

    @property
    def successor_bin(self) -> str | None:
        """The BIN of the agency that succeeded it."""
        return self.successor.bin if self.successor else None


AGENCIES: Final = table_of(Agency)
