"""Transactional outbox: messages about changes, written in the same transaction as the change.

The worker takes the undelivered rows, writes the resulting e-mails, and marks the rows as delivered, all in one
transaction. E-mails have a table of their own (``registry/notifications/service.py``): the outbox has no recipients.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, String, delete, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from registry.core.clock import now
from registry.core.database import Instant, Model, db, require_transaction


class OutboxMessage(Model):
    """A message to deliver. ``payload`` contains references, never the findings themselves."""

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
    """Add a message to the open transaction. Raises RuntimeError when none is open."""
    require_transaction().add(OutboxMessage(topic=topic, payload=dict(payload), created_at=now()))


def has_waiting(after: int = 0) -> bool:
    """Return True when there are undelivered messages with an id above ``after``."""
    db.session.rollback()
    waiting = select(OutboxMessage.id).where(OutboxMessage.delivered_at.is_(None), OutboxMessage.id > after)
    return db.session.scalar(waiting.limit(1)) is not None


def lock_waiting(topics: Collection[str], most: int, after: int = 0) -> list[OutboxMessage]:
    """Return the oldest undelivered messages of these topics, marked as delivered in the open transaction. ``after``:
    the highest id that is passed over.

    Concurrent workers never get the same message: they wait for each other, so that whoever comes second finds what
    the first has queued.
    """
    session = require_transaction()
    waiting = (
        select(OutboxMessage)
        .where(OutboxMessage.delivered_at.is_(None), OutboxMessage.topic.in_(topics), OutboxMessage.id > after)
        .order_by(OutboxMessage.id)
        .limit(most)
        .with_for_update()
    )
    messages = list(session.scalars(waiting.execution_options(populate_existing=True)))
    for message in messages:
        message.delivered_at = now()
    return messages


def mark_delivered(topics: Collection[str]) -> None:
    """Discard the undelivered messages of all other topics by marking them as delivered, in the open transaction."""
    statement = (
        update(OutboxMessage)
        .where(OutboxMessage.delivered_at.is_(None), OutboxMessage.topic.not_in(topics))
        .values(delivered_at=now())
    )
    require_transaction().execute(statement, execution_options={"synchronize_session": False})


def delete_delivered(before: datetime) -> None:
    """Delete the messages delivered before an instant, in the open transaction."""
    statement = delete(OutboxMessage).where(OutboxMessage.delivered_at < before)
    require_transaction().execute(statement, execution_options={"synchronize_session": False})
