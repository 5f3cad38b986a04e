"""Models of outbound notices and digests. ``notifications/service.py`` writes them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, false, update
from sqlalchemy.orm import Mapped, mapped_column

from registry.core.database import Instant, Model
from registry.core.transactions import require_transaction
from registry.notifications.vocabulary import Channel


class OutboundEmail(Model):
    """One e-mail, or one message through Aitu, to one recipient, a person or an agency.

    ``events``: what it notifies of, as ``{kind, references, count}``; references are numbers, never findings or names.
    Where letters say more, ``letters`` has their numbers by reference. The overview of the week has ``figures``.
    ``key`` is the Message-ID, or the localId of Aitu's bot API, the same at each attempt. ``state``: ``waiting``,
    ``sent``, ``failed`` (given up; see ``error``) or ``dropped`` (no recipient any more). While it is being sent, it is
    ``waiting`` with ``next_try_at`` some minutes ahead, so that it is retried if the sender is killed. ``is_copy``: a
    message through Aitu whose notice also goes by e-mail. ``fell_back``: an e-mail in place of a message that Aitu did
    not deliver.
    """

    __tablename__ = "letters"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(32), unique=True)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    agency_id: Mapped[int | None] = mapped_column(ForeignKey("agencies.id"))
    is_digest: Mapped[bool]
    events: Mapped[list[dict[str, Any]]] = mapped_column("told", JSON)
    created_at: Mapped[datetime] = mapped_column(Instant)
    state: Mapped[str] = mapped_column(String(10))
    tries: Mapped[int]
    next_try_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    error: Mapped[str | None] = mapped_column(Text)
    # The defaults are those of rows that a process of the previous version writes.
    channel: Mapped[str] = mapped_column(String(10), server_default=Channel.EMAIL.value)
    is_copy: Mapped[bool] = mapped_column(server_default=false())
    fell_back: Mapped[bool] = mapped_column(server_default=false())

    __table_args__ = (Index(None, "state", "next_try_at"), Index(None, "created_at"))


def pass_on_emails(former_id: int, successor_id: int) -> None:
    """Send e-mails that wait for an agency's address to its successor's, in the open transaction."""
    waiting = (OutboundEmail.agency_id == former_id, OutboundEmail.state == "waiting")
    statement = update(OutboundEmail).where(*waiting).values(agency_id=successor_id)
    require_transaction().execute(statement, execution_options={"synchronize_session": False})


class WeeklyOverview(Model):
    """A week whose overview was sent by e-mail."""

    __tablename__ = "weekly_overviews"

    monday: Mapped[date] = mapped_column(primary_key=True)


class Digest(Model):
    """A completed digest of one working day; it covers the time from the last digest to ``until``."""

    __tablename__ = "digests"

    on: Mapped[date] = mapped_column(primary_key=True)
    until: Mapped[datetime] = mapped_column(Instant)
