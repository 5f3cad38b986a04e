"""Orders in force as the register knew them at an earlier moment."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import or_, select

from registry.cases.orders import Order
from registry.core.database import db


def migrate_by_known_at(at: datetime, after: int, to: int) -> dict[int, date | None]:
    """Return the due date of each newest order in force that is ``migrate_by``, by project in ``after < id <= to``."""
    statement = (
        select(Order.project_id, Order.decision, Order.due_on)
        .where(Order.project_id > after, Order.project_id <= to, Order.approved_at <= at)
        .where(or_(Order.ended_at.is_(None), Order.ended_at > at))
        .order_by(Order.id)
    )
    newest = {project_id: (decision, due_on) for project_id, decision, due_on in db.session.execute(statement)}
    return {project_id: due_on for project_id, (decision, due_on) in newest.items() if decision == "migrate_by"}
