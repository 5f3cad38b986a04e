"""Letters and digests, as rows. ``notifications/service.py`` writes them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from registry.core.database import Instant, Model


class OutboundEmail(Model):
    """What one recipient, a person or an agency, is told in one e-mail.

    ``told``: what happened, as ``{kind, references, count}``; references are numbers, never findings or names.
    ``key`` names the letter to mail servers, the same at every try. ``state``: ``waiting``, ``sent``, ``failed`` (given
    up, ``error`` says why) or ``dropped`` (there is nobody to tell it any more). A letter that is being sent is
    ``waiting`` with a ``next_try_at`` some minutes ahead, so that what a killed sender held is tried again.
    """

    __tablename__ = "letters"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(32), unique=True)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    agency_id: Mapped[int | None] = mapped_column(ForeignKey("agencies.id"))
    is_digest: Mapped[bool]
    told: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(Instant)
    state: Mapped[str] = mapped_column(String(10))
    tries: Mapped[int]
    next_try_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    error: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (Index(None, "state", "next_try_at"), Index(None, "created_at"))


class Digest(Model):
    """The digest of one working day was made; it told what began after the last one and up to ``until``."""

    __tablename__ = "digests"

    on: Mapped[date] = mapped_column(primary_key=True)
    until: Mapped[datetime] = mapped_column(Instant)
