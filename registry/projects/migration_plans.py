"""The plan of an agency to migrate a project to the platform: when, in which wave, who, and what stands in the way.

Oversight confirms it; a plan that is changed waits to be confirmed again.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from registry.core.database import Instant, Model


class MigrationPlan(Model):
    """``month`` is its first day. ``confirmed_by`` and ``confirmed_at`` are None until oversight confirms it."""

    __tablename__ = "migration_plans"

    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), primary_key=True, autoincrement=False)
    month: Mapped[date]
    wave: Mapped[str | None] = mapped_column(String(100))
    responsible: Mapped[str] = mapped_column(String(200))
    obstacles: Mapped[str | None] = mapped_column(Text)
    planned_by: Mapped[str] = mapped_column(Text)
    planned_at: Mapped[datetime] = mapped_column(Instant)
    confirmed_by: Mapped[str | None] = mapped_column(Text)
    confirmed_at: Mapped[datetime | None] = mapped_column(Instant)

    __table_args__ = (Index(None, "month"),)
