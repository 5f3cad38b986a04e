"""What waits to be worked off, and since when: for monitoring."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any, NamedTuple

from sqlalchemy import func, select

from registry.core.clock import local_instant, now, today
from registry.core.database import db
from registry.core.outbox import OutboxMessage
from registry.imports.models import ImportRun
from registry.notifications.service import queue_state
from registry.requests.models import Request
from registry.requests.vocabulary import RequestState
from registry.webhooks.queue import due_deliveries


class Queue(NamedTuple):
    """A queue: how many wait, and since when the oldest does; None when none does."""

    waiting: int
    oldest_at: datetime | None


def queues() -> dict[str, Queue]:
    """All queues by name. A confirmed request waits from the beginning of its day on."""
    emails = queue_state()
    due = (Request.state == RequestState.CONFIRMED.value, Request.carried_out_at.is_(None), Request.on <= today())
    requests, first_day = db.session.execute(select(func.count(), func.min(Request.on)).where(*due)).one()
    return {
        "outbox": _queue(OutboxMessage.created_at, OutboxMessage.delivered_at.is_(None)),
        "imports": _queue(ImportRun.queued_at, (ImportRun.state == "queued") | _is_abandoned()),
        "emails": Queue(emails.waiting, emails.oldest_at),
        "webhooks": Queue(*due_deliveries()),
        "requests": Queue(requests, None if first_day is None else local_instant(first_day, time())),
    }


def _is_abandoned() -> Any:
    # Its scheduler was killed; the next one takes it up.
    return (ImportRun.state == "running") & (ImportRun.lease_until < now())


def _queue(since: Any, waits: Any) -> Queue:
    return Queue(*db.session.execute(select(func.count(), func.min(since)).where(waits)).one())
