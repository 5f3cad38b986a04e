"""Confirmed requests that could not take effect: saved once a day, for a notice and for the page of the request."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from sqlalchemy import select

from registry.accounts.actors import SCHEDULE
from registry.core import outbox
from registry.core.clock import local_date, now, rfc3339, today
from registry.core.transactions import transaction
from registry.requests.journal_entries import record
from registry.requests.models import Request

FAILED_TOPIC: Final = "request.failed"


def save_failure(request_id: int) -> None:
    """Save that a due request failed now, unless that was saved today or it has been decided otherwise meanwhile."""
    with transaction() as session:
        statement = select(Request).where(Request.id == request_id).with_for_update(of=Request)
        request = session.scalars(statement.execution_options(populate_existing=True)).one()
        if not request.is_due or _failed_on(request) == today():
            return
        request.details = {**request.details, "failed_at": rfc3339(now())}
        record(SCHEDULE, "failed", request)
        outbox.enqueue(FAILED_TOPIC, {"request": request.id})


def _failed_on(request: Request) -> date | None:
    at = request.details.get("failed_at")
    return None if at is None else local_date(datetime.fromisoformat(at))
