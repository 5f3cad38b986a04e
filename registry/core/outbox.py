"""The outbox: what must be told outside leaves after the commit, from rows written with the change itself.

Whoever tells it takes the rows that wait, writes what follows from them, and marks them as delivered, all in one
transaction. What is sent is another table's (``registry/notifications/service.py``): the outbox knows no recipients.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, String, delete, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from registry.core.clock import now
from registry.core.database import Instant, Model, db
from registry.core.transactions import require_transaction


class OutboxMessage(Model):
    """One message that waits to be delivered. ``payload`` holds references, never findings themselves."""

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(primary_key=True)
    topic: Mapped[str] = mapped_column(String(60))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(Instant)
    delivered_at: Mapped[datetime | None] = mapped_column(Instant)

    __table_args__ = (
        Index(
            "ix_outbox_waiting",
            "id",
            sqlite_where=text("delivered_at IS NULL"),
            postgresql_where=text("delivered_at IS NULL"),
        ),
    )


def enqueue(topic: str, payload: Mapping[str, Any]) -> None:
    """Write a message with the open transaction. Raises RuntimeError when none is open."""
    require_transaction().add(OutboxMessage(**message_row(topic, payload)))


def message_row(topic: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    """A message as a row to insert with what it tells of."""
    return {"topic": topic, "payload": dict(payload), "created_at": now()}


def has_waiting() -> bool:
    """True when a message waits to be delivered."""
    db.session.rollback()
    return db.session.scalar(select(OutboxMessage.id).where(OutboxMessage.delivered_at.is_(None)).limit(1)) is not None


def lock_waiting(topics: Collection[str], most: int) -> list[OutboxMessage]:
    """The oldest messages of these topics that wait, marked as delivered with the open transaction.

    Two that take at once never get the same: PostgreSQL passes over rows that another holds, SQLite has one writer.
    """
    session = require_transaction()
    waiting = (
        select(OutboxMessage)
        .where(OutboxMessage.delivered_at.is_(None), OutboxMessage.topic.in_(topics))
        .order_by(OutboxMessage.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    taken = list(session.scalars(waiting.execution_options(populate_existing=True)))
    for message in taken:
        message.delivered_at = now()
    return taken


def mark_delivered(topics: Collection[str]) -> None:
    """Mark as delivered, in the open transaction, what waits of all other topics: nobody is told of them."""
    statement = (
        update(OutboxMessage)
        .where(OutboxMessage.delivered_at.is_(None), OutboxMessage.topic.not_in(topics))
        .values(delivered_at=now())
    )
    require_transaction().execute(statement, execution_options={"synchronize_session": False})


def delete_delivered(before: datetime) -> None:
    """Delete, in the open transaction, what was delivered before an instant."""
    statement = delete(OutboxMessage).where(OutboxMessage.delivered_at < before)
    require_transaction().execute(statement, execution_options={"synchronize_session": False})
