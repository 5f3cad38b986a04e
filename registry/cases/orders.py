"""Orders: approved decisions that an agency must carry out by a date. ``cases/decisions.py`` writes them."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ColumnElement, ForeignKey, Index, String, Subquery, Text, func, select
from sqlalchemy.orm import Mapped, mapped_column

from registry.core.database import Instant, Model, db


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


def migrate_by_in_force(project_id: int) -> date | None:
    """Return the due date of the project's newest order in force, if that order is ``migrate_by``."""
    newest = db.session.scalar(
        select(Order).where(Order.project_id == project_id, Order.ended_at.is_(None)).order_by(Order.id.desc()).limit(1)
    )
    return newest.due_on if newest is not None and newest.decision == "migrate_by" else None
