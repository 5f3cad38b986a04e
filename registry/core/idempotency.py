"""Idempotency: stored responses to POST requests with an Idempotency-Key.

A repeated request with the same key, principal, route and body gets the first response again for 24 hours.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from registry.core.database import Instant, Model

RETENTION = timedelta(hours=24)


class StoredResponse(Model):
    """The first response to a POST with an Idempotency-Key, written in the same transaction as the change."""

    __tablename__ = "kept_answers"

    id: Mapped[int] = mapped_column(primary_key=True)
    principal: Mapped[str] = mapped_column(Text)
    route: Mapped[str] = mapped_column(Text)
    key: Mapped[str] = mapped_column(String(200))
    request_hash: Mapped[str] = mapped_column(String(64))
    status: Mapped[int | None]
    headers: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
    at: Mapped[datetime] = mapped_column(Instant)

    __table_args__ = (UniqueConstraint("principal", "route", "key"),)
