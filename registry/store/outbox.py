"""The outbox: what must be told outside leaves after the commit, from rows written with the change itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from registry.store.clock import now
from registry.store.database import Instant, Model
from registry.store.transaction import require_transaction


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


def send_later(topic: str, payload: Mapping[str, Any]) -> None:
    """Write a message with the open transaction. Raises RuntimeError when none is open."""
    require_transaction().add(OutboxMessage(topic=topic, payload=dict(payload), created_at=now()))
