"""Writing letters, finding them, and forgetting them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, func, select

from registry.core.clock import now
from registry.core.database import db
from registry.core.outbox import delete_delivered
from registry.core.transactions import require_transaction, transaction
from registry.notifications.kinds import KINDS
from registry.notifications.models import OutboundEmail
from registry.notifications.recipients import Recipient

STATES: Final = ("waiting", "sent", "failed", "dropped")
KEPT_FOR: Final = timedelta(days=30)
MOST_REFERENCES: Final = 20


@dataclass(frozen=True, slots=True)
class QueueState:
    """How many letters wait, since when the oldest does, and how many of the last 30 days were given up."""

    waiting: int
    oldest_at: datetime | None
    failed: int


def queue_email(
    to: Recipient, told: Mapping[str, Sequence[int | str]], moment: datetime, *, is_digest: bool = False
) -> None:
    """Write a letter in the open transaction: by kind all that it is about, of which the first 20 will be named."""
    require_transaction().add(
        OutboundEmail(
            key=secrets.token_hex(16),
            person_id=to.person_id,
            agency_id=to.agency_id,
            is_digest=is_digest,
            told=[
                {"kind": kind, "references": list(told[kind][:MOST_REFERENCES]), "count": len(told[kind])}
                for kind in KINDS
                if told.get(kind)
            ],
            created_at=moment,
            state="waiting",
            tries=0,
            next_try_at=moment,
        )
    )


def latest_emails(state: str | None, limit: int) -> list[OutboundEmail]:
    """The latest letters, newest first, of one state when it is given."""
    statement = select(OutboundEmail).order_by(OutboundEmail.id.desc()).limit(limit)
    if state is not None:
        statement = statement.where(OutboundEmail.state == state)
    return list(db.session.scalars(statement.execution_options(populate_existing=True)))


def queue_state() -> QueueState:
    """What waits and what was given up."""
    waiting, oldest = db.session.execute(
        select(func.count(), func.min(OutboundEmail.created_at)).where(OutboundEmail.state == "waiting")
    ).one()
    failed = db.session.scalar(select(func.count()).where(OutboundEmail.state == "failed"))
    return QueueState(waiting, oldest, failed or 0)


def delete_old_emails() -> None:
    """Delete letters, and what the outbox has handed on, after 30 days."""
    before = now() - KEPT_FOR
    with transaction() as session:
        session.execute(delete(OutboundEmail).where(OutboundEmail.created_at < before))
        delete_delivered(before)
